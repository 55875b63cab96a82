"""The contract test of cassettes: subclass it, give it a `cassette` fixture, and pytest runs it.

    class TestMyCassette(CassetteContract):
        @pytest.fixture
        def cassette(self):
            with MyCassette() as cassette:
                yield cassette

Each test wants a cassette of its own, empty.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from secrets import token_bytes
from typing import Any, Final

from playback_core.codec import encode
from playback_core.entry import Entry, EntryKind
from playback_core.errors import NoSuchRecording, SettingsError
from playback_core.recording import Recording
from playback_core.recording_filter import epoch_nanoseconds
from playback_core.recording_id import category_of
from playback_core.tape_cassette import TapeCassette

_CATEGORIES: Final = ("Operation", "api.v1.users", "a/b c%2F?#", "GET /ü/<id>", "*[!x]")
_LARGE: Final = 100_000
_DAY: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def save_new(
    cassette: TapeCassette,
    category: str = "Operation",
    *,
    started_at: datetime | None = None,
    **metadata: Any,
) -> str:
    """Save a small recording and return its id."""
    recording = cassette.create_new_recording(category)
    if started_at is not None:
        recording.started_at = epoch_nanoseconds(started_at)
    recording.set_data("key", {"value": 1})
    recording.add_metadata(metadata)
    cassette.save_recording(recording)
    return recording.id


class CassetteWriteContract:
    """What holds for every cassette that can be recorded to."""

    def test_a_saved_recording_is_read_back_as_it_was(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        recording.set_data("key", {"list": [1, 2.5, None, "ä", b"\x00"]})
        recording.entries.append(
            Entry(
                EntryKind.INPUT, "load", (0, 1), encode([[1], {"a": 2}]), encode("x"), False, 7_000
            )
        )
        recording.add_metadata({"user": 7, "when": _DAY})
        cassette.save_recording(recording)
        stored = cassette.readable().get_recording(recording.id)
        assert stored.id == recording.id
        assert stored.started_at == recording.started_at
        assert stored.get_data("key") == {"list": [1, 2.5, None, "ä", b"\x00"]}
        assert stored.get_all_keys() == recording.get_all_keys()
        assert [_fields(e) for e in stored.entries] == [_fields(e) for e in recording.entries]
        assert stored.get_metadata() == {"user": 7, "when": _DAY}

    def test_a_saved_recording_is_closed(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        cassette.save_recording(recording)
        with _raises(SettingsError):
            recording.set_data("late", 1)

    def test_an_aborted_recording_is_not_stored(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        cassette.abort_recording(recording)
        kept = save_new(cassette)
        assert list(cassette.readable().iter_recording_ids("Operation")) == [kept]
        with _raises(SettingsError):
            recording.set_data("late", 1)

    def test_an_id_tells_its_category_whatever_characters_it_has(
        self, cassette: TapeCassette
    ) -> None:
        for category in _CATEGORIES:
            recording_id = save_new(cassette, category)
            assert cassette.extract_recording_category(recording_id) == category
            assert category_of(recording_id) == category
        readable = cassette.readable()
        for category in _CATEGORIES:
            assert len(list(readable.iter_recording_ids(category))) == 1

    def test_what_is_no_id_has_no_category(self, cassette: TapeCassette) -> None:
        with _raises(SettingsError):
            cassette.extract_recording_category("no id")

    def test_a_large_recording_is_stored_whole(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        data = bytes(range(256)) * 4096
        recording.set_data("key", data)
        cassette.save_recording(recording)
        assert cassette.readable().get_recording(recording.id).get_data("key") == data

    def test_saving_an_id_again_replaces_it(self, cassette: TapeCassette) -> None:
        first = cassette.create_new_recording("Operation")
        first.add_metadata({"user": 1})
        cassette.save_recording(first)
        second = Recording(first.id, started_at=first.started_at, metadata={"user": 2})
        cassette.save_recording(second)
        readable = cassette.readable()
        assert list(readable.iter_recording_ids("Operation", metadata={"user": 1})) == []
        assert list(readable.iter_recording_ids("Operation", metadata={"user": 2})) == [first.id]

    def test_closing_twice_is_allowed(self, cassette: TapeCassette) -> None:
        cassette.close()
        cassette.close()


class CassetteReadContract:
    """What holds for every cassette that can be read; it is filled by saving."""

    def test_an_unknown_id_is_no_such_recording(self, cassette: TapeCassette) -> None:
        unknown = cassette.create_new_recording("Operation").id
        for read in (cassette.get_recording, cassette.get_recording_metadata):
            with _raises(NoSuchRecording) as caught:
                read(unknown)
            assert unknown in str(caught[0])

    def test_each_read_gives_a_fresh_value(self, cassette: TapeCassette) -> None:
        recording_id = save_new(cassette, tags=["a"])
        cassette.get_recording(recording_id).get_data("key").clear()
        cassette.get_recording_metadata(recording_id)["tags"].append("b")
        assert cassette.get_recording(recording_id).get_data("key") == {"value": 1}
        assert cassette.get_recording_metadata(recording_id) == {"tags": ["a"]}

    def test_ids_come_oldest_first_and_of_one_category(self, cassette: TapeCassette) -> None:
        later = save_new(cassette, started_at=_DAY + timedelta(days=1))
        first = save_new(cassette, started_at=_DAY)
        same = save_new(cassette, started_at=_DAY)
        save_new(cassette, "Other", started_at=_DAY)
        assert list(cassette.iter_recording_ids("Operation")) == [first, same, later]
        assert list(cassette.iter_recording_ids("Opera*")) == []
        assert list(cassette.iter_categories()) == ["Operation", "Other"]

    def test_dates_are_inclusive_and_naive_ones_mean_utc(self, cassette: TapeCassette) -> None:
        ids = [save_new(cassette, started_at=_DAY + timedelta(hours=n)) for n in range(4)]
        naive = _DAY.replace(tzinfo=None)
        east = timezone(timedelta(hours=5))
        hour = timedelta(hours=1)
        find = cassette.iter_recording_ids
        assert list(find("Operation", _DAY + hour, _DAY + 2 * hour)) == ids[1:3]
        assert list(find("Operation", naive + hour, naive + 2 * hour)) == ids[1:3]
        assert list(find("Operation", (_DAY + hour).astimezone(east))) == ids[1:]
        assert list(find("Operation", end_date=_DAY - timedelta(microseconds=1))) == []
        assert list(find("Operation", *_ALWAYS)) == ids

    def test_a_limit_counts_what_matches(self, cassette: TapeCassette) -> None:
        ids = [save_new(cassette, started_at=_DAY, even=n % 2 == 0) for n in range(6)]
        find = cassette.iter_recording_ids
        assert list(find("Operation", limit=2)) == ids[:2]
        assert list(find("Operation", metadata={"even": True}, limit=2)) == [ids[0], ids[2]]
        assert list(find("Operation", limit=0)) == []
        with _raises(SettingsError):
            find("Operation", limit=-1)

    def test_random_results_are_a_sample_of_the_matches(self, cassette: TapeCassette) -> None:
        ids = [save_new(cassette, even=n % 2 == 0) for n in range(40)]
        find = cassette.iter_recording_ids
        shuffled = list(find("Operation", random_results=True))
        assert sorted(shuffled) == sorted(ids)
        assert any(list(find("Operation", random_results=True)) != shuffled for _ in range(5))
        sample = list(find("Operation", metadata={"even": True}, limit=5, random_results=True))
        assert len(set(sample)) == 5
        assert set(sample) <= set(ids[::2])

    def test_metadata_filters(self, cassette: TapeCassette) -> None:
        recorded: list[dict[str, Any]] = [
            {"user": 1, "name": "anna", "ratio": 0.5},
            {"user": 2, "name": "annabel", "tags": ["a"]},
            {"user": None, "name": "bob", "when": _DAY},
            {},
        ]
        ids = [save_new(cassette, started_at=_DAY, **metadata) for metadata in recorded]
        for wanted, expected in _FILTERS:
            found = list(cassette.iter_recording_ids("Operation", metadata=wanted))
            assert found == [ids[n] for n in expected], wanted
        found_metadata = list(cassette.iter_recordings_metadata("Operation", metadata={"user": 2}))
        assert found_metadata == [recorded[1]]

    def test_an_unknown_operator_is_an_error(self, cassette: TapeCassette) -> None:
        wanted = {"user": {"operator": "~", "value": 1}}
        with _raises(SettingsError):
            cassette.iter_recording_ids("Operation", metadata=wanted)

    def test_a_deleted_recording_is_gone(self, cassette: TapeCassette) -> None:
        deleted, kept = save_new(cassette, user=1), save_new(cassette, user=1)
        cassette.delete_recording(deleted)
        assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == [kept]
        with _raises(NoSuchRecording):
            cassette.get_recording(deleted)
        with _raises(NoSuchRecording):
            cassette.delete_recording(deleted)

    def test_pruning_removes_what_started_before(self, cassette: TapeCassette) -> None:
        save_new(cassette, started_at=_DAY - timedelta(seconds=1))
        save_new(cassette, "Other", started_at=_DAY - timedelta(days=1))
        kept = save_new(cassette, started_at=_DAY)
        assert cassette.prune(_ALWAYS[0]) == 0
        assert cassette.prune(_DAY) == 2
        assert list(cassette.iter_categories()) == ["Operation"]
        assert list(cassette.iter_recording_ids("Operation")) == [kept]
        assert cassette.prune(_ALWAYS[1]) == 1

    def test_pruning_by_size_removes_the_oldest(self, cassette: TapeCassette) -> None:
        ids = [_save_large(cassette, _DAY + timedelta(hours=n)) for n in range(10)]
        assert cassette.prune(max_bytes=100 * _LARGE) == 0
        removed = cassette.prune(max_bytes=5 * _LARGE)
        kept = list(cassette.iter_recording_ids("Operation"))
        assert kept == ids[removed:]
        assert 3 <= len(kept) <= 5
        assert cassette.prune(_DAY + timedelta(hours=9), max_bytes=100 * _LARGE) == len(kept) - 1
        assert list(cassette.iter_recording_ids("Operation")) == ids[-1:]
        assert cassette.prune(max_bytes=0) == 1

    def test_pruning_has_to_be_told_what_to_remove(self, cassette: TapeCassette) -> None:
        kept = save_new(cassette)
        with _raises(SettingsError):
            cassette.prune()
        with _raises(SettingsError):
            cassette.prune(max_bytes=-1)
        assert list(cassette.iter_recording_ids("Operation")) == [kept]


class CassetteContract(CassetteWriteContract, CassetteReadContract):
    """Both halves, for a cassette that records and reads."""


_FILTERS: Final[list[tuple[dict[str, Any], list[int]]]] = [
    ({}, [0, 1, 2, 3]),
    ({"user": 1}, [0]),
    ({"user": [2, 3]}, [1]),
    ({"user": [1, None]}, [0, 2, 3]),
    ({"user": None}, [2, 3]),
    ({"user": {"operator": ">=", "value": 2}}, [1]),
    ({"user": {"operator": "<", "value": "x"}}, []),
    ({"name": "anna"}, [0]),
    ({"name": "anna*"}, [0, 1]),
    ({"name": "*b*"}, [1, 2]),
    ({"name": ["bob", "anna?el"]}, [1, 2]),
    ({"name": {"operator": "=", "value": "anna*"}}, []),
    ({"name": "anna*", "user": 2}, [1]),
    ({"ratio": 0.5}, [0]),
    ({"ratio": {"operator": "<", "value": 1}}, [0]),
    ({"tags": [["a"]]}, []),
    ({"when": _DAY}, [2]),
    ({"unknown": 1}, []),
    ({"unknown": None}, [0, 1, 2, 3]),
]


def _save_large(cassette: TapeCassette, started_at: datetime) -> str:
    recording = cassette.create_new_recording("Operation")
    recording.started_at = epoch_nanoseconds(started_at)
    recording.set_data("key", token_bytes(_LARGE))
    cassette.save_recording(recording)
    return recording.id


def _fields(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in Entry.__slots__)


@contextmanager
def _raises(expected: type[Exception]) -> Iterator[list[Exception]]:
    caught: list[Exception] = []
    try:
        yield caught
    except expected as error:
        caught.append(error)
    if not caught:
        raise AssertionError(f"{expected.__name__} was not raised")

"""CassetteReadContract: what holds for every cassette that can be read."""

from datetime import timedelta, timezone
from typing import Any, Final

from playback_core.errors import NoSuchRecording, SettingsError
from playback_core.tape_cassette import TapeCassette
from playback_core.testing.recordings import ALWAYS, DAY, raises, save_new


class CassetteReadContract:
    """What a cassette says of the recordings that `writer` saved."""

    def writer(self, cassette: TapeCassette) -> TapeCassette:
        """Return the cassette that fills this one; override it for one that only reads."""
        return cassette

    def test_an_unknown_id_is_no_such_recording(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        unknown = writer.create_new_recording("Operation").id
        stored = cassette.readable()
        for read in (stored.get_recording, stored.get_recording_metadata):
            with raises(NoSuchRecording) as caught:
                read(unknown)
            assert unknown in str(caught[0])

    def test_what_is_no_id_is_no_such_recording(self, cassette: TapeCassette) -> None:
        stored = cassette.readable()
        # None is what `get_last_recording_id` gives where nothing was recorded.
        strange: Any = (None, "", "no id", "../../etc/20260301/passwd", "a\0/20260301/0", b"a/b/c")
        for what in strange:
            for read in (stored.get_recording, stored.get_recording_metadata):
                with raises(NoSuchRecording):
                    read(what)

    def test_each_read_gives_a_fresh_value(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        recording_id = save_new(writer, tags=["a"])
        stored = cassette.readable()
        stored.get_recording(recording_id).get_data("key").clear()
        stored.get_recording_metadata(recording_id)["tags"].append("b")
        assert stored.get_recording(recording_id).get_data("key") == {"value": 1}
        assert stored.get_recording_metadata(recording_id) == {"tags": ["a"]}

    def test_ids_come_oldest_first_and_of_one_category(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        later = save_new(writer, started_at=DAY + timedelta(days=1))
        first = save_new(writer, started_at=DAY)
        same = save_new(writer, started_at=DAY)
        save_new(writer, "Other", started_at=DAY)
        stored = cassette.readable()
        assert list(stored.iter_recording_ids("Operation")) == [first, same, later]
        assert list(stored.iter_recording_ids("Opera*")) == []
        assert list(stored.iter_categories()) == ["Operation", "Other"]

    def test_dates_are_inclusive_and_naive_ones_mean_utc(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        ids = [save_new(writer, started_at=DAY + timedelta(hours=n)) for n in range(4)]
        naive = DAY.replace(tzinfo=None)
        east = timezone(timedelta(hours=5))
        hour = timedelta(hours=1)
        stored = cassette.readable()
        find = stored.iter_recording_ids
        assert list(find("Operation", DAY + hour, DAY + 2 * hour)) == ids[1:3]
        assert list(find("Operation", naive + hour, naive + 2 * hour)) == ids[1:3]
        assert list(find("Operation", (DAY + hour).astimezone(east))) == ids[1:]
        assert list(find("Operation", end_date=DAY - timedelta(microseconds=1))) == []
        assert list(find("Operation", *ALWAYS)) == ids

    def test_a_limit_counts_what_matches(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        ids = [save_new(writer, started_at=DAY, even=n % 2 == 0) for n in range(6)]
        stored = cassette.readable()
        find = stored.iter_recording_ids
        assert list(find("Operation", limit=2)) == ids[:2]
        assert list(find("Operation", metadata={"even": True}, limit=2)) == [ids[0], ids[2]]
        assert list(find("Operation", limit=0)) == []
        with raises(SettingsError):
            find("Operation", limit=-1)

    def test_random_results_are_a_sample_of_the_matches(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        ids = [save_new(writer, even=n % 2 == 0) for n in range(40)]
        stored = cassette.readable()
        find = stored.iter_recording_ids
        shuffled = list(find("Operation", random_results=True))
        assert sorted(shuffled) == sorted(ids)
        assert any(list(find("Operation", random_results=True)) != shuffled for _ in range(5))
        sample = list(find("Operation", metadata={"even": True}, limit=5, random_results=True))
        assert len(set(sample)) == 5
        assert set(sample) <= set(ids[::2])

    def test_metadata_filters(self, cassette: TapeCassette) -> None:
        writer = self.writer(cassette)
        recorded: list[dict[str, Any]] = [
            {"user": 1, "name": "anna", "ratio": 0.5},
            {"user": 2, "name": "annabel", "tags": ["a"]},
            {"user": None, "name": "bob", "when": DAY},
            {},
        ]
        ids = [save_new(writer, started_at=DAY, **metadata) for metadata in recorded]
        stored = cassette.readable()
        for wanted, expected in _FILTERS:
            found = list(stored.iter_recording_ids("Operation", metadata=wanted))
            assert found == [ids[n] for n in expected], wanted
        found_metadata = list(stored.iter_recordings_metadata("Operation", metadata={"user": 2}))
        assert found_metadata == [recorded[1]]

    def test_an_unknown_operator_is_an_error(self, cassette: TapeCassette) -> None:
        wanted = {"user": {"operator": "~", "value": 1}}
        stored = cassette.readable()
        with raises(SettingsError):
            stored.iter_recording_ids("Operation", metadata=wanted)


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
    ({"when": DAY}, [2]),
    ({"unknown": 1}, []),
    ({"unknown": None}, [0, 1, 2, 3]),
]

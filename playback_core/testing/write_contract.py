"""CassetteWriteContract: what holds for every cassette that can be recorded to."""

from contextlib import suppress
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any, Final

from playback_core.codec import encode
from playback_core.codec.redaction import Redactor
from playback_core.entry import Entry, EntryKind
from playback_core.errors import ForbiddenContentError, NoSuchRecording, SettingsError
from playback_core.recording import Recording
from playback_core.recording_filter import epoch_nanoseconds
from playback_core.recording_id import category_of
from playback_core.tape_cassette import TapeCassette
from playback_core.testing.recordings import ALWAYS, DAY, new_recording, raises, save_new

_CATEGORIES: Final = ("Operation", "api.v1.users", "a/b c%2F?#", "GET /ü/<id>", "*[!x]")
_LARGE: Final = 100_000
_SECRET: Final = r"secret=/secret_\d/"


class CassetteWriteContract:
    """What is recorded to a cassette is in what it reads from, until it is removed."""

    def test_a_saved_recording_is_read_back_as_it_was(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        recording.set_data("key", {"list": [1, 2.5, None, "ä", b"\x00"]})
        recording.entries.append(
            Entry(
                EntryKind.INPUT, "load", (0, 1), encode([[1], {"a": 2}]), encode("x"), False, 7_000
            )
        )
        recording.add_metadata({"user": 7, "when": DAY})
        cassette.save_recording(recording)
        stored = cassette.readable().get_recording(recording.id)
        assert stored.id == recording.id
        assert stored.started_at == recording.started_at
        assert stored.get_data("key") == {"list": [1, 2.5, None, "ä", b"\x00"]}
        assert stored.get_all_keys() == recording.get_all_keys()
        assert [_fields(e) for e in stored.entries] == [_fields(e) for e in recording.entries]
        assert stored.get_metadata() == {"user": 7, "when": DAY}

    def test_a_saved_recording_is_closed(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        cassette.save_recording(recording)
        with raises(SettingsError):
            recording.set_data("late", 1)

    def test_an_aborted_recording_is_not_stored(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        cassette.abort_recording(recording)
        kept = save_new(cassette)
        assert list(cassette.readable().iter_recording_ids("Operation")) == [kept]
        with raises(SettingsError):
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
        with raises(SettingsError):
            cassette.extract_recording_category("no id")

    def test_a_large_recording_is_stored_whole(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        data = bytes(range(256)) * 4096
        recording.set_data("key", data)
        cassette.save_recording(recording)
        assert cassette.readable().get_recording(recording.id).get_data("key") == data

    def test_secrets_are_stored_as_redaction_leaves_them(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        recording.redaction = Redactor(key=b"key", patterns=[_SECRET])
        recording.set_data("key", "the secret_1")
        recording.add_metadata({"note": "secret_2"})
        cassette.save_recording(recording)
        stored = cassette.readable().get_recording(recording.id)
        shown = f"{stored.get_data('key')} {stored.get_metadata()}"
        assert shown.startswith("the ")
        assert "secret_" not in shown

    def test_what_is_forbidden_is_not_stored(self, cassette: TapeCassette) -> None:
        recording = cassette.create_new_recording("Operation")
        recording.redaction = Redactor(key=b"key", forbidden=[_SECRET])
        recording.set_data("key", "the secret_1")
        # One that records for another cassette has no error for the application.
        with suppress(ForbiddenContentError):
            cassette.save_recording(recording)
        assert list(cassette.readable().iter_recording_ids("Operation")) == []

    def test_saving_an_id_again_replaces_it(self, cassette: TapeCassette) -> None:
        first = cassette.create_new_recording("Operation")
        first.add_metadata({"user": 1})
        cassette.save_recording(first)
        second = Recording(first.id, started_at=first.started_at, metadata={"user": 2})
        cassette.save_recording(second)
        readable = cassette.readable()
        assert list(readable.iter_recording_ids("Operation", metadata={"user": 1})) == []
        assert list(readable.iter_recording_ids("Operation", metadata={"user": 2})) == [first.id]

    def test_a_deleted_recording_is_gone(self, cassette: TapeCassette) -> None:
        deleted, kept = save_new(cassette, user=1), save_new(cassette, user=1)
        stored = cassette.readable()
        stored.delete_recording(deleted)
        assert list(stored.iter_recording_ids("Operation", metadata={"user": 1})) == [kept]
        with raises(NoSuchRecording):
            stored.get_recording(deleted)
        with raises(NoSuchRecording):
            stored.delete_recording(deleted)

    def test_a_deleted_id_can_be_saved_again(self, cassette: TapeCassette) -> None:
        recording_id = save_new(cassette, started_at=DAY, user=1)
        cassette.readable().delete_recording(recording_id)
        again = Recording(recording_id, started_at=epoch_nanoseconds(DAY), metadata={"user": 2})
        cassette.save_recording(again)
        assert cassette.readable().get_recording_metadata(recording_id) == {"user": 2}

    def test_a_category_goes_with_its_last_recording(self, cassette: TapeCassette) -> None:
        save_new(cassette)
        other = save_new(cassette, "Other")
        stored = cassette.readable()
        stored.delete_recording(other)
        assert list(stored.iter_categories()) == ["Operation"]
        assert list(stored.iter_recording_ids("Other")) == []

    def test_pruning_removes_what_started_before(self, cassette: TapeCassette) -> None:
        save_new(cassette, started_at=DAY - timedelta(seconds=1))
        save_new(cassette, "Other", started_at=DAY - timedelta(days=1))
        kept = save_new(cassette, started_at=DAY)
        stored = cassette.readable()
        assert stored.prune(ALWAYS[0]) == 0
        assert stored.prune(DAY) == 2
        assert list(stored.iter_categories()) == ["Operation"]
        assert list(stored.iter_recording_ids("Operation")) == [kept]
        assert stored.prune(ALWAYS[1]) == 1

    def test_pruning_by_size_removes_the_oldest(self, cassette: TapeCassette) -> None:
        ids = [_save_large(cassette, DAY + timedelta(hours=n)) for n in range(10)]
        stored = cassette.readable()
        assert stored.prune(max_bytes=100 * _LARGE) == 0
        removed = stored.prune(max_bytes=5 * _LARGE)
        kept = list(stored.iter_recording_ids("Operation"))
        assert kept == ids[removed:]
        assert 3 <= len(kept) <= 5
        assert stored.prune(DAY + timedelta(hours=9), max_bytes=100 * _LARGE) == len(kept) - 1
        assert list(stored.iter_recording_ids("Operation")) == ids[-1:]
        assert stored.prune(max_bytes=0) == 1

    def test_pruning_has_to_be_told_what_to_remove(self, cassette: TapeCassette) -> None:
        kept = save_new(cassette)
        stored = cassette.readable()
        with raises(SettingsError):
            stored.prune()
        with raises(SettingsError):
            stored.prune(max_bytes=-1)
        assert list(stored.iter_recording_ids("Operation")) == [kept]

    def test_closing_twice_is_allowed(self, cassette: TapeCassette) -> None:
        cassette.close()
        cassette.close()


def _save_large(cassette: TapeCassette, started_at: datetime) -> str:
    recording = new_recording(cassette, "Operation", started_at)
    recording.set_data("key", token_bytes(_LARGE))
    cassette.save_recording(recording)
    return recording.id


def _fields(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in Entry.__slots__)

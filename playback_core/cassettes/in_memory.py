"""InMemoryTapeCassette: recordings kept in this process, for tests and for trying things out."""

from collections.abc import Iterator
from typing import Any, NoReturn

from playback_core.cassettes._reading import decoded_metadata, passes
from playback_core.errors import NoSuchRecording, SettingsError
from playback_core.packing import PackedRecording
from playback_core.recording import Recording
from playback_core.recording_filter import RecordingFilter
from playback_core.recording_id import category_of
from playback_core.tape_cassette import StoredRecording, TapeCassette


class InMemoryTapeCassette(TapeCassette):
    """Keeps packed recordings in memory, without a bound; each read gives a fresh copy."""

    is_local = True

    # Each method does one atomic operation on the dictionary, so threads need no lock and a fork
    # inherits none that is held.

    def __init__(self) -> None:
        self._recordings: dict[str, PackedRecording] = {}
        self._last_id: str | None = None

    def __reduce__(self) -> NoReturn:
        raise SettingsError(
            "an InMemoryTapeCassette is in the memory of its process; store in a file"
        )

    def get_last_recording_id(self) -> str | None:
        """Return the id that was saved last, or None."""
        return self._last_id

    def get_all_recording_ids(self) -> list[str]:
        """Return all ids, sorted."""
        return sorted(self._recordings.copy())

    def get_recording(self, recording_id: str) -> Recording:
        return Recording.unpack(self._packed(recording_id))

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        return decoded_metadata(recording_id, self._packed(recording_id).metadata)

    def delete_recording(self, recording_id: str) -> None:
        if self._recordings.pop(recording_id, None) is None:
            raise NoSuchRecording(recording_id)

    def _save_recording(self, recording: Recording) -> None:
        # An id without a category would be in the way of every later lookup.
        category_of(recording.id)
        self._recordings[recording.id] = recording.pack(compressed=False)
        self._last_id = recording.id

    def _matching(self, wanted: RecordingFilter) -> Iterator[str]:
        candidates = [
            packed
            for packed in self._oldest_first()
            if wanted.covers(packed.started_at) and category_of(packed.id) == wanted.category
        ]
        return (
            packed.id
            for packed in wanted.arranged(candidates)
            if passes(wanted, packed.id, packed.metadata)
        )

    def _stored_recordings(self) -> list[StoredRecording]:
        return [
            StoredRecording(
                packed.id, packed.started_at, len(packed.metadata) + len(packed.payload)
            )
            for packed in self._recordings.copy().values()
        ]

    def _packed(self, recording_id: str) -> PackedRecording:
        packed = self._recordings.get(recording_id)
        if packed is None:
            raise NoSuchRecording(recording_id)
        return packed

    def _oldest_first(self) -> list[PackedRecording]:
        return sorted(self._recordings.copy().values(), key=lambda packed: packed.started_at)

"""FileBasedTapeCassette: each recording a file of its own, shared by threads and processes."""

import os
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import Any, Final

from playback_core.cassettes._file_errors import file_errors
from playback_core.cassettes._file_index import Indexed
from playback_core.cassettes._options import (
    DEFAULT_MAX_BYTES,
    DEFAULT_TIMEOUT,
    checked_max_bytes,
    checked_path,
    checked_timeout,
)
from playback_core.cassettes._reading import decoded_metadata, naming_damage, passes
from playback_core.cassettes._recording_file import damaged_file, read_header, read_recording_file
from playback_core.cassettes._recording_folder import Arrival
from playback_core.cassettes._recording_store import RecordingStore, taken_bytes
from playback_core.errors import (
    CassetteClosedError,
    CassetteError,
    NoSuchRecording,
    SettingsError,
)
from playback_core.recording import Recording
from playback_core.recording_filter import RecordingFilter
from playback_core.recording_id import category_of, category_prefix, day_of
from playback_core.tape_cassette import TapeCassette

# Of a small bound a batch is a small part, so that making room removes few.
_SHARE_OF_LIMIT: Final = 8


class FileBasedTapeCassette(TapeCassette):
    """Stores each recording in a file of mode 0600 in a directory of mode 0700.

    `max_bytes` bounds the directory: the oldest recordings make room for new ones. `timeout` is how
    many seconds to wait for other writers. `create=False` opens an existing directory only, as
    commands that read do. Raise CassetteError where the directory is missing or cannot be made.
    """

    is_local = True

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float = DEFAULT_TIMEOUT,
        create: bool = True,
    ) -> None:
        self._max_bytes = checked_max_bytes(max_bytes)
        timeout = checked_timeout(timeout)
        self.directory = checked_path("directory", directory)
        self._closed = False
        self._store = RecordingStore(self.directory, max_bytes=max_bytes, timeout=timeout)
        if create:
            self._store.make()
        elif not self.directory.is_dir():
            raise CassetteError(
                f"There is no recording folder at {self.directory}; check the path, or record"
                " first."
            )

    def get_recording(self, recording_id: str) -> Recording:
        path = self._path_of(recording_id)
        with file_errors(self.directory):
            try:
                packed = read_recording_file(path)
            except (FileNotFoundError, NotADirectoryError):
                raise NoSuchRecording(recording_id) from None
        _require_id(path, packed.id, recording_id)
        origin = _origin(path)
        with naming_damage(origin):
            recording = Recording.unpack(packed)
        recording.origin = origin
        return recording

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        path = self._path_of(recording_id)
        with file_errors(self.directory):
            try:
                header = read_header(path)
            except (FileNotFoundError, NotADirectoryError):
                raise NoSuchRecording(recording_id) from None
        _require_id(path, header.id, recording_id)
        with naming_damage(_origin(path)):
            return decoded_metadata(recording_id, header.metadata)

    def iter_categories(self) -> Iterator[str]:
        self._require_open()
        return iter(sorted(set(self._store.categories())))

    def delete_recording(self, recording_id: str) -> None:
        self._path_of(recording_id)
        if not self._store.remove(recording_id):
            raise NoSuchRecording(recording_id)

    def close(self) -> None:
        self._closed = True

    def _save_recording(self, recording: Recording) -> None:
        for _, error in self._save_recordings([recording]):
            raise error

    def _save_recordings(
        self, recordings: Sequence[Recording]
    ) -> list[tuple[Recording, Exception]]:
        self._require_open()
        failures: list[tuple[Recording, Exception]] = []
        batch: list[tuple[Recording, Arrival]] = []
        room = self._max_bytes // _SHARE_OF_LIMIT
        for recording in recordings:
            try:
                arrival = self._store.write(recording.pack())
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recording
                failures.append((recording, error))
                continue
            size = taken_bytes(arrival.indexed)
            if batch and size > room:
                failures += self._take(batch)
                batch, room = [], self._max_bytes // _SHARE_OF_LIMIT
            batch.append((recording, arrival))
            room -= size
        return failures + self._take(batch)

    def _take(self, batch: list[tuple[Recording, Arrival]]) -> list[tuple[Recording, Exception]]:
        recordings = {arrival.written: recording for recording, arrival in batch}
        try:
            failures = self._store.take([arrival for _, arrival in batch])
        except CassetteError as error:
            return [(recording, error) for recording, _ in batch]
        return [(recordings[arrival.written], error) for arrival, error in failures]

    def _prune(self, before: int | None, max_bytes: int | None) -> int:
        self._require_open()
        return self._store.prune(before, max_bytes)

    def _matching(self, wanted: RecordingFilter) -> Iterator[str]:
        self._require_open()
        usual = category_prefix(wanted.category)
        for found in self._candidates(wanted):
            # Asked only of ids made by hand, and where a file system takes two names for one.
            of_category = found.id.startswith(usual) or category_of(found.id) == wanted.category
            if of_category and passes(wanted, found.id, found.metadata):
                yield found.id

    def _candidates(self, wanted: RecordingFilter) -> Iterator[Indexed]:
        earliest, latest = day_of(wanted.earliest), day_of(wanted.latest)
        of_a_day, of_any_day = [], []
        with file_errors(self.directory):
            for folder in self._store.folders(wanted.category):
                if folder.day is None:
                    of_any_day.append(folder)
                elif earliest <= folder.day <= latest:
                    of_a_day.append(folder)
            any_day = _oldest_first(chain.from_iterable(f.recordings() for f in of_any_day), wanted)
            # Day by day, so that the first are found without looking at all.
            by_day = chain.from_iterable(
                _oldest_first(folder.recordings(), wanted) for folder in of_a_day
            )
            found = merge(any_day, by_day, key=_order)
            yield from wanted.arranged(list(found)) if wanted.random_results else found

    def _path_of(self, recording_id: str) -> Path:
        self._require_open()
        try:
            return self._store.path_of(recording_id)
        except SettingsError:
            raise NoSuchRecording(recording_id) from None

    def _require_open(self) -> None:
        if self._closed:
            raise CassetteClosedError(f"The cassette {self.directory} is closed; make a new one.")


def _oldest_first(found: Iterator[Indexed], wanted: RecordingFilter) -> list[Indexed]:
    # What is damaged has no date for certain.
    return sorted(
        (one for one in found if one.metadata is None or wanted.covers(one.started_at)), key=_order
    )


def _order(one: Indexed) -> tuple[int, str]:
    return one.started_at, one.id


def _origin(path: Path) -> str:
    return f"Recording file {path}: "


def _require_id(path: Path, stored_id: str, recording_id: str) -> None:
    if stored_id != recording_id:
        raise damaged_file(path, f"it holds {stored_id}, not {recording_id}")

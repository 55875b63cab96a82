"""RecordingStore: a directory of recording folders, its writers, and its bound."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from playback_core.cassettes._file_errors import file_error, file_errors
from playback_core.cassettes._file_index import Indexed
from playback_core.cassettes._file_lock import Usage, WriterLock
from playback_core.cassettes._file_places import (
    DAY,
    OTHER,
    SUFFIX,
    category_folder,
    category_in_folder,
    place_of,
)
from playback_core.cassettes._options import too_large
from playback_core.cassettes._own_files import is_folder, make_folder, write_file
from playback_core.cassettes._recording_file import file_content
from playback_core.cassettes._recording_folder import Arrival, RecordingFolder
from playback_core.packing import PackedRecording
from playback_core.recording_id import category_of
from playback_core.tape_cassette import StoredRecording, expired

_INCOMING: Final = ".incoming"
_LOCK: Final = ".lock"

# What the usual file systems give a file, and about what its line in the index takes.
_BLOCK: Final = 4096
_LINE_BYTES: Final = 512

# Making room means looking at all there is: some more is made at once.
_ROOM_SHARE: Final = 20
_REMOVED_AT_ONCE: Final = 256

# No writer takes nearly as long from a file's beginning to its place.
_ABANDONED_SECONDS: Final = 3600

_Found = dict[str, tuple[RecordingFolder, Indexed]]


class RecordingStore:
    """Keeps recordings in `{directory}/{category}/{day}`, within `max_bytes`.

    OS errors leave as a CassetteError with advice.
    """

    def __init__(self, directory: Path, *, max_bytes: int, timeout: float) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._incoming = directory / _INCOMING
        self._lock = WriterLock(directory / _LOCK, timeout)

    def make(self) -> None:
        """Make the directory, private, where it is missing."""
        with file_errors(self.directory):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path_of(self, recording_id: str) -> Path:
        """Return where a recording's file is; raise SettingsError for what is no id."""
        place = place_of(recording_id)
        return self.directory.joinpath(place.category, place.day, f"{place.name}{SUFFIX}")

    def folders(self, category: str) -> list[RecordingFolder]:
        """Return the folders of a category."""
        with file_errors(self.directory):
            return list(_day_folders(self.directory / category_folder(category), category))

    def categories(self) -> Iterator[str]:
        """Yield the categories that have recordings."""
        with file_errors(self.directory):
            for folder in _folders_in(self.directory):
                days = list(_day_folders(folder, folder.name))
                if all(day.is_empty() for day in days):
                    continue
                category = category_in_folder(folder.name)
                if category is None:
                    # Of a digest its recordings know.
                    recordings = (one for day in days for one in day.recordings())
                    category = next((category_of(one.id) for one in recordings), folder.name)
                yield category

    def write(self, packed: PackedRecording) -> Arrival:
        """Write a recording's file, to be taken in; SettingsError where it is over the bound."""
        place = place_of(packed.id)
        content = file_content(packed)
        indexed = Indexed(packed.id, packed.started_at, len(content), packed.metadata)
        if taken_bytes(indexed) > self._max_bytes:
            raise too_large(packed.id, taken_bytes(indexed), self._max_bytes)
        arrival = Arrival(self._incoming / token_hex(8), place, indexed)
        with file_errors(self.directory):
            # Looked for, as both folders may be removed while the application runs.
            make_folder(self._incoming)
            try:
                write_file(arrival.written, content, os.O_EXCL)
            except BaseException:
                arrival.written.unlink(missing_ok=True)
                raise
        return arrival

    def take(self, arrivals: list[Arrival]) -> list[tuple[Arrival, Exception]]:
        """Move files to where they belong; return those that can't be, and why.

        The oldest recordings make room for them.
        """
        size = sum(taken_bytes(arrival.indexed) for arrival in arrivals)
        left = arrivals
        try:
            with file_errors(self.directory):
                self._make_room(size)
                with self._lock.held() as usage:
                    usage.add(size)
                    failures = self._taken(arrivals, usage)
            left = [arrival for arrival, _ in failures]
            return failures
        finally:
            for arrival in left:
                arrival.written.unlink(missing_ok=True)

    def remove(self, recording_id: str) -> bool:
        """Remove a recording; tell whether there was one."""
        path = self.path_of(recording_id)
        folder = RecordingFolder(path.parent, category_of(recording_id))
        with file_errors(self.directory), self._lock.held() as usage:
            try:
                length = path.stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return False
            indexed = Indexed(recording_id, 0, length, None)
            folder.remove([indexed])
            usage.add(-taken_bytes(indexed))
            if folder.is_empty():
                folder.tidy()
        return True

    def prune(self, before: int | None, max_bytes: int | None) -> int:
        """Remove what `expired` says, and what killed writers left; return how many recordings."""
        with file_errors(self.directory):
            with self._lock.held() as usage:
                counted_before = usage.taken
            found = self._all()
            stored = [
                StoredRecording(one.id, one.started_at, taken_bytes(one))
                for _, one in found.values()
            ]
            with self._lock.held() as usage:
                # What others have added meanwhile was found or not: it is counted.
                added = 0 if counted_before is None else (usage.taken or 0) - counted_before
                usage.taken = sum(one.size for one in stored) + max(added, 0)
            old = [found[one.id] for one in expired(stored, before, max_bytes)]
            removed = self._remove_in_turns(old)
            self._remove_abandoned()
        return removed

    def _taken(self, arrivals: list[Arrival], usage: Usage) -> list[tuple[Arrival, Exception]]:
        failures: list[tuple[Arrival, Exception]] = []
        groups: dict[tuple[str, str], list[Arrival]] = {}
        for arrival in arrivals:
            groups.setdefault(arrival.place[:2], []).append(arrival)
        for (category, day), group in groups.items():
            try:
                RecordingFolder(self.directory / category / day, category).take(group)
            except OSError as error:
                cause = file_error(self.directory, error)
                failures += [(arrival, cause) for arrival in group if arrival.written.exists()]
        usage.add(-sum(taken_bytes(arrival.indexed) for arrival, _ in failures))
        return failures

    def _make_room(self, size: int) -> None:
        with self._lock.held() as usage:
            taken = usage.taken
        if taken is None or taken + size > self._max_bytes:
            room = max(size, self._max_bytes // _ROOM_SHARE)
            self.prune(None, self._max_bytes - room)

    def _all(self) -> _Found:
        found: _Found = {}
        for folder in _folders_in(self.directory):
            for day in _day_folders(folder, category_in_folder(folder.name) or folder.name):
                for one in day.recordings():
                    # Without the metadata: these are all there are.
                    found[one.id] = day, one._replace(metadata=None)
        return found

    def _remove_in_turns(self, old: list[tuple[RecordingFolder, Indexed]]) -> int:
        removed = 0
        for start in range(0, len(old), _REMOVED_AT_ONCE):
            by_folder: dict[RecordingFolder, list[Indexed]] = {}
            for folder, one in old[start : start + _REMOVED_AT_ONCE]:
                by_folder.setdefault(folder, []).append(one)
            # Others get a turn to write after each few hundred.
            with self._lock.held() as usage:
                for folder, recordings in by_folder.items():
                    gone = folder.remove(recordings)
                    usage.add(-sum(taken_bytes(one) for one in gone))
                    removed += len(gone)
        for folder in dict.fromkeys(folder for folder, _ in old):
            with self._lock.held():
                folder.tidy()
        return removed

    def _remove_abandoned(self) -> None:
        if not is_folder(self._incoming):
            return
        before = time.time() - _ABANDONED_SECONDS
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()


def taken_bytes(recording: Indexed) -> int:
    """Return about how many bytes of the disk a recording takes."""
    return -(-recording.file_bytes // _BLOCK) * _BLOCK + _LINE_BYTES


def _folders_in(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _day_folders(folder: Path, category: str) -> Iterator[RecordingFolder]:
    for path in sorted(_folders_in(folder)):
        if path.name == OTHER or DAY.fullmatch(path.name):
            yield RecordingFolder(path, category)

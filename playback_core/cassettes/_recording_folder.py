"""RecordingFolder: the recordings of one category and day, each a file, and their index."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from playback_core.cassettes._file_index import (
    Indexed,
    index_lines,
    read_index,
    removal_lines,
)
from playback_core.cassettes._file_places import (
    DAY,
    OTHER,
    SUFFIX,
    Place,
    name_pattern,
    place_of,
)
from playback_core.cassettes._own_files import make_folder, open_file, write_file
from playback_core.cassettes._recording_file import damaged_file, read_header
from playback_core.errors import PlaybackError, SettingsError
from playback_core.recording_id import category_prefix, day_of, start_of

_INDEX: Final = ".index"
_FRESH_INDEX: Final = ".index.new"
_ANY_DATE: Final = ".any-date"

# Some 100,000 recordings of a category and day; the others are read from their files.
_MAX_INDEX_BYTES: Final = 64 * 1024 * 1024


class Arrival(NamedTuple):
    """A recording whose file is written, but not yet where it belongs."""

    written: Path
    place: Place
    indexed: Indexed


class RecordingFolder:
    """A folder of a category and the day in its recordings' ids.

    Writers hold the lock of the cassette. Readers need none: a file is there whole or not at all,
    and what the index does not cover is read from its file.
    """

    def __init__(self, path: Path, category: str) -> None:
        self.path = path
        self._prefix = f"{category_prefix(category)}{path.name}/"

    @property
    def day(self) -> str | None:
        """The day that all its recordings started on, as YYYYMMDD; None where they may differ."""
        is_day = DAY.fullmatch(self.path.name) and not (self.path / _ANY_DATE).exists()
        return self.path.name if is_day else None

    def recordings(self) -> Iterator[Indexed]:
        """Yield what is known of each recording, in no order."""
        files = dict(self._files())
        if not files:
            return
        indexed = self._indexed()
        for name, entry in files.items():
            recording = indexed.get(name) or self._unindexed(name, entry)
            if recording is not None:
                yield recording

    def is_empty(self) -> bool:
        """Tell whether it has no recording."""
        return next(self._files(), None) is None

    def take(self, arrivals: list[Arrival]) -> None:
        """Move recordings in; those that are not, when it raises OSError, are where they were."""
        make_folder(self.path.parent)
        make_folder(self.path)
        if not all(day_of(arrival.indexed.started_at) == self.path.name for arrival in arrivals):
            write_file(self.path / _ANY_DATE, b"", os.O_APPEND)
        # Texts, as a path object costs as much as the rename.
        targets = [f"{self.path}/{arrival.place.name}{SUFFIX}" for arrival in arrivals]
        # Before the files: no line may describe a file that was replaced since.
        self._void(
            [
                arrival.indexed.id
                for arrival, target in zip(arrivals, targets, strict=True)
                if os.path.lexists(target)
            ]
        )
        placed = []
        try:
            for arrival, target in zip(arrivals, targets, strict=True):
                os.replace(arrival.written, target)
                placed.append(arrival.indexed)
        finally:
            # They are stored, and found without an index too.
            with suppress(OSError):
                self._append(index_lines(placed))

    def remove(self, recordings: Iterable[Indexed]) -> list[Indexed]:
        """Remove recordings; return those that were there."""
        present = [recording for recording in recordings if self._file(recording).exists()]
        # Before the files: one of these ids may come again.
        self._void([recording.id for recording in present])
        for recording in present:
            self._file(recording).unlink(missing_ok=True)
        return present

    def tidy(self) -> None:
        """Write the index anew, or remove the folder, and then its category's, with the last."""
        if self.is_empty():
            for name in (_INDEX, _FRESH_INDEX, _ANY_DATE):
                (self.path / name).unlink(missing_ok=True)
            # Not where something else is in them.
            with suppress(OSError):
                self.path.rmdir()
                self.path.parent.rmdir()
            return
        readable = [one for one in self.recordings() if one.metadata is not None]
        fresh = self.path / _FRESH_INDEX
        # Where it cannot be written the old one, if any, is still right.
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
            write_file(fresh, index_lines(readable), os.O_EXCL)
            fresh.replace(self.path / _INDEX)

    def _files(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        is_name = name_pattern(self.path.name).fullmatch
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    name = entry.name.removesuffix(SUFFIX)
                    if (
                        name != entry.name
                        and is_name(name)
                        and entry.is_file(follow_symlinks=False)
                    ):
                        yield name, entry
        except FileNotFoundError:
            # The last recording was removed since the folder was found.
            return

    def _indexed(self) -> dict[str, Indexed]:
        try:
            with open_file(self.path / _INDEX) as file:
                size = os.fstat(file.fileno()).st_size
                index = read_index(file.read(min(size, _MAX_INDEX_BYTES)))
        except OSError:
            return {}
        if self.path.name == OTHER:
            return {_name_of(recording): recording for recording in index.values()}
        # Of an id that begins in another way the file is asked.
        return {
            recording_id.removeprefix(self._prefix): recording
            for recording_id, recording in index.items()
        }

    def _unindexed(self, name: str, entry: os.DirEntry[str]) -> Indexed | None:
        path = Path(entry.path)
        length = 0
        try:
            length = entry.stat(follow_symlinks=False).st_size
            header = read_header(path)
            self._require_place(header.id, name, path)
            return Indexed(header.id, header.started_at, length, header.metadata)
        except FileNotFoundError:
            return None
        except (OSError, PlaybackError):
            # Listed all the same: reading it then says what is wrong.
            recording_id = self._prefix + name
            return Indexed(recording_id, start_of(recording_id) or 0, length, None)

    def _require_place(self, recording_id: str, name: str, path: Path) -> None:
        if place_of(recording_id)[1:] != (self.path.name, name):
            raise damaged_file(path, f"it holds {recording_id}, which belongs elsewhere")

    def _file(self, recording: Indexed) -> Path:
        return self.path / f"{place_of(recording.id).name}{SUFFIX}"

    def _void(self, recording_ids: list[str]) -> None:
        try:
            self._append(removal_lines(recording_ids))
        except OSError:
            # A full disk must not keep recordings from being removed.
            (self.path / _INDEX).unlink(missing_ok=True)

    def _append(self, lines: bytes) -> None:
        if lines:
            write_file(self.path / _INDEX, lines, os.O_APPEND)


def _name_of(recording: Indexed) -> str:
    try:
        return place_of(recording.id).name
    except SettingsError:
        return ""

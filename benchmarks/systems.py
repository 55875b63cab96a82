"""The systems under measure behind one face: this package, and its predecessor."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

if TYPE_CHECKING:
    from playback_core import TapeCassette

PREDECESSOR_RELEASE: Final = "0.3.38"
COMPARISONS_FOR_A_PROCESS: Final = 100

Play = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What storage holds: recordings, bytes of their payloads, bytes of the files."""

    recordings: int
    payload_bytes: int
    file_bytes: int


class System(Protocol):
    """A recorder that stores in the background in a folder, in its best local way."""

    name: ClassVar[str]
    recorder: Any

    def __init__(self, folder: Path) -> None:
        """Make the recorder, enabled."""

    @classmethod
    def in_files(cls) -> type[System]:
        """Return the same system storing each recording in a file."""

    def drain(self) -> None:
        """Wait until what was recorded is stored."""

    def turn_to_reading(self) -> None:
        """Stop recording, let the recorder read what is stored."""

    def find(self, category: str, metadata: dict[str, Any]) -> Iterable[str]:
        """Look up the ids of the recordings of a category with this metadata."""

    def equal(self, ids: Sequence[str], play: Play, *, dedicated: bool) -> int:
        """Compare the outputs of recordings with their replays; return how many are equal.

        `dedicated` does so in processes apart, each for `COMPARISONS_FOR_A_PROCESS` of them.
        """

    def stored(self) -> Stored:
        """Tell what is stored; nothing may be on its way."""

    def close(self) -> None:
        """Store the rest and release the files."""


class Bundle:
    """This package: SQLite behind the background writer."""

    name: ClassVar[str] = "bundle"

    def __init__(self, folder: Path) -> None:
        from playback_core import AsyncRecordOnlyTapeCassette, TapeRecorder

        self._path = self.path_in(folder)
        self._writer = AsyncRecordOnlyTapeCassette(self._cassette())
        self.recorder: Any = TapeRecorder(self._writer)
        self.recorder.enable_recording()

    @classmethod
    def in_files(cls) -> type[System]:
        return BundleInFiles

    @staticmethod
    def path_in(folder: Path) -> Path:
        """Return the file it stores in."""
        return folder / "recordings.db"

    def drain(self) -> None:
        self._writer.flush()

    def turn_to_reading(self) -> None:
        self.drain()
        self.recorder.disable_recording()
        self.recorder.tape_cassette = self._writer.wrapped_tape_cassette

    def find(self, category: str, metadata: dict[str, Any]) -> Iterable[str]:
        from playback_core.studio import RecordingLookupProperties, find_matching_recording_ids

        start = datetime(2020, 1, 1, tzinfo=UTC)
        properties = RecordingLookupProperties(start, metadata=metadata)
        return find_matching_recording_ids(self.recorder, category, properties)

    def equal(self, ids: Sequence[str], play: Play, *, dedicated: bool) -> int:
        from playback_core.studio import (
            CompareExecutionConfig,
            EqualityStatus,
            Equalizer,
            compare_outputs,
        )

        config = CompareExecutionConfig(
            compare_in_dedicated_process=dedicated,
            compare_process_recycle_rate=COMPARISONS_FOR_A_PROCESS,
            compare_process_start_method="fork",
        )
        equalizer = Equalizer(ids, play, list, compare_outputs, compare_execution_config=config)
        statuses = [one.comparator_status.equality_status for one in equalizer.run_comparison()]
        return statuses.count(EqualityStatus.Equal)

    def stored(self) -> Stored:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (recordings,) = connection.execute("SELECT count(*) FROM recordings").fetchone()
            (payloads,) = connection.execute("SELECT sum(length(payload)) FROM payloads").fetchone()
        return Stored(recordings, payloads or 0, self._path.stat().st_size)

    def close(self) -> None:
        self._writer.close()

    def _cassette(self) -> TapeCassette:
        from playback_core import SQLiteTapeCassette

        return SQLiteTapeCassette(self._path)


class BundleInFiles(Bundle):
    """This package: a folder of files behind the background writer."""

    @staticmethod
    def path_in(folder: Path) -> Path:
        return folder / "recordings"

    def stored(self) -> Stored:
        sizes = [path.stat().st_size for path in self._path.rglob("*.recording")]
        return Stored(len(sizes), sum(sizes), sum(sizes))

    def _cassette(self) -> TapeCassette:
        from playback_core import FileBasedTapeCassette

        return FileBasedTapeCassette(self._path)


class Predecessor:
    """playback-studio: a JSON file for each recording, behind its background writer."""

    name: ClassVar[str] = "predecessor"

    def __init__(self, folder: Path) -> None:
        # Not a dependency: it is installed only where it is measured.
        file_based = import_module("playback.tape_cassettes.file_based.file_based_tape_cassette")
        asynchronous = import_module(
            "playback.tape_cassettes.asynchronous.async_record_only_tape_cassette"
        )
        tape_recorder = import_module("playback.tape_recorder")

        self._folder = folder / "recordings"
        cassette = file_based.FileBasedTapeCassette(str(self._folder))
        self._writer = asynchronous.AsyncRecordOnlyTapeCassette(cassette)
        self._writer.start()
        self.recorder: Any = tape_recorder.TapeRecorder(self._writer)
        self.recorder.enable_recording()

    @classmethod
    def in_files(cls) -> type[System]:
        return cls

    def drain(self) -> None:
        # It has no public way to wait for all of its queue but to close it.
        self._writer._operations_queue.join()

    def turn_to_reading(self) -> None:
        self.drain()
        self.recorder.disable_recording()
        self.recorder.tape_cassette = self._writer.wrapped_tape_cassette

    def find(self, category: str, metadata: dict[str, Any]) -> Iterable[str]:
        lookup = import_module("playback.studio.recordings_lookup")
        # Its file cassette compares with equality alone: a list of accepted values finds nothing.
        start = datetime(2020, 1, 1, tzinfo=UTC)
        properties = lookup.RecordingLookupProperties(
            start, metadata=metadata, skip_incomplete=False
        )
        found: Iterable[str] = lookup.find_matching_recording_ids(
            self.recorder, category, properties
        )
        return found

    def equal(self, ids: Sequence[str], play: Play, *, dedicated: bool) -> int:
        studio = import_module("playback.studio.equalizer")
        statuses = studio.EqualityStatus

        def compare(recorded: Any, replayed: Any) -> Any:
            same = [one.value for one in recorded] == [one.value for one in replayed]
            return statuses.Equal if same else statuses.Different

        config = studio.CompareExecutionConfig(
            compare_in_dedicated_process=dedicated,
            compare_process_recycle_rate=COMPARISONS_FOR_A_PROCESS,
        )
        equalizer = studio.Equalizer(ids, play, list, compare, compare_execution_config=config)
        found = [one.comparator_status.equality_status for one in equalizer.run_comparison()]
        return found.count(statuses.Equal)

    def stored(self) -> Stored:
        sizes = [path.stat().st_size for path in self._folder.iterdir()]
        return Stored(len(sizes), sum(sizes), sum(sizes))

    def close(self) -> None:
        self._writer.close()


_SYSTEMS: Final[tuple[type[System], ...]] = (Bundle, Predecessor)
SYSTEMS: Final = {system.name: system for system in _SYSTEMS}

"""S3IndexWriter: what this process saved, into one index object for each flush."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from threading import Lock
from typing import Final

from playback_core.cassettes._s3_index import S3Index, new_series, slices
from playback_core.cassettes._s3_keys import day_in
from playback_core.cassettes._s3_objects import IndexEntry
from playback_core.errors import CassetteUnavailableError, PlaybackError
from playback_core.guard import Guard

# What a flush writes again of the flushes before, so that there are few objects to read.
_SERIES_ENTRIES: Final = 512
_SERIES_BYTES: Final = 256 * 1024

# A longer one is read from its own object.
_MAX_METADATA: Final = 16 * 1024

_MANY_OBJECTS: Final = 16


@dataclass(slots=True)
class _Series:
    name: str
    entries: list[IndexEntry] = field(default_factory=list)
    number: int = -1
    superseded: str | None = None

    @property
    def is_full(self) -> bool:
        size = sum(len(entry.metadata) for entry in self.entries)
        return len(self.entries) >= _SERIES_ENTRIES or size >= _SERIES_BYTES


class S3IndexWriter:
    """Adds entries to the index of their day, for any number of threads.

    Each flush writes all the entries of its series, then deletes the object that it supersedes.
    A day is compacted when its series is full, and when this process comes to the next day. The
    recordings are stored by then, so a fault here is logged and not raised.
    """

    def __init__(self, index: S3Index) -> None:
        self._index = index
        self._guard = Guard()
        self.renew()

    def renew(self) -> None:
        """Start empty, as in a forked child, where the series are the parent's."""
        self._waiting: deque[IndexEntry] = deque()
        self._series: dict[str, _Series] = {}
        self._flushing = Lock()
        self._tidies = True

    def add(self, entries: list[IndexEntry]) -> None:
        """Write entries; those of several threads that come together are written together."""
        self._waiting += [entry for entry in entries if len(entry.metadata) <= _MAX_METADATA]
        with self._flushing:
            waiting = []
            with suppress(IndexError):
                while True:
                    waiting.append(self._waiting.popleft())
            for day, group in groupby(sorted(waiting, key=_day), key=_day):
                for part in slices(group):
                    self._flush(day, part)

    def forget(self, recording_ids: set[str]) -> None:
        """Keep deleted recordings from being written again."""
        with self._flushing:
            for series in self._series.values():
                series.entries = [one for one in series.entries if one[0] not in recording_ids]

    def _flush(self, day: str, entries: list[IndexEntry]) -> None:
        is_new = day not in self._series
        series = self._series.setdefault(day, _Series(new_series()))
        series.entries += entries
        series.number += 1
        key = self._index.key(day, series.name, series.number)
        try:
            self._index.write(key, series.entries)
        except PlaybackError as error:
            self._report(day, error)
            return
        superseded, series.superseded = series.superseded, key
        if series.is_full:
            del self._series[day]
        if superseded is not None:
            self._tidy(day, lambda: self._index.delete([superseded]))
        if is_new:
            self._tidy(day, lambda: self._index.compact(day, _MANY_OBJECTS))
            for left in [one for one in self._series if one < day]:
                del self._series[left]
                self._tidy(left, partial(self._index.compact, left))

    def _tidy(self, day: str, work: Callable[[], None]) -> None:
        if not self._tidies:
            return
        try:
            work()
        except PlaybackError as error:
            # Without the permission to delete, each compaction would add to what is there.
            self._tidies = not isinstance(error, CassetteUnavailableError)
            self._report(day, error)

    def _report(self, day: str, error: PlaybackError) -> None:
        self._guard.report("Writing the index of", day, error, "lookups take more requests")


def _day(entry: IndexEntry) -> str:
    return day_in(entry.recording_id)

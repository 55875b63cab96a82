"""S3Index: the metadata of many recordings in few objects, by day.

An index object never changes. It is deleted only after another one that holds all of its entries
was written, so whatever several writers and compactions do at once, no entry is lost. An entry
counts while its ETag is that of the metadata object; what exists is always told by the listing of
those. So an index that is missing, damaged or behind costs requests, and never a wrong answer.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from os import urandom
from time import time_ns
from typing import Final

from playback_core.cassettes._in_parallel import in_parallel
from playback_core.cassettes._s3_keys import S3Keys, day_in
from playback_core.cassettes._s3_objects import (
    MAX_INDEX_BYTES,
    IndexEntry,
    pack_index,
    unpack_index,
)
from playback_core.cassettes._s3_store import Listed, ObjectStore
from playback_core.errors import CodecError, DamagedRecordingError

# A larger one is not worth to be written again.
_FULL_BYTES: Final = 1024 * 1024
_MAX_ENTRIES: Final = 8 * 1024
_MAX_ENTRY_BYTES: Final = 4 * 1024 * 1024

_LOOKS: Final = 3


class S3Index:
    """Reads and compacts index objects, whose keys are `index/{day}/{series}.{number}`.

    A number of a series holds all that the lower numbers of it hold.
    """

    def __init__(self, store: ObjectStore, keys: S3Keys) -> None:
        self._store = store
        self._keys = keys

    def objects(self, first_day: str = "", last_day: str = "99999999") -> list[Listed]:
        """Return what has to be read of the days between two: the last of each series."""
        folder = self._keys.index()
        after = folder + first_day if first_day else ""
        return _last_of_series(self._store.list(folder, after, f"{folder}{last_day}0"))

    def day_of(self, listed: Listed) -> str:
        """Return the day an index object is of."""
        return listed.key[len(self._keys.index()) :].split("/")[0]

    def read(self, objects: Iterable[Listed]) -> list[IndexEntry]:
        """Return the entries of index objects.

        Where one is gone its day is listed again, as it was compacted meanwhile; one that is
        damaged counts as gone.
        """
        entries: list[IndexEntry] = []
        waiting = list(objects)
        seen: set[str] = set()
        for _ in range(_LOOKS):
            missing = set()
            for listed, found in self._read_each(waiting):
                entries += found or ()
                if found is None:
                    missing.add(self.day_of(listed))
            seen.update(listed.key for listed in waiting)
            waiting = [
                listed
                for day in sorted(missing)
                for listed in self.objects(day, day)
                if listed.key not in seen
            ]
            if not waiting:
                break
        return entries

    def write(self, key: str, entries: Iterable[IndexEntry]) -> None:
        """Write an index object."""
        self._store.put(key, pack_index(entries))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete index objects whose entries are in others."""
        self._store.delete(keys)

    def key(self, day: str, series: str, number: int = 0) -> str:
        """Return the key of an index object."""
        return self._keys.index(day, f"{series}.{number:08d}")

    def compact(self, day: str, at_least: int = 2) -> None:
        """Put the entries of a day's small objects into one, where there are `at_least` many."""
        listed = list(self._store.list(self._keys.index(day)))
        small = [one for one in _last_of_series(listed) if one.size < _FULL_BYTES]
        if len(small) >= at_least:
            self._merge(day, listed, small)

    def remove(self, recording_ids: Iterable[str]) -> None:
        """Write the objects of their days anew without the entries of some recordings."""
        for day, group in groupby(sorted(recording_ids, key=day_in), key=day_in):
            listed = list(self._store.list(self._keys.index(day)))
            self._merge(day, listed, _last_of_series(listed), set(group))

    def _merge(
        self,
        day: str,
        listed: list[Listed],
        sources: list[Listed],
        without: Collection[str] = frozenset(),
    ) -> None:
        merged: dict[tuple[str, str], IndexEntry] = {}
        taken = set()
        for source, entries in self._read_each(sources):
            if entries is not None:
                taken.add(_series(source))
                merged |= {entry[:2]: entry for entry in entries if entry[0] not in without}
        for entries in slices(merged.values()):
            self.write(self.key(day, new_series()), entries)
        self.delete([one.key for one in listed if _series(one) in taken])

    def _read_each(self, objects: list[Listed]) -> Iterator[tuple[Listed, list[IndexEntry] | None]]:
        return zip(objects, in_parallel(self._read_one, objects), strict=True)

    def _read_one(self, listed: Listed) -> list[IndexEntry] | None:
        try:
            body = self._store.get(listed.key, MAX_INDEX_BYTES)
            return None if body is None else unpack_index(body)
        except (DamagedRecordingError, CodecError):
            return None


def new_series() -> str:
    """Return the name of a series that nobody else writes to."""
    return f"{time_ns():016x}{urandom(8).hex()}"


def slices(entries: Iterable[IndexEntry]) -> Iterator[list[IndexEntry]]:
    """Yield entries in order, in lists that one index object may hold."""
    part: list[IndexEntry] = []
    size = 0
    for entry in entries:
        if part and (len(part) == _MAX_ENTRIES or size + len(entry.metadata) > _MAX_ENTRY_BYTES):
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry.metadata)
    if part:
        yield part


def _series(listed: Listed) -> str:
    return listed.key.rpartition(".")[0]


def _last_of_series(listed: Iterable[Listed]) -> list[Listed]:
    # Listings are in the order of keys, so those of a series are together.
    return [list(group)[-1] for _, group in groupby(listed, key=_series)]

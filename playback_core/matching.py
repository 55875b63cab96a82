"""Finds, for a replayed call, the recorded call it is; keeps what was consumed."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

from playback_core.codec import Deferred
from playback_core.entry import BranchPath, Entry, EntryKind, encoded
from playback_core.now import Windows


class Match(Enum):
    """How a recorded entry was found; DESIGN's ranks, best first."""

    EXACT = "exact"
    MOVED_BRANCH = "moved branch"
    REPEATED = "repeated"
    CLOCK = "clock"
    FALLBACK_ALIAS = "fallback alias"


_CALLS: Final = (EntryKind.INPUT, EntryKind.OUTPUT)

_CallKey = tuple[EntryKind, str, bytes | Deferred | None]


class RecordedCalls:
    """The entries of a recording as something to take from, each once.

    The n-th call of a key in a branch takes the n-th recorded one of that key and branch. Not
    found there, any unconsumed entry of the key serves; an input all of whose recorded outcomes
    are the same is answered again. Then one that differs in nothing but moments that are *now* in
    both runs serves, where `windows` gives the times of the runs. `relocated` has the alias of
    each call that was served, but not by its own place, and how. `reached` has the entry that each
    branch took last.
    """

    def __init__(
        self, entries: Iterable[Entry], windows: Callable[[], Windows] | None = None
    ) -> None:
        self._windows = windows
        self.relocated: list[tuple[str, Match]] = []
        self.entries: Final = tuple(entries)
        self.reached: Final[dict[BranchPath, Entry]] = {}
        self._consumed = bytearray(len(self.entries))
        self._lock = threading.RLock()
        self._first = self._first_left(0)
        self._index: _Index | None = None

    def take(
        self, kind: EntryKind, alias: str, arguments: bytes | None, branch: BranchPath
    ) -> Entry | None:
        """Consume and return the recorded call this one is, or None where there is none."""
        with self._lock:
            # Most replays ask in the recorded order: then it is the first, and needs no index.
            first = self._first
            if first < len(self.entries):
                entry = self.entries[first]
                if (
                    entry.alias == alias
                    and entry.kind is kind
                    and entry.branch == branch
                    and (arguments == entry.arguments or kind is EntryKind.OUTPUT)
                ):
                    self._consumed[first] = 1
                    self._first = self._first_left(first + 1)
                    self.reached[branch] = entry
                    return entry
            found = self._take_from_index((kind, alias, arguments), branch)
            if found is not None:
                self.reached[branch] = found
            return found

    def consumed(self) -> bytes:
        """Return a byte for each entry, 1 where it served a call, else 0."""
        return bytes(self._consumed)

    def _first_left(self, position: int) -> int:
        # Of those that calls ask for: data and spans may stay where they are.
        entries, consumed = self.entries, self._consumed
        while position < len(entries) and (
            consumed[position] or entries[position].kind not in _CALLS
        ):
            position += 1
        return position

    def _take_from_index(self, key: _CallKey, branch: BranchPath) -> Entry | None:
        index = self._index
        if index is None:
            index = self._index = _Index(self.entries)
        own = index.by_branch.get((key, branch))
        while own:
            position = own.popleft()
            if not self._consumed[position]:
                return self._consume(position)
        positions = index.by_key.get(key, ())
        for position in positions:
            if not self._consumed[position]:
                return self._consume(position, (key[1], Match.MOVED_BRANCH))
        if key[0] is EntryKind.OUTPUT:
            return None
        if positions and self._all_same(positions):
            self.relocated.append((key[1], Match.REPEATED))
            return self.entries[positions[-1]]
        return self._take_now(key, branch)

    def _take_now(self, key: _CallKey, branch: BranchPath) -> Entry | None:
        kind, alias, arguments = key
        if self._windows is None or kind is not EntryKind.INPUT or arguments is None:
            return None
        windows = self._windows()
        wanted = windows.replayed_form(encoded(arguments))
        left = [
            position
            for position, entry in enumerate(self.entries)
            if entry.kind is kind and entry.alias == alias and not self._consumed[position]
        ]
        # Those of its own branch first, each in recorded order.
        for position in sorted(left, key=lambda each: self.entries[each].branch != branch):
            recorded = self.entries[position].arguments
            if recorded is not None and windows.recorded_form(encoded(recorded)) == wanted:
                return self._consume(position, (alias, Match.CLOCK))
        return None

    def _consume(self, position: int, moved: tuple[str, Match] | None = None) -> Entry:
        if moved is not None:
            self.relocated.append(moved)
        self._consumed[position] = 1
        if position == self._first:
            self._first = self._first_left(position + 1)
        return self.entries[position]

    def _all_same(self, positions: Sequence[int]) -> bool:
        outcomes = {
            (entry.failed, None if entry.result is None else encoded(entry.result))
            for entry in map(self.entries.__getitem__, positions)
        }
        return len(outcomes) == 1


class _Index:
    """Where the calls of a key are: within a branch, and in all."""

    def __init__(
        self, entries: Iterable[Entry], windows: Callable[[], Windows] | None = None
    ) -> None:
        self._windows = windows
        self.by_branch: dict[tuple[_CallKey, BranchPath], deque[int]] = {}
        self.by_key: dict[_CallKey, list[int]] = {}
        for position, entry in enumerate(entries):
            # An output is told by its alias alone: its arguments are what is compared.
            arguments = None if entry.kind is EntryKind.OUTPUT else entry.arguments
            key = (entry.kind, entry.alias, arguments)
            self.by_key.setdefault(key, []).append(position)
            self.by_branch.setdefault((key, entry.branch), deque()).append(position)

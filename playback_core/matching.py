"""Finds, for a replayed call, the recorded call it is; keeps what was consumed."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

from playback_core.codec import Deferred
from playback_core.entry import BranchPath, Entry, EntryKind, encoded
from playback_core.now import Windows


class Match(Enum):
    """How a recorded entry was found; ranks, best first."""

    EXACT = "exact"
    MOVED_BRANCH = "moved branch"
    REPEATED = "repeated"
    NORMALISED = "normalised"
    CLOCK = "clock"
    FALLBACK_ALIAS = "fallback alias"


_CALLS: Final = (EntryKind.INPUT, EntryKind.OUTPUT)

_CallKey = tuple[EntryKind, str, bytes | Deferred | None]

Form = Callable[[bytes], bytes]
"""Gives for encoded arguments what is equal where two calls mean the same."""


class RecordedCalls:
    """The entries of a recording as something to take from, each once.

    The n-th call of a key in a branch takes the n-th recorded one of that key and branch. Not
    found there, any unconsumed entry of the key serves; an input all of whose recorded outcomes
    are the same is answered again. Then one of the same normalised form serves, and last one that
    differs in nothing but moments that are *now* in both runs, where `windows` gives the times of
    the runs. An output is told by its alias, and where its arguments are given, by them first.
    `relocated` has the alias of each call that was served, but not by its own place, and how.
    `reached` has the entry that each branch took last. With `strict` a call is served by its own
    place alone.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        windows: Callable[[], Windows] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._windows = windows
        self._strict = strict
        self._refused: dict[tuple[str, bytes | Deferred | None], Match] = {}
        self.relocated: list[tuple[str, Match]] = []
        self.entries: Final = tuple(entries)
        self.reached: Final[dict[BranchPath, Entry]] = {}
        self._consumed = bytearray(len(self.entries))
        self._lock = threading.RLock()
        self._first = self._first_left(0)
        self._index: _Index | None = None
        self._aliases: frozenset[str] | None = None

    def take(
        self,
        kind: EntryKind,
        alias: str,
        arguments: bytes | None,
        branch: BranchPath,
        normalised: Form | None = None,
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
                    and (arguments is None or arguments == entry.arguments)
                ):
                    self._consumed[first] = 1
                    self._first = self._first_left(first + 1)
                    self.reached[branch] = entry
                    return entry
            found = None
            if self._has(alias):
                found = self._take_from_index((kind, alias, arguments), branch, normalised)
            if found is not None:
                self.reached[branch] = found
            return found

    def left(self, kind: EntryKind, alias: str, branch: BranchPath) -> Iterator[Entry]:
        """Yield the recorded calls that were not consumed, those of a branch before others."""
        for position in self._left(kind, alias, branch):
            if not self._consumed[position]:
                yield self.entries[position]

    def refused(self, alias: str, arguments: bytes) -> Match | None:
        """Return how a call that was missed would have been served, were this not strict."""
        return self._refused.get((alias, arguments))

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

    def _take_from_index(
        self, key: _CallKey, branch: BranchPath, normalised: Form | None
    ) -> Entry | None:
        kind, alias, arguments = key
        index = self._index
        if index is None:
            index = self._index = _Index(self.entries)
        if kind is EntryKind.OUTPUT:
            key = (kind, alias, None)
            found = None if arguments is None else self._take_sent(index, key, arguments, branch)
            if found is not None:
                return found
        own = index.by_branch.get((key, branch))
        while own:
            position = own.popleft()
            if not self._consumed[position]:
                return self._consume(position)
        positions = index.by_key.get(key, ())
        for position in positions:
            if not self._consumed[position]:
                return self._serve(position, key, Match.MOVED_BRANCH)
        if kind is not EntryKind.INPUT:
            return None
        if positions and self._all_same(positions):
            return self._serve(positions[-1], key, Match.REPEATED)
        return self._take_alike(key, branch, normalised)

    def _has(self, alias: str) -> bool:
        # Before an index is made: a connection is opened, say, that the recorded operation had.
        if self._aliases is None:
            self._aliases = frozenset([entry.alias for entry in self.entries])
        return alias in self._aliases

    def _take_sent(
        self, index: "_Index", key: _CallKey, sent: bytes | Deferred, branch: BranchPath
    ) -> Entry | None:
        # In place it keeps its own result, whatever was sent before it that was not recorded.
        for position in index.by_branch.get((key, branch), ()):
            if not self._consumed[position] and self.entries[position].arguments == sent:
                return self._consume(position)
        return None

    def _take_alike(
        self, key: _CallKey, branch: BranchPath, normalised: Form | None
    ) -> Entry | None:
        kind, alias, arguments = key
        if arguments is None:
            return None
        left = [*self._left(kind, alias, branch)]
        for match, recorded, replayed in self._forms(normalised):
            wanted = replayed(encoded(arguments))
            for position in left:
                blob = self.entries[position].arguments
                if blob is not None and recorded(encoded(blob)) == wanted:
                    return self._serve(position, key, match)
        return None

    def _left(self, kind: EntryKind, alias: str, branch: BranchPath) -> Iterator[int]:
        for is_own in (True, False):
            for position, entry in enumerate(self.entries):
                if (
                    entry.kind is kind
                    and entry.alias == alias
                    and not self._consumed[position]
                    and (entry.branch == branch) is is_own
                ):
                    yield position

    def _forms(self, normalised: Form | None) -> Iterator[tuple[Match, Form, Form]]:
        if normalised is not None:
            yield Match.NORMALISED, normalised, normalised
        if self._windows is None:
            return
        windows = self._windows()
        yield Match.CLOCK, windows.recorded_form, windows.replayed_form
        if normalised is not None:
            # Last: the literal of a statement, say, whose moment is *now*.
            yield (
                Match.CLOCK,
                lambda blob: windows.recorded_form(normalised(blob)),
                lambda blob: windows.replayed_form(normalised(blob)),
            )

    def _serve(self, position: int, key: _CallKey, match: Match) -> Entry | None:
        _, alias, arguments = key
        if self._strict:
            self._refused[alias, arguments] = match
            return None
        self.relocated.append((alias, match))
        return self.entries[position] if match is Match.REPEATED else self._consume(position)

    def _consume(self, position: int) -> Entry:
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

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.by_branch: dict[tuple[_CallKey, BranchPath], deque[int]] = {}
        self.by_key: dict[_CallKey, list[int]] = {}
        for position, entry in enumerate(entries):
            # An output is told by its alias alone: its arguments are what is compared.
            arguments = None if entry.kind is EntryKind.OUTPUT else entry.arguments
            key = (entry.kind, entry.alias, arguments)
            self.by_key.setdefault(key, []).append(position)
            self.by_branch.setdefault((key, entry.branch), deque()).append(position)

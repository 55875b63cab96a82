"""Finds, for a replayed call, the recorded call it is; keeps what was consumed."""

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum

from playback_core.entry import BranchPath, Entry, EntryKind, encoded


class Match(Enum):
    """How a recorded entry was found; DESIGN's ranks, best first."""

    EXACT = "exact"
    MOVED_BRANCH = "moved branch"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Found:
    """A recorded entry that serves a replayed call, and where it stands in the recording."""

    entry: Entry
    position: int
    match: Match


CallKey = tuple[EntryKind, str, bytes | None]


class RecordedCalls:
    """The entries of a recording as something to take from, each once.

    The n-th call of a key in a branch takes the n-th recorded one of that key and branch. Not
    found there, any unconsumed entry of the key serves; an input all of whose recorded outcomes
    are the same is answered again.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self._consumed = bytearray(len(entries))
        self._lock = threading.Lock()
        self._by_branch: dict[tuple[CallKey, BranchPath], deque[int]] = {}
        self._by_key: dict[CallKey, list[int]] = {}
        for position, entry in enumerate(entries):
            # An output is told by its alias alone: its arguments are what is compared.
            arguments = None if entry.kind is EntryKind.OUTPUT else entry.arguments
            key = (entry.kind, entry.alias, arguments)
            self._by_key.setdefault(key, []).append(position)
            self._by_branch.setdefault((key, entry.branch), deque()).append(position)

    def take(
        self, kind: EntryKind, alias: str, arguments: bytes | None, branch: BranchPath
    ) -> Found | None:
        """Consume and return the recorded call, or None where there is none."""
        key = (kind, alias, arguments)
        with self._lock:
            own = self._by_branch.get((key, branch))
            while own:
                position = own.popleft()
                if not self._consumed[position]:
                    return self._consume(position, Match.EXACT)
            positions = self._by_key.get(key)
            if positions is None:
                return None
            for position in positions:
                if not self._consumed[position]:
                    return self._consume(position, Match.MOVED_BRANCH)
            if kind is not EntryKind.OUTPUT and self._all_same(positions):
                return Found(self.entries[positions[-1]], positions[-1], Match.REPEATED)
        return None

    def consumed(self) -> list[Entry]:
        """Return the entries that served a call, in recorded order."""
        return [entry for entry, used in zip(self.entries, self._consumed, strict=True) if used]

    def never_consumed(self) -> list[Entry]:
        """Return the inputs and outputs no call asked for, in recorded order."""
        return [
            entry
            for entry, used in zip(self.entries, self._consumed, strict=True)
            if not used and entry.kind in (EntryKind.INPUT, EntryKind.OUTPUT)
        ]

    def _consume(self, position: int, match: Match) -> Found:
        self._consumed[position] = 1
        return Found(self.entries[position], position, match)

    def _all_same(self, positions: list[int]) -> bool:
        outcomes = {
            (entry.failed, None if entry.result is None else encoded(entry.result))
            for entry in map(self.entries.__getitem__, positions)
        }
        return len(outcomes) == 1

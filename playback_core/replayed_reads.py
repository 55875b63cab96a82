"""ReplayedReads: gives an operation its recorded reads again, and makes up those beyond them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from random import Random
from time import perf_counter_ns
from typing import Any, Final
from uuid import UUID

from playback_core.entry import BranchPath, Entry, EntryKind
from playback_core.metadata import CLOCK_READS, RANDOM_READS
from playback_core.packing import Redaction
from playback_core.reads import (
    SEALED,
    SHOWN,
    drawing,
    nanoseconds,
    seconds,
    unpacked_clock,
    unpacked_random,
)

TICK: Final = 1_000
"""How many nanoseconds go by between two reads of the virtual clock."""

_GREGORIAN_TICKS: Final = 0x01B21DD213814000
_WALL: Final = frozenset({"time", "time_ns", "datetime_ns", SHOWN})

ReadsByName = dict[str, deque[Any]]


class ReplayedReads:
    """The reads of all branches of one replay, and the time that it is in it.

    `reached` has the entry that each branch took last: the clock is never before the moment when
    it was recorded. `redaction` has the key of drawings that are sealed. `note_made_up` is told of
    each drawing that was not recorded, or can't be unsealed. Raise DecodeError where the recorded
    reads are damaged.
    """

    def __init__(
        self,
        seed: str,
        started_at: int,
        entries: Iterable[Entry],
        reached: Mapping[BranchPath, Entry],
        note_made_up: Callable[[str], None],
        redaction: Redaction | None = None,
    ) -> None:
        self.seed = seed
        self.started_at = started_at
        self.latest = started_at
        self.reached = reached
        self.note_made_up = note_made_up
        self.elapsed_at_start = perf_counter_ns()
        self._clock: dict[BranchPath, Mapping[str, list[Any]]] = {}
        self._random: dict[BranchPath, Mapping[str, list[Any]]] = {}
        for entry in entries:
            if entry.kind is EntryKind.DATA:
                if entry.alias == CLOCK_READS:
                    self._clock[entry.branch] = unpacked_clock(entry.decoded_result())
                elif entry.alias == RANDOM_READS:
                    self._random[entry.branch] = unpacked_random(entry.decoded_result(), redaction)

    def root(self) -> BranchReads:
        """Return the reads of the replayed operation's own branch."""
        return BranchReads(self, (), self.started_at)

    def clock(self, path: BranchPath) -> ReadsByName:
        """Return what a branch read from clocks, to be taken from."""
        return _to_take(self._clock.get(path, {}))

    def random(self, path: BranchPath) -> ReadsByName:
        """Return what a branch drew, likewise."""
        return _to_take(self._random.get(path, {}))


class BranchReads:
    """The reads of one branch of a replay, its virtual clock, and its own source of drawings.

    All of it depends on what this branch does and not on how branches interleave.
    """

    def __init__(self, replay: ReplayedReads, path: BranchPath, now: int) -> None:
        self._replay = replay
        self._path = path
        self._now = now
        self._clock: ReadsByName | None = None
        self._random: ReadsByName | None = None
        self._source: Random | None = None
        # What the recorded counter of elapsed time said when it was the start of the operation.
        self._elapsed_anchor: int | None = None

    def child(self, path: BranchPath) -> BranchReads:
        return BranchReads(self._replay, path, self._current())

    def clock(self, name: str, original: Callable[[], Any]) -> Any:
        """Return the next recorded read of this name, else what the virtual clock says."""
        recorded = self._clock
        if recorded is None:
            recorded = self._clock = self._replay.clock(self._path)
        left = recorded.get(name)
        if left:
            value = left.popleft()
            self._meet(name, value)
            return value
        now = self.now() if name in _WALL else self._elapsed_since(self._elapsed_anchor)
        return now if name.endswith("_ns") else seconds(now)

    def random(self, name: str, original: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Return the next recorded drawing of this sort, else a made-up one."""
        recorded = self._random
        if recorded is None:
            recorded = self._random = self._replay.random(self._path)
        left = recorded.get(drawing(name, args))
        if left:
            return left.popleft()
        return self.random_beyond(name, args)

    def now(self) -> int:
        """Read the virtual clock: nanoseconds since the epoch."""
        self._set(self._current() + TICK)
        return self._now

    def elapsed(self) -> int:
        """Read a virtual counter of elapsed time, which goes on from this process's own."""
        return self._elapsed_since(None)

    def advance(self, nanoseconds_slept: int) -> None:
        """Let time go by."""
        self._set(self._current() + nanoseconds_slept)

    def random_beyond(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return a made-up drawing, which the recording, the branch and earlier ones decide."""
        is_sealed = name == "urandom" and SEALED in (self._random or ())
        self._replay.note_made_up(
            f"{name} (sealed under another REDACT_KEY)" if is_sealed else name
        )
        source = self._source
        if source is None:
            source = self._source = Random(f"{self._replay.seed}/{self._path}")
        if name == "uuid1":
            return _uuid1(self.now(), source)
        return getattr(source, "randbytes" if name == "urandom" else name)(*args)

    def _elapsed_since(self, anchor: int | None) -> int:
        start = self._replay.elapsed_at_start if anchor is None else anchor
        return start + self.now() - self._replay.started_at

    def _current(self) -> int:
        reached = self._replay.reached.get(self._path)
        if reached is not None:
            self._set(max(self._now, self._replay.started_at + reached.at * 1_000))
        return self._now

    def _set(self, now: int) -> None:
        self._now = now
        replay = self._replay
        if now > replay.latest:
            replay.latest = now

    def _meet(self, name: str, value: Any) -> None:
        if type(value) not in (int, float):
            return
        exact = value if type(value) is int else nanoseconds(value)
        if name in _WALL:
            self._set(max(self._now, exact))
            return
        current = self._current()
        if self._elapsed_anchor is None:
            self._elapsed_anchor = exact - (current - self._replay.started_at)
        since_start = exact - self._elapsed_anchor
        self._set(max(current, self._replay.started_at + since_start))


def _to_take(reads: Mapping[str, list[Any]]) -> ReadsByName:
    return {name: deque(values) for name, values in reads.items()}


def _uuid1(now: int, source: Random) -> UUID:
    # RFC 9562, 5.1: 100 nanoseconds since the Gregorian calendar; a made-up node is multicast.
    ticks = now // 100 + _GREGORIAN_TICKS
    fields = (
        ticks & 0xFFFFFFFF,
        ticks >> 32 & 0xFFFF,
        ticks >> 48 & 0x0FFF,
        source.getrandbits(6),
        source.getrandbits(8),
        source.getrandbits(48) | 1 << 40,
    )
    return UUID(fields=fields, version=1)

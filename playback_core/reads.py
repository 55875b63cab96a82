"""Reads: what an operation took from the clock and the sources of random numbers, kept compactly.

A read is no call of the outside world: it is never a miss, and a recording has a million of them
as easily as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import copysign, isfinite
from typing import Any, Final, Protocol

from playback_core.codec import Deferred, decode, encode
from playback_core.entry import BranchPath, Entry, EntryKind, RedactedEntry
from playback_core.errors import DecodeError
from playback_core.metadata import CLOCK_READS, RANDOM_READS
from playback_core.packing import Redaction

MAX_READS_BYTES: Final = 4 * 1024**2
"""What the reads of one operation may take in memory; later ones are not kept."""

_READ_BYTES: Final = 32
_NANOSECONDS: Final = 10**9
_INTEGER: Final = "_ns"
_SECRET: Final = "urandom("

SHOWN: Final = "shown_ns"
"""The name of the reads made before a library asks a clock that is not recorded."""

SEALED: Final = "sealed"
"""The name of the drawings that only a key reads; what tells them apart is sealed with them."""

ReadsByName = dict[str, list[Any]]


class Reads(Protocol):
    """The reads of one branch: being recorded, or given again."""

    def child(self, path: BranchPath) -> Reads:
        """Return those of a branch that this one creates."""

    def clock(self, name: str, original: Callable[[], Any]) -> Any:
        """Return what the application gets for reading a clock."""

    def random(self, name: str, original: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Return what the application gets for drawing from a source of random numbers."""


class RecordedReads:
    """The reads of one operation, while it is being recorded.

    `left` is how many bytes of them may still come. When it is used up, all of its branches stop
    at once, so that what each has is the beginning of what it read.
    """

    __slots__ = ("_branches", "left")

    def __init__(self) -> None:
        self.left = MAX_READS_BYTES
        self._branches: list[_RecordedBranch] = []

    def branch(self, path: BranchPath) -> _RecordedBranch:
        """Return what keeps the reads of a new branch, which is not kept before it has one."""
        return _RecordedBranch(self, path)

    def add(self, branch: _RecordedBranch) -> None:
        """Take a branch that has its first read."""
        self._branches.append(branch)

    def entries(self, redaction: Redaction | None = None) -> list[Entry]:
        """Return an entry for each branch and sort of read there is."""
        return [entry for branch in self._branches for entry in branch.entries(redaction)]

    def end(self) -> None:
        """Take no more, and drop what there is."""
        self.left = 0
        self._branches = []


class _RecordedBranch:
    __slots__ = ("_clock", "_path", "_random", "_reads")

    def __init__(self, reads: RecordedReads, path: BranchPath) -> None:
        self._reads = reads
        self._path = path
        self._clock: ReadsByName = {}
        self._random: ReadsByName = {}

    def child(self, path: BranchPath) -> _RecordedBranch:
        return self._reads.branch(path)

    def clock(self, name: str, original: Callable[[], Any]) -> Any:
        value = original()
        reads = self._reads
        if reads.left > 0:
            reads.left -= _READ_BYTES
            kept = self._clock.get(name)
            if kept is None:
                kept = self._begun(self._clock, name)
            kept.append(value)
        return value

    def random(self, name: str, original: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        value = original(*args)
        reads = self._reads
        if reads.left > 0:
            reads.left -= _READ_BYTES + (len(value) if type(value) is bytes else 0)
            sort = drawing(name, args)
            (self._random.get(sort) or self._begun(self._random, sort)).append(value)
        return value

    def _begun(self, reads: ReadsByName, name: str) -> list[Any]:
        if not (self._clock or self._random):
            self._reads.add(self)
        kept = reads[name] = []
        return kept

    def entries(self, redaction: Redaction | None) -> list[RedactedEntry]:
        entries = [
            RedactedEntry(EntryKind.DATA, alias, self._path, None, _Packed(kept, pack))
            for alias, kept, pack in (
                (CLOCK_READS, self._clock, packed_clock),
                (RANDOM_READS, self._random, partial(packed_random, redaction=redaction)),
            )
            if kept
        ]
        for entry in entries:
            # Searched for secrets, bytes that only look like one would be others in a replay.
            entry.redacted_by = redaction
        return entries


class _Packed(Deferred):
    """The reads of one sort and branch, encoded when the recording is stored."""

    __slots__ = ("_pack", "_reads")

    def __init__(self, reads: ReadsByName, pack: Callable[[ReadsByName], ReadsByName]) -> None:
        # Copies: a thread that outlives the operation may be adding to them.
        self._reads = {name: list(values) for name, values in list(reads.items())}
        self._pack = pack

    def encode(self) -> bytes:
        return encode(self._pack(self._reads))

    def __len__(self) -> int:
        return _READ_BYTES * sum(map(len, self._reads.values()))


def drawing(name: str, args: tuple[Any, ...]) -> str:
    """Return what tells drawings of one sort: those of another size are others."""
    shown = [repr(arg) if type(arg) in (int, float) else "?" for arg in args]
    return f"{name}({', '.join(shown)})"


def packed_clock(reads: ReadsByName) -> ReadsByName:
    """Return clock reads as they are stored: integers of nanoseconds since the read before.

    The first of each name is what the clock said, and so is, unchanged, whatever a clock gave that
    nanoseconds do not give back exactly.
    """
    return {name: _differences(name, values) for name, values in reads.items()}


def unpacked_clock(stored: Any) -> ReadsByName:
    """Return what `packed_clock` was given, name by name; DecodeError where it can't be that."""
    return {name: list(_sums(name, values)) for name, values in _checked(stored)}


def packed_random(reads: ReadsByName, redaction: Redaction | None = None) -> ReadsByName:
    """Return drawings as they are stored: what secrets are made of is sealed, if it can be."""
    secret = {name: drawn for name, drawn in reads.items() if name.startswith(_SECRET)}
    sealed = redaction.seal(encode(secret)) if secret and redaction is not None else None
    if sealed is None:
        return reads
    return {name: reads[name] for name in reads.keys() - secret.keys()} | {SEALED: [sealed]}


def unpacked_random(stored: Any, redaction: Redaction | None = None) -> ReadsByName:
    """Return what `packed_random` was given; DecodeError where it can't be that.

    What is sealed under another key stays so.
    """
    reads = dict(_checked(stored))
    sealed = reads.get(SEALED)
    if sealed is None or redaction is None:
        return reads
    if not (sealed and type(sealed[0]) is bytes):
        raise DecodeError("The recorded random bytes are damaged: what is sealed is no bytes.")
    secret = redaction.unseal(sealed[0])
    if secret is not None:
        del reads[SEALED]
        reads.update(_checked(decode(secret)))
    return reads


def nanoseconds(value: float) -> int:
    """Return seconds as the nearest integer of nanoseconds."""
    numerator, denominator = value.as_integer_ratio()
    return (2 * numerator * _NANOSECONDS + denominator) // (2 * denominator)


def seconds(value: int) -> float:
    """Return nanoseconds as seconds; gives back a clock's float from its `nanoseconds`."""
    return value / _NANOSECONDS


def _differences(name: str, values: list[Any]) -> list[Any]:
    as_integer = _integer if name.endswith(_INTEGER) else _nanoseconds_if_exact
    packed: list[Any] = []
    before = 0
    for value in values:
        now = as_integer(value)
        if now is None:
            packed.append([value])
        else:
            packed.append(now - before)
            before = now
    return packed


def _integer(value: Any) -> int | None:
    return value if type(value) is int else None


def _nanoseconds_if_exact(value: Any) -> int | None:
    if type(value) is not float or not isfinite(value):
        return None
    exact = nanoseconds(value)
    # A zero may be negative.
    return exact if seconds(exact) == value and (exact or copysign(1, value) == 1) else None


def _sums(name: str, stored: list[Any]) -> Iterable[Any]:
    is_integer = name.endswith(_INTEGER)
    before = 0
    for difference in stored:
        if type(difference) is list:
            yield difference[0] if difference else None
            continue
        if type(difference) is not int:
            raise DecodeError(f"A read of {name} is damaged: {difference!r} is no integer.")
        before += difference
        yield before if is_integer else seconds(before)


def _checked(stored: Any) -> Iterable[tuple[str, list[Any]]]:
    if type(stored) is not dict or not all(type(values) is list for values in stored.values()):
        raise DecodeError("The recorded reads of a clock or of random numbers are damaged.")
    return stored.items()

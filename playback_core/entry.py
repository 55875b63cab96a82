"""Entry: one interception, encoded, in the order it happened."""

from enum import IntEnum
from threading import Lock
from typing import Any, Final

from playback_core.codec import Deferred, decode
from playback_core.outcome import Outcome

BranchPath = tuple[int, ...]

ENTRY_BYTES: Final = 256
"""About what an entry takes in memory beside its encoded values."""


class EntryKind(IntEnum):
    """What an entry is; the numbers are part of the stored format."""

    INPUT = 1
    OUTPUT = 2
    DATA = 3
    SPAN = 4


class Entry:
    """One interception, in the order it happened.

    `arguments` and `result` are encoded values, None where there is none; `at` is the offset from
    the operation's start in microseconds. Decoding gives a fresh value each time.
    """

    __slots__ = ("alias", "arguments", "at", "branch", "failed", "kind", "result")

    redacted_by: object = None
    """What has taken its secrets out already: it would find none."""

    rank: int = 0
    """What outputs have that follow each other in an order that is chance; see `add_by_rank`."""

    def __init__(
        self,
        kind: EntryKind,
        alias: str,
        branch: BranchPath,
        arguments: bytes | Deferred | None,
        result: bytes | Deferred | None = None,
        failed: bool = False,
        at: int = 0,
    ) -> None:
        self.kind = kind
        self.alias = alias
        self.branch = branch
        self.arguments = arguments
        self.result = result
        self.failed = failed
        self.at = at

    def __repr__(self) -> str:
        return f"<Entry {self.kind.name.lower()} {self.alias!r} branch={self.branch}>"

    def decoded_arguments(self) -> Any:
        """Return the arguments: `[args, kwargs]` of an input, the data sent by an output."""
        return None if self.arguments is None else decode(encoded(self.arguments))

    def outcome(self) -> Outcome:
        """Return the recorded value or exception, decoded afresh."""
        value = self.decoded_result()
        return Outcome(exception=value) if self.failed else Outcome(value)

    def decoded_result(self) -> Any:
        """Return the recorded value, or the exception object where the call raised."""
        return None if self.result is None else decode(encoded(self.result))


class RankedEntry(Entry):
    """An output with a rank."""

    __slots__ = ("rank",)


_adding_by_rank: Final = Lock()


def add_by_rank(entries: list[Entry], added: Entry) -> None:
    """Append an entry; one with a rank before those of a higher one that its branch just sent."""
    if not added.rank:
        entries.append(added)
        return
    with _adding_by_rank:
        place = len(entries)
        for position in range(place - 1, -1, -1):
            before = entries[position]
            if before.kind is EntryKind.OUTPUT and before.branch == added.branch:
                if before.rank <= added.rank:
                    break
                place = position
        entries.insert(place, added)


class RedactedEntry(Entry):
    """An entry of what was made without its secrets."""

    __slots__ = ("redacted_by",)


def encoded(blob: bytes | Deferred) -> bytes:
    """Return the bytes of a snapshot, encoding now what was kept by reference."""
    return blob if isinstance(blob, bytes) else blob.encode()

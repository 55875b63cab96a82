"""The packed form of a recording: what cassettes store; docs/format.md describes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Final, Protocol

import ormsgpack

from playback_core.codec import (
    DEFAULT_LIMITS,
    Deferred,
    Limits,
    compress,
    decode,
    decompress,
    encode,
    storable_text,
    stored_text,
)
from playback_core.codec.scan import check_parts
from playback_core.entry import BranchPath, Entry, EntryKind, encoded
from playback_core.errors import CodecError, DamagedRecordingError, DecodeError, EncodeError

FORMAT_VERSION: Final = 1

_KINDS: Final = {int(kind): kind for kind in EntryKind}
# Of all columns, where an entry has five parts: more than a recording kept in memory comes to.
_COLUMN_LIMITS: Final = Limits(max_nodes=2_000_000, max_depth=3)
# A part takes a byte at least: shorter columns need no counting.
_SURELY_FEW: Final = 256 * 1024


class Redaction(Protocol):
    """What takes secrets out of encoded values before they are stored; it is idempotent."""

    def value(self, blob: bytes) -> bytes:
        """Return an encoded value without its secrets."""

    def key(self, blob: bytes) -> bytes:
        """Return an encoded interception key without its secrets."""

    def may_change(self, blobs: Sequence[bytes]) -> set[int]:
        """Return the positions of encoded values that `value` or `key` may change."""

    def check(self, blobs: Iterable[bytes | None]) -> None:
        """Raise ForbiddenContentError where encoded values hold what must not be stored."""

    def seal(self, data: bytes) -> bytes | None:
        """Return bytes that only `unseal` reads, under the same key; None: no key lasts."""

    def unseal(self, data: bytes) -> bytes | None:
        """Return what was sealed; None where that was not under this key."""

    def leaves(self, names: Iterable[str]) -> bool:
        """Tell whether it surely leaves plain data alone whose fields, at any depth, are these."""

    def names(self, name: object) -> bool:
        """Tell whether the values of a parameter of this name are secret."""

    def concealed(self, value: Any) -> Any:
        """Return what is stored instead of a secret."""


@dataclass(frozen=True, slots=True)
class PackedRecording:
    """What a cassette stores: index columns, encoded metadata, framed payload.

    `started_at` is nanoseconds since the epoch. `framed` is false where the payload is not in its
    compressed frame, as in a cassette that never leaves memory.
    """

    id: str
    started_at: int
    metadata: bytes
    payload: bytes
    framed: bool = True


def pack_entries(entries: tuple[Entry, ...], redaction: Redaction | None, *, framed: bool) -> bytes:
    """Return the payload of a recording: its entries by column.

    Raise EncodeError where it is more than `unpack_entries` reads.
    """
    columns = ormsgpack.packb(_columns(entries, redaction))
    if len(columns) > DEFAULT_LIMITS.max_bytes:
        raise EncodeError(
            f"Its {len(entries):,} entries take {len(columns):,} bytes, and the hard limit is"
            f" {DEFAULT_LIMITS.max_bytes:,}; record less, for example with data handlers."
        )
    try:
        _check_columns(columns)
    except DecodeError as refused:
        raise EncodeError(
            f"Its {len(entries):,} entries are too many to be read back: {refused}"
        ) from refused
    return compress(columns) if framed else columns


def unpack_entries(payload: bytes, *, framed: bool) -> list[Entry]:
    """Return the entries of a payload; raise DamagedRecordingError where it is not one."""
    try:
        raw = decompress(payload, DEFAULT_LIMITS.max_bytes) if framed else payload
        _check_columns(raw)
        return _entries(ormsgpack.unpackb(raw))
    except CodecError as error:
        raise DamagedRecordingError(str(error)) from error
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise DamagedRecordingError(f"Its entries are damaged: {error}.") from error


def _check_columns(columns: bytes) -> None:
    if len(columns) > _SURELY_FEW:
        check_parts(memoryview(columns), _COLUMN_LIMITS)


def unreadable(recording_id: str, reason: Exception) -> DamagedRecordingError:
    """Make the error of a recording that cannot be read; the reason says if it is damaged."""
    return DamagedRecordingError(
        f"Recording {recording_id} cannot be read: {reason} Delete it, or read it with the version"
        " that wrote it."
    )


def _columns(entries: tuple[Entry, ...], redaction: Redaction | None) -> list[Any]:
    aliases: dict[str, int] = {}
    branches: dict[BranchPath, int] = {}
    alias_column = [aliases.setdefault(e.alias, len(aliases)) for e in entries]
    branch_column = [branches.setdefault(e.branch, len(branches)) for e in entries]
    arguments = [None if e.arguments is None else encoded(e.arguments) for e in entries]
    results = [None if e.result is None else encoded(e.result) for e in entries]
    if redaction is not None:
        _redact(entries, arguments, results, redaction)
        # Nothing of it is made where nothing is forbidden.
        redaction.check(chain(arguments, results, map(encode, [list(aliases)])))
    return [
        FORMAT_VERSION,
        [storable_text(alias) for alias in aliases],
        [list(path) for path in branches],
        bytes([e.kind for e in entries]),
        bytes([e.failed for e in entries]),
        alias_column,
        branch_column,
        _differences([e.at for e in entries]),
        arguments,
        results,
    ]


def _redact(
    entries: tuple[Entry, ...],
    arguments: list[bytes | None],
    results: list[bytes | None],
    redaction: Redaction,
) -> None:
    # All are searched at once: nearly all hold no secret, and each search costs.
    blobs: list[bytes] = []
    owners: list[tuple[list[bytes | None], int]] = []
    for place, entry in enumerate(entries):
        if entry.kind is EntryKind.DATA and redaction.names(entry.alias):
            results[place] = _concealed(results[place], redaction)
        elif entry.redacted_by is not redaction:
            for column, kept in ((arguments, entry.arguments), (results, entry.result)):
                blob = column[place]
                if blob is None or (isinstance(kept, Deferred) and kept.redacted_by is redaction):
                    continue
                blobs.append(blob)
                owners.append((column, place))
    for suspect in redaction.may_change(blobs) if blobs else ():
        column, place = owners[suspect]
        is_key = column is arguments and entries[place].kind is EntryKind.INPUT
        column[place] = (redaction.key if is_key else redaction.value)(blobs[suspect])


def _concealed(blob: bytes | None, redaction: Redaction) -> bytes | None:
    return None if blob is None else encode(redaction.concealed(decode(blob)))


def _entries(columns: Any) -> list[Entry]:
    if not isinstance(columns, list) or columns[:1] != [FORMAT_VERSION]:
        raise ValueError(f"format version {columns[:1] if isinstance(columns, list) else columns}")
    _, names, paths, kinds, failed, alias_column, branch_column, at, arguments, results = columns
    if not (_ENCODED.issuperset(map(type, arguments)) and _ENCODED.issuperset(map(type, results))):
        raise ValueError("an argument or result that is no bytes")
    if not _NUMBERS.issuperset(map(type, (*at, *alias_column, *branch_column))):
        raise ValueError("a time or position that is no number")
    aliases = [stored_text(name) for name in names]
    branches = [tuple(path) for path in paths]
    return [
        Entry(
            _KINDS[kind],
            aliases[alias],
            branches[branch],
            args,
            result,
            bool(raised),
            offset,
        )
        for kind, raised, alias, branch, offset, args, result in zip(
            kinds,
            failed,
            alias_column,
            branch_column,
            accumulate(at),
            arguments,
            results,
            strict=True,
        )
    ]


_ENCODED: Final = frozenset({bytes, type(None)})
_NUMBERS: Final = frozenset({int})


def _differences(offsets: list[int]) -> list[int]:
    # Small numbers: absolute ones would be a thirtieth of a stored recording.
    return [later - earlier for earlier, later in zip([0, *offsets], offsets, strict=False)]

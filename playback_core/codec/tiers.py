"""`encode` and `decode`: the fastest form that keeps the value exactly, and back."""

from __future__ import annotations

import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ormsgpack import packb, unpackb

from playback_core.codec import format as fmt
from playback_core.codec.bounds import (
    SURELY_WITHIN,
    check_length,
    native_within_limits,
    typed_within_limits,
)
from playback_core.codec.buffers import holds_buffers
from playback_core.codec.canonical import write_key
from playback_core.codec.graph import read_graph, write_graph
from playback_core.codec.limits import DEFAULT_LIMITS, NATIVE_DEPTH, Limits
from playback_core.codec.scan import check_parts
from playback_core.codec.tree import NeedsGraph, TreeReader, write_tree
from playback_core.errors import DecodeError, EncodeError

LARGE = 16 * 1024
"""Length from which a `bytes` or `str` is kept by reference until it is stored."""

UNCHANGING: Final = frozenset(
    {
        *(type(None), bool, int, float, str, bytes),
        *(datetime, date, time, timedelta, Decimal, UUID),
    }
)
"""Types whose values stay as they are, so that they may be encoded later."""

_PREFIX = bytes((fmt.PREFIX,))
_RETRIES = 20
# Without a lock on the interpreter, another thread may change what the native encoder walks.
_SNAPSHOT_IS_ATOMIC = getattr(sys, "_is_gil_enabled", lambda: True)()


class Deferred:
    """A snapshot that is encoded later; its length is about what it takes in memory.

    It is no ABC: each result is asked whether it is one, which takes four times as long there.
    """

    __slots__ = ()

    redacted_by: object = None
    """What would find no secret in what `encode` has returned; None if something might."""

    def encode(self) -> bytes:
        """Return what `encode` would have returned for the value when it was taken."""
        raise TypeError(f"{type(self).__name__} does not say how it is encoded")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} does not say what it takes")


class LargeValue(Deferred):
    """A large immutable `bytes` or `str`, kept by reference."""

    __slots__ = ("value",)

    def __init__(self, value: bytes | str) -> None:
        self.value = value

    def encode(self) -> bytes:
        return encode(self.value)

    def __len__(self) -> int:
        return sys.getsizeof(self.value)


def encode(value: Any) -> bytes:
    """Return an exact snapshot of `value` as it is now.

    What cannot be stored becomes an Opaque within the snapshot; `holds_opaque` tells. No code
    of the value's class is run. Raises EncodeError for a value that `decode` would refuse by
    DEFAULT_LIMITS, or one that other threads never stop changing.
    """
    if _SNAPSHOT_IS_ATOMIC:
        try:
            blob = packb(value, None, fmt.OPTIONS)
        except (TypeError, ValueError):
            return _encode_typed(value)
        # Asked here, because a call costs as much as three of these.
        if not (0xC4 in blob or 0xC5 in blob or 0xC6 in blob) or not holds_buffers(blob, value):
            return blob if len(blob) <= SURELY_WITHIN else native_within_limits(blob, value)
    return _encode_typed(value)


def encode_plain(value: Any) -> bytes:
    """Return `encode(value)` for plain data that its caller has made and nobody else changes.

    It is faster by not looking for a bytearray or memoryview, of which there must be none: they
    would come back as bytes. All other types are kept exactly.
    """
    try:
        blob = packb(value, None, fmt.OPTIONS)
    except (TypeError, ValueError):
        return encode(value)
    return blob if len(blob) <= SURELY_WITHIN else native_within_limits(blob, value)


def encode_key(value: Any) -> bytes:
    """Return canonical bytes: equal if and only if type and value are equal.

    Stable across processes, Python versions and hash seeds; `decode` reads them. Raises
    EncodeError as `encode` does.
    """
    if _SNAPSHOT_IS_ATOMIC:
        try:
            blob = packb(value, None, fmt.SORTED)
        except (TypeError, ValueError):
            return _retried(write_key, value)
        if not (0xC4 in blob or 0xC5 in blob or 0xC6 in blob) or not holds_buffers(blob, value):
            return blob if len(blob) <= SURELY_WITHIN else native_within_limits(blob, value)
    return _retried(write_key, value)


def snapshot(value: Any) -> bytes | Deferred:
    """Return `encode(value)`, or a large `bytes` or `str` by reference, to be encoded later."""
    cls = type(value)
    if not (cls is bytes or cls is str):
        return encode(value)
    if len(value) < LARGE:
        # It holds nothing that would have to be looked for.
        return encode_plain(value)
    check_length(value, len(value))
    return LargeValue(value)


def decode(blob: bytes, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Return a fresh value; runs no code from the data and imports nothing.

    A part whose type is not available here becomes an Opaque, an exception an
    UnknownException. Raises DecodeError for damaged bytes or a value over `limits`.
    """
    # Each part takes a byte at least, so a short blob needs no counting.
    if len(blob) > SURELY_WITHIN or limits is not DEFAULT_LIMITS:
        _check_within(blob, limits)
    if blob[:1] == _PREFIX:
        return _decode_typed(blob, limits)
    try:
        return unpackb(blob)
    except ValueError as error:
        raise DecodeError(f"An encoded value is damaged: {error}.") from error


def holds_opaque(blob: bytes | Deferred) -> bool:
    """Return whether some part of an encoded value could only be stored as an Opaque."""
    return blob.__class__ is bytes and blob[0] == fmt.PREFIX and bool(blob[1] & fmt.HOLDS_OPAQUE)


def _encode_typed(value: Any) -> bytes:
    try:
        return _retried(write_tree, value)
    except (NeedsGraph, TypeError, RecursionError):
        return _retried(write_graph, value)


def _retried(write: Any, value: Any) -> bytes:
    for _ in range(_RETRIES):
        try:
            blob = bytes(write(value))
            return blob if len(blob) <= SURELY_WITHIN else typed_within_limits(blob, value)
        except RecursionError:
            raise
        except RuntimeError:  # a container changed size while it was copied
            continue
    raise EncodeError(
        f"A {type(value).__name__} was changed by another thread each time it was copied. Record"
        " it under the lock that protects it, or record a copy."
    )


def _check_within(blob: bytes, limits: Limits) -> None:
    if len(blob) > limits.max_bytes:
        raise DecodeError(
            f"An encoded value has {len(blob):,} bytes, and the limit is {limits.max_bytes:,}."
            " Raise Limits.max_bytes if the recording is trusted."
        )
    if len(blob) > limits.max_nodes or limits.max_depth < NATIVE_DEPTH:
        check_parts(memoryview(blob)[2 if blob[:1] == _PREFIX else 0 :], limits)


def _decode_typed(blob: bytes, limits: Limits) -> Any:
    flags = blob[1] if len(blob) > 1 else 0xFF
    if flags & ~fmt.KNOWN_FLAGS:
        raise DecodeError(
            f"An encoded value has the unknown format {flags:#04x}: it is damaged, or written by"
            " a newer release."
        )
    body = blob[2:]
    if flags & fmt.GRAPH:
        return read_graph(body, limits)
    return TreeReader({fmt.DEEP: lambda deep: read_graph(deep, limits)}).read(body)

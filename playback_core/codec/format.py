"""The outer format of encoded values: which bytes mean what, shared by writers and readers.

A value of JSON-like parts is plain MessagePack. Any other blob begins with 0xC1, which
MessagePack never uses, and a byte of flags; the rest is MessagePack with extension types.
"""

from __future__ import annotations

import ormsgpack

PREFIX = 0xC1
HOLDS_OPAQUE = 0b0000_0001
GRAPH = 0b0000_0010
VERSION_BITS = 0b1111_0000
KNOWN_FLAGS = HOLDS_OPAQUE | GRAPH

REFERENCE = 1
"""Extension: in a graph the number of a row; in a key the levels up to the value repeated."""
DEEP = 3
"""Extension: in a key, a graph that holds what is nested too deep for the tree form."""

OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
"""Everything but exact JSON-like types is refused by the native encoder, not converted."""
SORTED = OPTIONS | ormsgpack.OPT_SORT_KEYS

NATIVE = frozenset({str, int, float, bool, type(None), bytes})
"""Exact types the native encoder writes without loss, but for big ints and lone surrogates."""


def typed(body: bytes, flags: int) -> bytes:
    """Return a blob that is not plain MessagePack."""
    return bytes((PREFIX, flags)) + body


def fits_natively(value: object) -> bool:
    """Return whether a value of a NATIVE type is one the native encoder accepts."""
    if type(value) is int:
        return -(2**63) <= value < 2**64
    if type(value) is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True

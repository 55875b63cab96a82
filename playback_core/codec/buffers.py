"""Tells whether a natively encoded value held a bytearray or memoryview, which became bytes.

Asking each part of a value for its type takes longer than encoding it, so the bytes are asked
first: does a byte that begins a binary stand where a part begins? Most such bytes are within a
number, which is proven by its first byte, or by reading on from an earlier part.
"""

import re
from gc import get_referents
from typing import Any, Final

# The first bytes of binaries; how far to shift a length to have the first byte of its field; the
# least length that is written so.
_BINARIES: Final = ((0xC4, 0, 0), (0xC5, 8, 1 << 8), (0xC6, 24, 1 << 16))
_LENGTH_WIDTHS: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
# How many bytes the first one of a number, or of a list's or dict's length, announces.
_ANNOUNCED: Final = {
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
    0xDC: 2,
    0xDD: 4,
    0xDE: 2,
    0xDF: 4,
}
_FLOAT: Final = 0xCB
_LONGEST_ANNOUNCED: Final = 8
_ANNOUNCING: Final = rb"\xca-\xd3\xd9-\xdf"
_ANNOUNCES: Final = re.compile(rb"[" + _ANNOUNCING + rb"]")
# How far back to look for a part to read on from, and how many to try.
_LOOK_BACK: Final = 128
_TRIES: Final = 4
# Where there are more of them than one in so many bytes, looking at the parts is cheaper.
_BYTES_PER_LOOK: Final = 100

_EXACT: Final = frozenset({type(None), bool, int, float, str, bytes, list, dict})
_CONTAINERS: Final = frozenset({list, dict})


def holds_buffers(blob: bytes, value: Any) -> bool:
    """Tell whether `value`, of which `blob` is the native encoding, holds more than exact types.

    One whose encoding has none of the bytes 0xC4, 0xC5 and 0xC6 does not: ask that first.
    """
    size = len(blob)
    affordable = size // _BYTES_PER_LOOK
    for marker, shift, least in _BINARIES:
        if size < least:
            break
        at = blob.find(marker)
        while at >= 0:
            # The first byte of a length that the blob has room for.
            if at + 1 < size and blob[at + 1] <= size >> shift:
                affordable -= 1
                if affordable < 0 or (
                    _is_announced(blob, at) is None and _may_begin_part(blob, at)
                ):
                    return not _is_exact(value)
            at = blob.find(marker, at + 1)
    return False


def _announced_from(distance: int) -> bytes:
    """Return a pattern that matches where a byte so far back surely announces the one here.

    The byte that announces is not within a str, where a continuation byte would follow it, nor
    within what another one announces: there is none in reach, or only that of a float which ends
    just before and is sure itself. It may be within a binary, but then that binary's own first
    byte comes earlier, and is not taken for anything else.
    """
    widths = {**_ANNOUNCED, **{first: _LENGTH_WIDTHS[first] for first in (0xD9, 0xDA, 0xDB)}}
    leads = b"".join(b"\\x%02x" % first for first, width in widths.items() if width >= distance)
    after_lead = rb"[^\x80-\xbf]" + b"." * (distance - 2) if distance > 1 else b""
    quiet = rb"[^" + _ANNOUNCING + rb"]{8}"
    return rb"(?<=[%b]%b)(?:(?<=%b%b)|(?<=%b\xcb[^\x80-\xbf].{7}%b))" % (
        leads,
        after_lead,
        quiet,
        b"." * distance,
        quiet,
        b"." * distance,
    )


_is_announced: Final = re.compile(
    b"(?s)" + b"|".join(map(_announced_from, range(1, _LONGEST_ANNOUNCED + 1)))
).match


def _surely_begins_float(blob: bytes, at: int) -> bool:
    """Tell whether a byte that looks like the first one of a float surely is.

    It is not if it is within a str, where a continuation byte follows it, or within what an
    earlier byte announces. It may be within a binary, but then that binary's own first byte comes
    earlier, and is not taken for anything else.
    """
    if 0x80 <= blob[at + 1] < 0xC0:
        return False
    return _ANNOUNCES.search(blob, max(0, at - _LONGEST_ANNOUNCED), at) is None


def _may_begin_part(blob: bytes, at: int) -> bool:
    begin = max(0, at - _LOOK_BACK)
    start = at
    for _ in range(_TRIES):
        start = blob.rfind(_FLOAT, begin, start)
        if start < 0:
            break
        if _surely_begins_float(blob, start):
            return _is_reached(blob, start, at)
    return begin > 0 or _is_reached(blob, 0, at)


def _is_reached(blob: bytes, start: int, at: int) -> bool:
    """Tell whether reading on from a part's beginning comes to another one's at `at`."""
    while start < at:
        first = blob[start]
        start += _SIZES[first] or _size_with_length(blob, start, first)
    return start == at


def _size_with_length(blob: bytes, start: int, first: int) -> int:
    width = _LENGTH_WIDTHS[first]
    return 1 + width + int.from_bytes(blob[start + 1 : start + 1 + width], "big")


def _size(first: int) -> int:
    if 0xA0 <= first < 0xC0:
        return 1 + (first & 0x1F)
    return 0 if first in _LENGTH_WIDTHS else 1 + _ANNOUNCED.get(first, 0)


# What a part takes by its first byte; 0 where a length follows. Items of containers are parts.
_SIZES: Final = bytes(map(_size, range(256)))


def _is_exact(value: Any) -> bool:
    level = [value]
    while level:
        kinds = set(map(type, level))
        if not kinds <= _EXACT:
            return False
        level = get_referents(*level) if kinds & _CONTAINERS else []
    return True

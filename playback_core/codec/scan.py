"""Counting the parts of a large MessagePack blob before anything is built from it."""

from __future__ import annotations

from playback_core.codec.format import DEEP
from playback_core.codec.kinds import NODES
from playback_core.codec.limits import Limits
from playback_core.errors import DecodeError

# First byte -> (bytes of length that follow, bytes of content besides the counted ones).
_SCALARS = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_SCALARS |= {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_STRINGS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_COUNTED = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


def check_parts(body: memoryview, limits: Limits) -> None:
    """Raise DecodeError if the blob has more parts or levels than `limits` allow."""
    position = nodes = 0
    waiting = [1]
    while waiting:
        if not waiting[-1]:
            waiting.pop()
            continue
        waiting[-1] -= 1
        nodes += 1
        try:
            position, inside = _step(body, position)
        except IndexError:
            raise DecodeError("An encoded value is cut short: the data is damaged.") from None
        if nodes + inside > limits.max_nodes:
            raise DecodeError(
                f"An encoded value has more than {limits.max_nodes:,} parts, the limit. Raise"
                " Limits.max_nodes if the recording is trusted."
            )
        if inside:
            waiting.append(inside)
        if len(waiting) > limits.max_depth + 1:
            raise DecodeError(
                f"An encoded value is nested deeper than {limits.max_depth:,}, the limit."
            )


def _step(body: memoryview, position: int) -> tuple[int, int]:
    """Return where the next part begins and how many parts this one announces."""
    first = body[position]
    position += 1
    if first < 0x80 or first >= 0xE0:
        return position, 0
    if first < 0x90:
        return position, 2 * (first & 15)
    if first < 0xA0:
        return position, first & 15
    if first < 0xC0:
        return position + (first & 31), 0
    if first in _SCALARS:
        return position + _SCALARS[first], 0
    if first in _STRINGS:
        width = _STRINGS[first]
        return position + width + _number(body, position, width), 0
    if first in _COUNTED:
        width, each = _COUNTED[first]
        return position + width, each * _number(body, position, width)
    if first in _FIXED_EXTENSIONS:
        return _extension(body, position, _FIXED_EXTENSIONS[first])
    if first in _EXTENSIONS:
        width = _EXTENSIONS[first]
        return _extension(body, position + width, _number(body, position, width))
    raise DecodeError(f"An encoded value holds the unused byte {first:#x}: the data is damaged.")


def _extension(body: memoryview, position: int, length: int) -> tuple[int, int]:
    code = body[position]
    # The payload of a node is one more array of parts.
    if code in NODES or code == DEEP:
        return position + 1, 1
    return position + 1 + length, 0


def _number(body: memoryview, position: int, width: int) -> int:
    if position + width > len(body):
        raise IndexError
    return int.from_bytes(body[position : position + width], "big")

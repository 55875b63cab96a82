"""What `encode` gives up on: a value that `decode` would refuse, told before it is stored."""

from __future__ import annotations

from functools import partial
from gc import get_referents
from itertools import compress
from operator import is_
from typing import Any, Final

from playback_core.codec.format import PREFIX
from playback_core.codec.limits import DEFAULT_LIMITS
from playback_core.codec.scan import check_parts
from playback_core.errors import DecodeError, EncodeError

SURELY_WITHIN: Final = min(DEFAULT_LIMITS.max_nodes, DEFAULT_LIMITS.max_bytes)
"""Length up to which a blob is within the limits: each part takes a byte at least."""

_CONTAINERS: Final = frozenset({list, dict})
_ADVICE: Final = "Record a summary of it, for example with a data handler."


def native_within_limits(blob: bytes, value: Any) -> bytes:
    """Return the native encoding of `value`; raise EncodeError where `decode` would refuse it."""
    check_length(value, len(blob))
    # Of the value, not of the bytes: that is ten times as fast, and the application waits.
    if has_too_many_parts(value):
        raise too_many_parts(value)
    return blob


def has_too_many_parts(value: Any) -> bool:
    """Tell whether the lists and dicts of a value, counted wherever they stand, are too many."""
    return _count_parts(value, DEFAULT_LIMITS.max_nodes) > DEFAULT_LIMITS.max_nodes


def typed_within_limits(blob: bytes, value: Any) -> bytes:
    """Return a typed encoding of `value`; raise EncodeError where `decode` would refuse it."""
    check_length(value, len(blob))
    try:
        check_parts(memoryview(blob)[2 if blob[0] == PREFIX else 0 :], DEFAULT_LIMITS)
    except DecodeError as refused:
        raise EncodeError(
            f"A {type(value).__name__} could not be read back: {refused} {_ADVICE}"
        ) from refused
    return blob


def check_length(value: Any, length: int) -> None:
    """Raise EncodeError where an encoding of this length is too long to be read."""
    if length > DEFAULT_LIMITS.max_bytes:
        raise EncodeError(
            f"A {type(value).__name__} takes {length:,} bytes, and the hard limit is"
            f" {DEFAULT_LIMITS.max_bytes:,}. {_ADVICE}"
        )


def check_depth(value: Any, below: list[list[int]]) -> None:
    """Raise EncodeError where the reader of a graph would find it nested too deep.

    `below` has for each row the numbers of the rows among its parts.
    """
    limit = DEFAULT_LIMITS.max_depth
    # Each level takes a row at least.
    if len(below) > limit and _depth(below) > limit:
        raise EncodeError(
            f"A {type(value).__name__} is nested deeper than {limit:,}, the hard limit. {_ADVICE}"
        )


def too_many_parts(value: Any) -> EncodeError:
    """Make the error of a value that is refused because of all it holds."""
    return EncodeError(
        f"A {type(value).__name__} and what it holds has more than {DEFAULT_LIMITS.max_nodes:,}"
        f" parts, the hard limit. {_ADVICE}"
    )


def _depth(below: list[list[int]]) -> int:
    # As the reader goes: each row is entered once, from the first on.
    met = bytearray(len(below))
    met[0] = deepest = 1
    stack = [iter(below[0])]
    while stack:
        for number in stack[-1]:
            if not met[number]:
                met[number] = 1
                stack.append(iter(below[number]))
                deepest = max(deepest, len(stack))
                break
        else:
            stack.pop()
    return deepest


def _count_parts(value: Any, enough: int) -> int:
    parts = 1
    level = [value]
    while level and parts <= enough:
        containers = list(compress(level, map(_CONTAINERS.__contains__, map(type, level))))
        mappings = compress(containers, map(partial(is_, dict), map(type, containers)))
        parts += sum(map(len, containers)) + sum(map(len, mappings))
        level = get_referents(*containers)
    return parts

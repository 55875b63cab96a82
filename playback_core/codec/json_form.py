"""Values as JSON data, for people and their tools; nothing reads them back."""

from __future__ import annotations

import math
from typing import Any, Final

from playback_core.codec.text import describe

_DEPTH: Final = 50
_PARTS: Final = 500_000
_TEXT_LIMIT: Final = 64 * 1024**2
_TEXT_PER_PART: Final = 1024

_TOO_DEEP: Final = f"(nested deeper than {_DEPTH})"
_TOO_MANY: Final = f"(more than {_PARTS:,} parts)"


def json_form(value: Any) -> Any:
    """Return a value as JSON data: what JSON has as it is, anything else as its text.

    The text of a part, such as `Decimal("1.0")`, is that of `describe`; so is that of a number that
    is not finite or exceeds 64 bits, and of a key that is no text. Tuples become arrays, and a
    mapping in which two keys have one text an array of pairs. A text stands for what is nested too
    deep, as a cycle is, or has too many parts, as nested references to one list may have.
    """
    try:
        return _Former().form(value)
    except _TooManyParts:
        return _TOO_MANY


class _TooManyParts(Exception):
    pass


class _Former:
    def __init__(self) -> None:
        self._parts = 0
        self._depth = 0

    def form(self, value: Any) -> Any:
        self._count(1)
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int and -(2**63) <= value < 2**64:
            return value
        if type(value) is float and math.isfinite(value):
            return value
        if type(value) not in (list, tuple, dict):
            return self._text(value)
        if self._depth == _DEPTH:
            return _TOO_DEEP
        self._depth += 1
        try:
            return self._mapping(value) if type(value) is dict else list(map(self.form, value))
        finally:
            self._depth -= 1

    def _mapping(self, value: dict[Any, Any]) -> Any:
        pairs = [(self._key(key), self.form(part)) for key, part in value.items()]
        formed = dict(pairs)
        return formed if len(formed) == len(pairs) else [list(pair) for pair in pairs]

    def _key(self, key: Any) -> str:
        return key if type(key) is str else self._text(key)

    def _text(self, value: Any) -> str:
        text = describe(value, _TEXT_LIMIT)
        self._count(len(text) // _TEXT_PER_PART)
        return text

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > _PARTS:
            raise _TooManyParts

"""Unescaped: text without its percent and JSON escapes, and where each byte of it stood."""

import re
from bisect import bisect_left
from itertools import accumulate
from typing import Final, Self

_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}|\\u00[0-7][0-9A-Fa-f]|\\/")
_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]{2}")


class Unescaped:
    """A text as it is meant: `a%40b` and `a\\u0040b` are `a@b`.

    Of JSON's escapes those of ASCII are read; one text may hold both kinds.
    """

    def __init__(self, data: bytes, matches: list[re.Match[bytes]]) -> None:
        self.data = _ESCAPE.sub(_meant, data)
        longer = [match.end() - match.start() - 1 for match in matches]
        self._added = [0, *accumulate(longer)]
        self._at = [
            match.start() - added for match, added in zip(matches, self._added, strict=False)
        ]

    @classmethod
    def of(cls, data: bytes) -> Self | None:
        """Return the unescaped text; None where there is no escape."""
        return cls(data, list(_ESCAPE.finditer(data))) if may_hold_escapes(data) else None

    def place(self, position: int) -> int:
        """Return where in the escaped text a byte of `data` begins."""
        return position + self._added[bisect_left(self._at, position)]


def may_hold_escapes(data: bytes) -> bool:
    """Tell whether there may be an escape anywhere in some bytes; False is certain."""
    # Each of these skips to its first byte, which one expression for all of them does not.
    return _PERCENT.search(data) is not None or b"\\u00" in data or b"\\/" in data


def _meant(match: re.Match[bytes]) -> bytes:
    escape = match.group()
    return b"/" if escape == b"\\/" else bytes((int(escape[-2:], 16),))

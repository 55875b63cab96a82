"""The parts of an SQL text: what is a word, a name, a literal, a place for a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from playback_core.interceptors._dialects import OTHER, Dialect, scan

_OPENING: Final = frozenset(("(", ".", "::"))
_CLOSING: Final = frozenset((")", ",", ";", ".", "::"))
_COMMENT_ENDS: Final = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """A part of a statement that means something; `depth` is how many parentheses are open."""

    kind: str
    text: str
    depth: int

    def name(self) -> str:
        """Return the name that a word or a quoted identifier is."""
        return self.text[1:-1] if self.kind == "quoted" else self.text

    def word(self) -> str:
        """Return a word in capitals, of anything else nothing."""
        return self.text.upper() if self.kind == "word" else ""


def tokens_of(text: str, dialect: Dialect = OTHER) -> Iterable[Token]:
    """Return the parts of a text: no whitespace, and of comments only the hints."""
    depth = 0
    for match in _matches(text, dialect):
        kind = match.lastgroup or ""
        if kind == "tag":
            kind = "string"
        part = match.group()
        if part == ")":
            depth = max(0, depth - 1)
        if kind not in ("space", "comment"):
            yield Token(kind, part, depth)
        if part == "(":
            depth += 1


def _matches(text: str, dialect: Dialect) -> Iterator[re.Match[str]]:
    found = scan(dialect).finditer(text)
    return _outside_of_nested(text, found) if dialect.nests and "/*" in text else found


def _outside_of_nested(text: str, found: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    # A pattern ends a comment where the first one within it ends.
    while (match := next(found, None)) is not None:
        if match.lastgroup in ("comment", "hint") and "/*" in match.group()[2:]:
            found = match.re.finditer(text, _comment_end(text, match.start()))
        else:
            yield match


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for match in _COMMENT_ENDS.finditer(text, start):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def joined(tokens: Iterable[Token]) -> str:
    parts: list[str] = []
    before = ""
    kind = "mark"
    for token in tokens:
        text = token.text
        if parts and not _adjoin(before, kind, text):
            parts.append(" ")
        parts.append(text)
        before, kind = text, token.kind
    return "".join(parts)


def _adjoin(left: str, kind: str, right: str) -> bool:
    if right == "(":
        return kind in ("word", "quoted", "mark") and left != ","
    return right in _CLOSING or left in _OPENING

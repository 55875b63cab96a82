"""The parts of an SQL text: what is a word, a name, a literal, a place for a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

_OPENING: Final = frozenset(("(", ".", "::"))
_CLOSING: Final = frozenset((")", ",", ";", ".", "::"))


@cache
def _scan() -> re.Pattern[str]:
    # Compiled for the first statement, as an application waits for what is imported.
    return re.compile(
        r"""(?P<space>\s+)
        |(?P<hint>/\*[+!].*?\*/)
        |(?P<comment>--[^\n]*|/\*.*?\*/)
        |(?P<string>(?:\b(?:[bBeEnNxX]|[uU]&))?'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
        |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
        |(?P<place>%\(\w+\)s|%s|\?\d*|(?<![:\w]):\w+|(?<!\w)[@$]\w+)
        |(?P<number>\.?\d[\w.]*)
        |(?P<word>[^\W\d][\w$]*)
        |(?P<mark>[(),;.])
        |(?P<operator>->>?|::|[+*/<>=~!\#^&|]+|.)
        """,
        re.VERBOSE | re.DOTALL,
    )


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


def tokens_of(text: str) -> Iterable[Token]:
    """Return the parts of a text: no whitespace, and of comments only the hints."""
    depth = 0
    for match in _scan().finditer(text):
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

"""Value patterns: secrets told by what they look like, wherever they stand."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from playback_core.codec.escapes import Unescaped, may_hold_escapes

SECRET_GROUP: Final = "secret"
"""The named group of a regular expression that is the secret, where the match is more."""

SecretFinder = Callable[[str], Iterable[str]]
"""A function of the user's own: it gets a text and returns the secrets in it."""


class Span(NamedTuple):
    """Where a secret stands in some bytes, and the secret itself, in its normal form."""

    start: int
    end: int
    secret: bytes


class ValuePattern(Protocol):
    """What tells secrets; `name` may be logged."""

    @property
    def name(self) -> str:
        """What it is called."""

    def suspects(self, data: bytes) -> bool:
        """Tell whether there may be a secret without escapes in encoded bytes; False is sure."""

    def spans(self, data: bytes) -> Iterable[Span]:
        """Return the secrets in one text, which is UTF-8, or in one bytes."""


@dataclass(frozen=True, slots=True)
class RegexPattern:
    """A regular expression, searched in UTF-8: `\\w`, `\\d` and case are those of ASCII.

    `hint` says of any bytes whether they may hold a match; None says that it is not known how.
    `normal` returns what a secret is the same by, or None for what is no secret after all.
    """

    name: str
    regex: re.Pattern[bytes]
    hint: Callable[[bytes], object] | None
    normal: Callable[[bytes], bytes | None] = bytes

    def suspects(self, data: bytes) -> bool:
        return self.hint is None or bool(self.hint(data))

    def spans(self, data: bytes) -> Iterator[Span]:
        group: int | str = SECRET_GROUP if SECRET_GROUP in self.regex.groupindex else 0
        for match in self.regex.finditer(data):
            secret = self.normal(match[group]) if match[group] else None
            if secret is not None:
                yield Span(*_whole_characters(data, *match.span(group)), secret)


@dataclass(frozen=True, slots=True)
class FinderPattern:
    """A function of the user's own; it is given every text."""

    name: str
    find: SecretFinder

    def suspects(self, data: bytes) -> bool:
        return True

    def spans(self, data: bytes) -> Iterator[Span]:
        found = {secret.encode("utf-8", "surrogatepass") for secret in self.find(text_of(data))}
        found.discard(b"")
        if found:
            # The longest first: one may begin with another.
            longest_first = sorted(found, key=lambda secret: (-len(secret), secret))
            for match in re.finditer(b"|".join(map(re.escape, longest_first)), data):
                yield Span(*match.span(), match.group())


class PatternSet:
    """Patterns that are searched together, and the short texts known to match none of them."""

    def __init__(self, patterns: Iterable[ValuePattern]) -> None:
        self._patterns = tuple(patterns)
        # Names of fields above all, which are most of the texts there are.
        self.unmatched: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def suspects(self, data: bytes) -> bool:
        """Tell whether there may be a secret within encoded bytes; False is certain."""
        return any(pattern.suspects(data) for pattern in self._patterns) or (
            bool(self._patterns) and may_hold_escapes(data)
        )

    def suspecting(self, data: bytes) -> list[ValuePattern]:
        """Return the patterns that may match within some bytes."""
        if not self._patterns:
            return []
        if may_hold_escapes(data):
            return list(self._patterns)
        return [pattern for pattern in self._patterns if pattern.suspects(data)]


def text_of(data: bytes | bytearray) -> str:
    """Return bytes as text: UTF-8, or Latin-1 where they are not."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def found_in(data: bytes, pattern: ValuePattern) -> Iterator[Span]:
    """Yield the secrets in one text, then those that show only without its escapes."""
    yield from pattern.spans(data)
    unescaped = Unescaped.of(data)
    if unescaped is not None:
        for start, end, secret in pattern.spans(unescaped.data):
            yield Span(unescaped.place(start), unescaped.place(end), secret)


def _whole_characters(data: bytes, start: int, end: int) -> tuple[int, int]:
    # A dot is one byte: of a character of several, none may be left.
    while start > 0 and 0x80 <= data[start] < 0xC0:
        start -= 1
    while end < len(data) and 0x80 <= data[end] < 0xC0:
        end += 1
    return start, end

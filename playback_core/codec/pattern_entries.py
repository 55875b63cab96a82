"""How value patterns are written, in settings and in code, and those there are by name."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from playback_core.codec.value_patterns import (
    FinderPattern,
    RegexPattern,
    SecretFinder,
    ValuePattern,
)
from playback_core.errors import SettingsError

BUILT_IN_PREFIX: Final = "value:"

PatternLike = str | SecretFinder | ValuePattern
"""What may be given for a pattern in code."""


def entries_of_text(text: str) -> list[str]:
    """Split text at its commas; those within `/a regular expression/` stay."""
    return [entry for match in _ENTRY.finditer(text) if (entry := match.group(1).strip())]


def parsed_entry(entry: Any, number: int) -> str | ValuePattern:
    """Return the pattern an entry is, or the name of a field or header.

    `/regex/` is a regular expression, `name=/regex/` one with a name, `value:card` one of
    BUILT_IN, a callable a SecretFinder. What has no name is called by its `number`, as it may
    itself be a secret. Raise SettingsError for a pattern that is none.
    """
    if isinstance(entry, (RegexPattern, FinderPattern)):
        return entry
    if callable(entry):
        return FinderPattern(getattr(entry, "__qualname__", type(entry).__name__), entry)
    if not isinstance(entry, str) or not entry.strip():
        raise SettingsError(f"{entry!r} is no text and no function")
    text = entry.strip()
    if text.startswith(BUILT_IN_PREFIX):
        return _built_in(text.removeprefix(BUILT_IN_PREFIX))
    regex = _REGEX.fullmatch(text)
    if regex is not None:
        return regex_pattern(regex["name"] or f"pattern {number}", regex["regex"])
    if text.startswith("/"):
        raise SettingsError(f"the pattern {text} begins with / and does not end with one")
    return text


def value_patterns(entries: Iterable[Any]) -> tuple[ValuePattern, ...]:
    """Return the patterns that entries are, each a ValuePattern or as `parsed_entry` takes it.

    Raise SettingsError for one that is none.
    """
    patterns = []
    for number, entry in enumerate(entries, 1):
        parsed = parsed_entry(entry, number)
        if isinstance(parsed, str):
            raise SettingsError(f"{parsed!r} is no pattern; write /{parsed}/")
        patterns.append(parsed)
    return tuple(patterns)


def regex_pattern(name: str, regex: str) -> RegexPattern:
    """Make a pattern of a regular expression; raise SettingsError where it is none."""
    try:
        compiled = re.compile(b"".join(map(_in_utf8, _TOKEN.findall(regex))))
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise SettingsError(f"the pattern /{regex}/ is no regular expression: {error}") from error
    if compiled.match(b""):
        raise SettingsError(f"the pattern /{regex}/ matches where there is nothing")
    return RegexPattern(name, compiled, _hint_of(regex))


def _hint_of(regex: str) -> Callable[[bytes], object] | None:
    """Return what finds a match within any bytes, None where that is not known.

    A text has other neighbours there than alone: what looks at them is left out.
    """
    tokens = [token for token in _TOKEN_OR_LOOK.findall(regex) if not _LOOKS.match(token)]
    anywhere = "".join(tokens)
    if _UNKNOWN_GROUP.search(anywhere):
        return None
    try:
        return re.compile(b"".join(map(_in_utf8, tokens))).search
    except re.error:
        return None


def _in_utf8(token: str) -> bytes:
    if token.isascii():
        return token.encode()
    if token[0] == "[":
        raise ValueError(f"write {token} as alternatives, as it is not of ASCII alone")
    # A character of several bytes stays one for what repeats it.
    return b"(?:" + token[-1].encode() + b")"


def _card_number(match: bytes) -> bytes | None:
    digits = re.sub(rb"\D", b"", match)
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits.decode()))]
    return digits if sum(map(sum, (divmod(each, 10) for each in doubled))) % 10 == 0 else None


def _may_hold_card(data: bytes) -> bool:
    # Far faster than an expression, as data is full of shorter numbers.
    shape = data.translate(_DIGITS)
    return b"0" * 13 in shape or b"0000 0000" in shape


def _built_in(name: str) -> ValuePattern:
    if name not in BUILT_IN:
        choices = ", ".join(BUILT_IN_PREFIX + known for known in BUILT_IN)
        raise SettingsError(f"{BUILT_IN_PREFIX}{name} is not known; choose from {choices}")
    return BUILT_IN[name]


_ENTRY: Final = re.compile(
    r"\s*((?:[^,/]*=)?/(?:\\.|[^\\/]|/(?!\s*(?:,|\Z)))*/(?=\s*(?:,|\Z))|[^,]*)(?:,|\Z)", re.DOTALL
)
_REGEX: Final = re.compile(r"(?:(?P<name>[^=/]*)=)?/(?P<regex>.+)/", re.DOTALL)
_TOKENS: Final = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|."
_TOKEN: Final = re.compile(_TOKENS, re.DOTALL)
# What looks around and holds no group; one that is repeated would leave that to what is before it.
_TOKEN_OR_LOOK: Final = re.compile(
    rf"\(\?<?[=!](?:\\.|\[(?:\\.|[^\]\\])+\]|[^()\\\[])*\)(?![*+?{{])|{_TOKENS}", re.DOTALL
)
_LOOKS: Final = re.compile(r"\(\?|[\^$]\Z|\\[bBAZ]\Z")
# Other groups than these look around, take no other way, or change what the rest means.
_UNKNOWN_GROUP: Final = re.compile(r"\(\?(?!:|P[<=]|i\))|[*+?}]\+")

_DIGITS: Final = bytes.maketrans(b"123456789-", b"000000000 ")

BUILT_IN: Final[dict[str, ValuePattern]] = {
    "card": RegexPattern(
        "card",
        re.compile(
            rb"(?<![\w.])(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}"
            rb"|3\d{3}([ -])\d{6}\2\d{5})(?!\w)"
        ),
        _may_hold_card,
        _card_number,
    ),
    "jwt": RegexPattern(
        "jwt",
        re.compile(rb"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]+"),
        re.compile(rb"eyJ[\w-]{4,}\.").search,
    ),
    "bearer": RegexPattern(
        "bearer",
        re.compile(rb"\b[Bb]earer +(?P<secret>[\w.~+/-]{8,}=*)"),
        re.compile(rb"earer +[\w.~+/-]{8}").search,
    ),
    "email": RegexPattern(
        "email",
        # Bounded, or a long text without an @ would be searched from each of its letters.
        re.compile(rb"(?P<secret>[\w.+-]{1,64})@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
        re.compile(rb"@[\w-]+\.").search,
    ),
}
"""The patterns there are by name: card numbers that pass their check digit, JSON web tokens, tokens
behind `Bearer`, and what stands before the @ of an email address."""

"""The settings by name: what each may be, from text of the environment or an object in code."""

import re
from collections.abc import Callable, Mapping
from sys import maxsize
from typing import Any, Final, cast

from playback_core.cassettes._options import MIN_MAX_BYTES
from playback_core.codec.pattern_entries import (
    BUILT_IN,
    BUILT_IN_PREFIX,
    entries_of_text,
    parsed_entry,
    value_patterns,
)
from playback_core.codec.value_patterns import ValuePattern
from playback_core.errors import SettingsError
from playback_core.interceptor_options import HttpCalls
from playback_core.interceptors import available, chosen
from playback_core.settings.cassette_url import parse_cassette_url
from playback_core.shedding import WHEN_BUSY_CHOICES
from playback_core.tape_cassette import TapeCassette

Sampling = tuple[tuple[str, float], ...]


def _cassette(value: Any) -> str | TapeCassette:
    if isinstance(value, TapeCassette):
        return value
    parse_cassette_url(_text(value))
    return _text(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, (bool, int, str)) and (word := str(value).lower()) in _BOOLEANS:
        return _BOOLEANS[word]
    raise ValueError(value)


def _text(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError(value)


def _texts(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple, set, frozenset)):
        raise TypeError(value)
    return tuple(_text(part) for part in parts if not (isinstance(value, str) and not part.strip()))


def _entries(value: Any) -> list[Any]:
    if isinstance(value, str):
        return entries_of_text(value)
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError(value)
    return list(value)


def _secrets(value: Any) -> tuple[str | ValuePattern, ...]:
    return tuple(parsed_entry(entry, number) for number, entry in enumerate(_entries(value), 1))


def _patterns(value: Any) -> tuple[ValuePattern, ...]:
    return value_patterns(_entries(value))


def _interceptors(value: Any) -> tuple[str, ...]:
    names = _texts(value)
    try:
        chosen(names)
    except KeyError as unknown:
        choices = ", ".join(sorted(available()))
        raise SettingsError(f"there is no {unknown}; choose from {choices}") from None
    return names


def _http_calls(value: Any) -> HttpCalls:
    pairs = _pairs(value)
    if not isinstance(pairs, Mapping):
        raise TypeError(value)
    return tuple((_http_pattern(pattern), _direction(kind)) for pattern, kind in pairs.items())


def _http_pattern(value: Any) -> str:
    if not _HTTP_PATTERN.fullmatch(_text(value)):
        raise ValueError(value)
    return _text(value)


def _direction(value: Any) -> str:
    if _text(value).lower() not in ("input", "output"):
        raise ValueError(value)
    return _text(value).lower()


def _pairs(value: Any) -> Any:
    """Return a text of pairs, `a=1,b=2`, as a mapping; anything else as it is."""
    if isinstance(value, str) and "=" in value:
        return dict(part.rsplit("=", 1) for part in _texts(value))
    return value


def _sampling(value: Any) -> Sampling:
    value = _pairs(value)
    if isinstance(value, Mapping):
        return tuple((_text(pattern), _rate(rate)) for pattern, rate in value.items())
    return (("*", _rate(value)),)


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= float(value) <= 1:
        raise ValueError(value)
    return float(value)


def size_in_bytes(value: Any) -> int:
    """Return a number of bytes, also of a text such as 512k; raise ValueError or OverflowError."""
    size = _size_of_text(value) if isinstance(value, str) else value
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= maxsize:
        raise ValueError(value)
    return size


def _cassette_size(value: Any) -> int:
    size = size_in_bytes(value)
    if size < MIN_MAX_BYTES:
        raise ValueError(value)
    return size


def _size_of_text(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    number, unit = match.groups()
    return int(float(number) * 1024 ** " kmgt".index((unit or " ").lower()))


def _secret(value: Any) -> bytes:
    secret = value if isinstance(value, bytes) else _text(value).encode()
    if len(secret) < _MIN_SECRET:
        raise ValueError("too short")
    return secret


def _tuner(value: Any) -> object:
    if isinstance(value, str) and _TUNER.fullmatch(value.strip()):
        return value.strip()
    # By what it can do: the class itself is of the studio, which is not loaded in production.
    if isinstance(value, type) or not callable(getattr(value, "create_category_tuning", None)):
        raise TypeError(value)
    return cast(object, value)


def _header(value: Any) -> str:
    if not _HEADER.fullmatch(_text(value)):
        raise ValueError(value)
    return _text(value)


def _when_busy(value: Any) -> str:
    if _text(value).lower() not in WHEN_BUSY_CHOICES:
        raise ValueError(value)
    return _text(value).lower()


_BOOLEANS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_TUNER: Final = re.compile(r"[\w.]+:[\w.]+")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HTTP_PATTERN: Final = re.compile(r"(\*|[A-Z]+) \S+")
_MIN_SECRET: Final = 16

_NAMES: Final = (_texts, "a list of patterns, or a text with commas: static,health*")
_PATTERNS: Final = (
    f"/regular expression/, name=/regular expression/, "
    f"{', '.join(BUILT_IN_PREFIX + name for name in BUILT_IN)}, or in code a function from a text"
    " to the secrets in it"
)
_BYTES: Final = "a number of bytes, or a text such as 512k or 1 GiB"

PARSERS: Final[dict[str, tuple[Callable[[Any], Any], str]]] = {
    "CASSETTE": (
        _cassette,
        "a TapeCassette, or a URL; choose from sqlite:///playback.db,"
        " file:///recordings, s3://bucket/prefix and memory://name",
    ),
    "ENABLED": (_boolean, "one of 1, true, yes, on, 0, false, no, off"),
    "SERVICE": (_text, "a name"),
    "SAMPLING": (_sampling, "a share from 0 to 1, or shares by category: checkout*=1,*=0.1"),
    "INCLUDE": _NAMES,
    "EXCLUDE": _NAMES,
    "BODY_LIMIT": (size_in_bytes, _BYTES),
    "REDACT": (
        _secrets,
        "a list, or a text with commas, of names of headers and fields and of patterns of values:"
        f" {_PATTERNS}",
    ),
    "FORBID": (_patterns, f"a list, or a text with commas, of patterns of values: {_PATTERNS}"),
    "REDACT_KEY": (_secret, f"a text or bytes of {_MIN_SECRET} or more"),
    "INTERCEPTORS": (
        _interceptors,
        "a list, or a text with commas, of libraries; * is all, -redis leaves one out,"
        " files:/etc/shop/*.json is for these files",
    ),
    "HTTP_CALLS": (
        _http_calls,
        "a mapping of patterns of a method and a URL to input or output, or such a text:"
        " POST https://search.example/*=input",
    ),
    "TUNER": (_tuner, "module:attribute, or an EqualizerTuner"),
    "MAX_BYTES": (_cassette_size, f"{_BYTES}, of {MIN_MAX_BYTES} or more"),
    "RESPONSE_HEADER": (_header, "the name of a header"),
    "WHEN_BUSY": (_when_busy, f"one of {', '.join(WHEN_BUSY_CHOICES)}"),
}
"""What reads the value of each setting, raising ValueError, TypeError or OverflowError; and what
it may be."""

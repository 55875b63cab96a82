"""`load_settings`: the environment over code, into one checked object."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import Any, Final

from playback_core.cassettes._options import DEFAULT_MAX_BYTES
from playback_core.codec.value_patterns import ValuePattern
from playback_core.errors import SettingsError
from playback_core.interceptor_options import (
    DEFAULT_BODY_LIMIT,
    HttpCalls,
    InterceptorOptions,
)
from playback_core.provenance import REVISION_VARIABLE
from playback_core.settings.values import PARSERS, Sampling
from playback_core.shedding import RECORD
from playback_core.tape_cassette import TapeCassette

ENVIRONMENT_PREFIX: Final = "PLAYBACK_"

DEBUG_VARIABLE: Final = "PLAYBACK_DEBUG"
"""The environment variable that makes commands show tracebacks; no setting of the code."""

_ENVIRONMENT: Final = "the environment"
_ENVIRONMENT_ONLY: Final = frozenset(
    variable.removeprefix(ENVIRONMENT_PREFIX) for variable in (REVISION_VARIABLE, DEBUG_VARIABLE)
)

_SAYS_WHAT_IS_WRONG: Final = frozenset({"REDACT", "FORBID", "INTERCEPTORS"})

_NO: Final = frozenset({"", "0", "false", "no", "off"})
_LONGEST_SHOWN: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What users set, checked; `load_settings` makes it.

    `cassette` is a URL or a cassette. `enabled` None means on, but off under pytest and in an
    application that is testing. `sampling` pairs category patterns with the share recorded; the
    first that matches counts. `include` and `exclude` are patterns of categories or paths.
    `body_limit` and `max_bytes` are bytes. `redact` has names of headers and fields that are
    redacted beside the built-in ones, and patterns of values; `forbid` the patterns of what is not
    to be stored. `interceptors` names the libraries that are intercepted, `http_calls` the HTTP
    calls that are inputs or outputs against their method. `tuner` is
    `module:attribute` or an object. `response_header` is the header that tells the recording id,
    None for none. `when_busy` is what is done while the process is short of CPU: `record`, or
    `shed`, to record fewer operations.
    """

    cassette: str | TapeCassette = "sqlite:///playback.db"
    enabled: bool | None = None
    service: str | None = None
    sampling: Sampling = (("*", 1.0),)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    body_limit: int = DEFAULT_BODY_LIMIT
    redact: tuple[str | ValuePattern, ...] = ()
    forbid: tuple[ValuePattern, ...] = ()
    redact_key: bytes | None = field(default=None, repr=False)
    interceptors: tuple[str, ...] = ("*",)
    http_calls: HttpCalls = ()
    tuner: object | None = None
    max_bytes: int = DEFAULT_MAX_BYTES
    response_header: str | None = None
    when_busy: str = RECORD

    def is_enabled(self, *, testing: bool = False, environ: Mapping[str, str] = os.environ) -> bool:
        """Tell whether to record; `testing` is the application's own test flag."""
        if self.enabled is not None:
            return self.enabled
        return not testing and "PYTEST_VERSION" not in environ

    @property
    def interceptor_options(self) -> InterceptorOptions:
        """What interceptors go by."""
        return InterceptorOptions(http_calls=self.http_calls, body_limit=self.body_limit)

    def sampling_rate(self, category: str) -> float:
        """Return the share of a category's operations to record; 1 where no pattern matches."""
        rates = (rate for pattern, rate in self.sampling if fnmatchcase(category, pattern))
        return next(rates, 1.0)

    def selects(self, *names: str) -> bool:
        """Tell whether an operation known by these names is to be recorded.

        It is unless an `exclude` pattern matches one of them, or there are `include` patterns and
        none does.
        """
        if _any_matches(self.exclude, names):
            return False
        return not self.include or _any_matches(self.include, names)


def load_settings(
    code: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
    *,
    prefix: str = ENVIRONMENT_PREFIX,
) -> Settings:
    """Read settings: `PLAYBACK_X` of the environment goes over X in code.

    In `code`, keys that begin with `prefix` are ours; an empty prefix says that all are. A value
    of None in code, or an empty text in the environment, is not set. Of the environment alone are
    PLAYBACK_REVISION, which names the revision of the code that is recorded, and PLAYBACK_DEBUG,
    which makes commands show tracebacks. Raise SettingsError naming the key, its value and the
    choices, also for a key that is unknown or no text.
    """
    if not isinstance(code, Mapping):
        raise SettingsError(f"The configuration is {_shown(code)}; it must map names to values.")
    values = _read(code, prefix, "the configuration")
    values |= _read(environ, ENVIRONMENT_PREFIX, _ENVIRONMENT)
    return Settings(**values)


def shows_tracebacks(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether PLAYBACK_DEBUG asks commands for the tracebacks of errors."""
    return environ.get(DEBUG_VARIABLE, "").lower() not in _NO


def _read(source: Mapping[str, Any], prefix: str, where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in source.items():
        if not isinstance(key, str):
            raise SettingsError(f"The key {_shown(key)} in {where} is no text; name a setting.")
        if not key.startswith(prefix):
            continue
        name = key[len(prefix) :]
        if name in _ENVIRONMENT_ONLY and where == _ENVIRONMENT:
            continue
        _require_known(name, key, prefix, where)
        if value is not None and not (where == _ENVIRONMENT and value == ""):
            values[name.lower()] = _parsed(name, value, f"{key} in {where}")
    return values


def _require_known(name: str, key: str, prefix: str, where: str) -> None:
    if name in _ENVIRONMENT_ONLY:
        raise SettingsError(
            f"{key} in {where} is read from the environment alone; set"
            f" {ENVIRONMENT_PREFIX}{name} there."
        )
    if name not in PARSERS:
        close = difflib.get_close_matches(name.upper(), PARSERS, n=1)
        hint = f"; did you mean {prefix}{close[0]}" if close else ""
        choices = ", ".join(prefix + known for known in PARSERS)
        raise SettingsError(f"Unknown setting {key} in {where}{hint}. The settings are {choices}.")


def _parsed(name: str, value: Any, where: str) -> Any:
    parse, choices = PARSERS[name]
    try:
        return parse(value)
    except (ValueError, TypeError, OverflowError) as error:
        if name == "REDACT_KEY":
            raise SettingsError(f"{where} is a secret; it must be {choices}.") from None
        # Which part of several is wrong, the value alone does not tell.
        told = (
            f": {error}" if name in _SAYS_WHAT_IS_WRONG and isinstance(error, SettingsError) else ""
        )
        raise SettingsError(f"{where} is {_shown(value)}{told}; it must be {choices}.") from error


def _shown(value: object) -> str:
    """Return a value on one line of bounded length, whatever its `repr` does."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - the code of a foreign class, or an int of too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _any_matches(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return bool(patterns) and any(map(_matcher(patterns), names))


@lru_cache
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("|".join(map(translate, patterns))).match

"""What interceptors go by in this process: one frozen object, from the settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final

from playback_core.errors import SettingsError

DEFAULT_BODY_LIMIT: Final = 1024 * 1024
"""How many bytes of a body are kept unless a setting says otherwise."""

HttpCalls = tuple[tuple[str, str], ...]
"""Patterns of a method and a URL, each with `input` or `output`; the first that matches counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InterceptorOptions:
    """Which HTTP calls are inputs or outputs against their method; how much of a body is kept."""

    http_calls: HttpCalls = ()
    body_limit: int = DEFAULT_BODY_LIMIT

    def http_kind(self, method: str, url: str) -> str | None:
        """Return `input` or `output` where a pattern says so."""
        if not self.http_calls:
            return None
        call = f"{method} {url}"
        return next((kind for match, kind in _matchers(self.http_calls) if match(call)), None)


_DEFAULTS: Final = InterceptorOptions()
_chosen: InterceptorOptions | None = None


def interceptor_options() -> InterceptorOptions:
    """Return what interceptors go by; the defaults where nobody has chosen."""
    return _chosen or _DEFAULTS


def choose_options(options: InterceptorOptions) -> None:
    """Decide what interceptors go by; the first that is not the default counts.

    Raise SettingsError where a later one differs: interceptors are of the process.
    """
    global _chosen
    if options == _DEFAULTS:
        return
    if _chosen not in (None, options):
        raise SettingsError(
            "PLAYBACK_HTTP_CALLS or PLAYBACK_BODY_LIMIT differs from that of an earlier application"
            " of this process, and the calls of libraries are recorded in one way for all; make"
            " them equal, or leave them out of one."
        )
    _chosen = options


def forget_options() -> None:
    """Go by the defaults again."""
    global _chosen
    _chosen = None


@lru_cache(maxsize=8)
def _matchers(calls: HttpCalls) -> tuple[tuple[Callable[[str], object], str], ...]:
    return tuple((re.compile(translate(pattern)).match, kind) for pattern, kind in calls)

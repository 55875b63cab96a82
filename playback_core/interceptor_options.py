"""What interceptors go by: what settings say of the calls of libraries, one frozen object."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final

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


DEFAULT_OPTIONS: Final = InterceptorOptions()


@lru_cache(maxsize=8)
def _matchers(calls: HttpCalls) -> tuple[tuple[Callable[[str], object], str], ...]:
    return tuple((re.compile(translate(pattern)).match, kind) for pattern, kind in calls)

"""The rule `clock`: moments that are *now* in both runs mean the same, and are listed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from playback_core.now import Windows

CLOCK_RULE: Final = "clock"
"""The rule of values that differ only in moments which are *now* in their own runs."""

_windows: Final[ContextVar[Windows | None]] = ContextVar("playback_windows", default=None)


@contextmanager
def comparing_runs_of(windows: Windows | None) -> Iterator[None]:
    """Let what is compared within a block know when the two runs were."""
    token = _windows.set(windows)
    try:
        yield
    finally:
        _windows.reset(token)


def recorded_form(encoded: bytes) -> bytes:
    """Return encoded content of the recording with its moments named, so that equals may be."""
    windows = _windows.get()
    return encoded if windows is None else windows.recorded_form(encoded)


def replayed_form(encoded: bytes) -> bytes:
    """Return encoded content of the replay, likewise."""
    windows = _windows.get()
    return encoded if windows is None else windows.replayed_form(encoded)

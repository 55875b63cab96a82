"""AppPlayback: what there is of an application's playback, kept as long as the application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from celery import Celery

from playback_core import TapeRecorder
from playback_core.errors import SettingsError
from playback_core.settings import Settings

if TYPE_CHECKING:
    from playback_celery.hooks import Hooks


@dataclass(frozen=True, slots=True)
class AppPlayback:
    """What there is of an application's playback."""

    settings: Settings
    recorder: TapeRecorder
    hooks: Hooks
    base: Path


playbacks: Final[WeakKeyDictionary[Celery, AppPlayback]] = WeakKeyDictionary()
"""The applications that have one."""


def name_of(app: Celery) -> str:
    """Return what messages call an application."""
    return str(app.main or "celery")


def playback_of(app: Celery) -> AppPlayback:
    """Return an application's playback; raise SettingsError where it has none."""
    playback = playbacks.get(app)
    if playback is None:
        raise SettingsError(
            f"The application {name_of(app)!r} has no playback; add PlaybackCelery(app) to it."
        )
    return playback

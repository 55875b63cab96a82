"""AppPlayback: what there is of an application's playback, kept as long as the application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from celery import Celery

from playback_core import TapeRecorder
from playback_core.errors import SettingsError
from playback_core.settings import Settings, load_settings

if TYPE_CHECKING:
    from playback_celery.hooks import Hooks


@dataclass(frozen=True, slots=True)
class AppPlayback:
    """What there is of an application's playback.

    `configured` is what its configuration alone says, which changes with it.
    """

    settings: Settings
    configured: Settings
    recorder: TapeRecorder
    hooks: Hooks
    base: Path


playbacks: Final[WeakKeyDictionary[Celery, AppPlayback]] = WeakKeyDictionary()
"""The applications that have one."""


def configured_settings(app: Celery) -> Settings:
    """Return the settings in an application's configuration, whatever the environment says."""
    return load_settings(app.conf.get("playback") or {}, {}, prefix="")


def require_settings_read(app: Celery) -> None:
    """Raise SettingsError where an application was configured after its playback was set up."""
    playback = playbacks.get(app)
    if playback is not None and configured_settings(app) != playback.configured:
        raise SettingsError(
            f"`app.conf.playback` of the application {name_of(app)!r} was changed after"
            " PlaybackCelery(app) had read it; configure the application before that."
        )


def name_of(app: Celery) -> str:
    """Return what messages call an application."""
    return str(app.main or "celery")


def playback_of(app: Celery) -> AppPlayback:
    """Return an application's playback; raise SettingsError where it has none.

    Also where it was configured too late.
    """
    playback = playbacks.get(app)
    if playback is None:
        raise SettingsError(
            f"The application {name_of(app)!r} has no playback; add PlaybackCelery(app) to it."
        )
    require_settings_read(app)
    return playback

"""AppPlayback: what there is of an application's playback, kept with the application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask

from playback_core import TapeRecorder
from playback_core.errors import SettingsError
from playback_core.settings import Settings

if TYPE_CHECKING:
    from playback_flask.hooks import Hooks

EXTENSION: Final = "playback"
"""The name of AppPlayback in `app.extensions`."""


@dataclass(frozen=True, slots=True)
class AppPlayback:
    """What there is of an application's playback; it is `app.extensions["playback"]`."""

    settings: Settings
    recorder: TapeRecorder
    hooks: Hooks
    base: Path


def playback_of(app: Flask) -> AppPlayback:
    """Return an application's playback; raise SettingsError where it has none."""
    playback = app.extensions.get(EXTENSION)
    if not isinstance(playback, AppPlayback):
        raise SettingsError(
            f"The application {app.name!r} has no playback; add FlaskPlayback(app) to it."
        )
    return playback

"""ProjectPlayback: what there is of a project's playback, kept with the app of Django."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from django.apps import apps

from playback_core import TapeRecorder
from playback_core.adapters import are_made_for_commands
from playback_core.errors import SettingsError
from playback_core.exchanges.recorder_setup import prepare_for_commands, start_recording
from playback_core.http_redaction import HttpRedactor
from playback_core.settings import Settings
from playback_django.interceptors import install_all

if TYPE_CHECKING:
    from playback_django.hooks import Hooks

APP: Final = "playback_django"

_beginning: Final = Lock()


@dataclass(slots=True, weakref_slot=True)
class ProjectPlayback:
    """What there is of a project's playback; `playback_of_project` returns it."""

    name: str
    settings: Settings
    redactor: HttpRedactor
    recorder: TapeRecorder
    hooks: Hooks
    base: Path
    _has_begun: bool = False

    def begin(self) -> None:
        """Begin to record, unless it is off here; once.

        It is called when the first handler of requests is made: what only manages the project
        opens no cassette. A process that only replays wraps the same, and records nothing.
        """
        with _beginning:
            if are_made_for_commands():
                prepare_for_commands(self.recorder, self.settings)
                install_all()
                return
            if self._has_begun:
                return
            self._has_begun = True
            if self.settings.is_enabled(testing=is_testing()):
                start_recording(self.recorder, self.name, self.settings, self.base)
                install_all()
                self.hooks.enabled = True


@dataclass(slots=True)
class _InPlace:
    playback: ProjectPlayback | None = None


in_place: Final = _InPlace()
"""What Django is hooked for, whichever apps a test says are installed."""


def playback_of_project() -> ProjectPlayback:
    """Return the project's playback; raise SettingsError where it has none, or wrong settings."""
    try:
        app = apps.get_app_config(APP)
    except LookupError:
        if in_place.playback is not None:
            return in_place.playback
        raise SettingsError(
            f"This project has no playback; add {APP!r} to its INSTALLED_APPS."
        ) from None
    playback: ProjectPlayback = app.playback  # type: ignore[attr-defined]
    return playback


def is_testing() -> bool:
    """Tell whether Django's test runner has prepared this process for tests."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")

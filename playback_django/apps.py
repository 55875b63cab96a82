"""PlaybackConfig: the app; reads the settings, sets the recorder up, installs the hooks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from django.apps import AppConfig
from django.conf import settings

from playback_core import TapeRecorder, recorder
from playback_core.errors import SettingsError
from playback_core.exchanges.recorder_setup import set_recorder_up
from playback_core.exchanges.rules import ExchangeRules
from playback_core.settings import load_settings
from playback_django.hooks import Hooks
from playback_django.project_playback import APP, ProjectPlayback, in_place
from playback_django.translate import STATIC


class PlaybackConfig(AppConfig):
    """The app `playback_django`.

    Settings are PLAYBACK_X in the environment, else X in `PLAYBACK`; docs/django.md lists them.
    """

    name = APP
    verbose_name = "Playback"
    recorder: ClassVar[TapeRecorder] = recorder

    def ready(self) -> None:
        """Set the project's playback up; what is wrong with it is kept for who asks for it."""
        from playback_django import checks  # noqa: F401 - it registers them
        from playback_django.values import register_values

        register_values()
        self._playback: ProjectPlayback | SettingsError
        try:
            self._playback = self._made()
        except SettingsError as error:
            self._playback = error

    @property
    def playback(self) -> ProjectPlayback:
        """The project's playback; SettingsError where a setting is wrong."""
        if isinstance(self._playback, SettingsError):
            raise self._playback
        return self._playback

    def uninstall(self) -> None:
        """Remove the hooks from Django; what was recorded and the recorder stay."""
        if isinstance(self._playback, ProjectPlayback):
            self._playback.hooks.uninstall()
            in_place.playback = None

    def _made(self) -> ProjectPlayback:
        own = load_settings(getattr(settings, "PLAYBACK", None) or {}, os.environ, prefix="")
        # Tests that set INSTALLED_APPS make the apps anew, but Django is hooked once.
        before = in_place.playback
        if before is not None:
            if before.recorder is self.recorder and before.settings == own:
                return before
            before.hooks.uninstall()
        name = os.environ.get("DJANGO_SETTINGS_MODULE", APP).partition(".")[0]
        redactor = set_recorder_up(self.recorder, self, name, own)
        hooks = Hooks(self.recorder, ExchangeRules(own, redactor, STATIC))
        hooks.install()
        base = Path(getattr(settings, "BASE_DIR", "."))
        playback = ProjectPlayback(name, own, redactor, self.recorder, hooks, base)
        in_place.playback = playback
        return playback

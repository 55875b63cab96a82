"""FlaskPlayback: the extension; reads the settings, sets the recorder up, installs the hooks."""

import os
from pathlib import Path

from flask import Flask

from playback_core import TapeRecorder, recorder
from playback_core.adapters import are_made_for_commands
from playback_core.exchanges.recorder_setup import (
    prepare_for_commands,
    set_recorder_up,
    start_recording,
)
from playback_core.exchanges.rules import ExchangeRules
from playback_core.settings import load_settings
from playback_flask.app_playback import EXTENSION, AppPlayback
from playback_flask.hooks import Hooks


class FlaskPlayback:
    """Records the requests of Flask applications from `init_app` on.

    `FlaskPlayback(app)` and `FlaskPlayback().init_app(app)` do the same. Settings are
    `PLAYBACK_X` in the environment, else in `app.config`; docs/flask.md lists them. Applications
    share `recorder`, by default `playback_core.recorder`, which helper modules decorate with.
    """

    def __init__(self, app: Flask | None = None, recorder: TapeRecorder = recorder) -> None:
        self.recorder = recorder
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Install the hooks and, unless it is off here, begin to record; once for each application.

        Recording is off under pytest and in an application that is testing, unless ENABLED says
        otherwise. Raise SettingsError where a setting is unknown or wrong, naming it.
        """
        if EXTENSION in app.extensions:
            return
        settings = load_settings(app.config, os.environ)
        base = Path(app.instance_path)
        enabled = settings.is_enabled(testing=app.testing) and not are_made_for_commands()
        redactor = set_recorder_up(self.recorder, app, app.name, settings)
        if enabled:
            start_recording(self.recorder, app.name, settings, base)
        elif are_made_for_commands():
            prepare_for_commands(self.recorder, settings)
        hooks = Hooks(self.recorder, ExchangeRules(settings, redactor), enabled=enabled)
        app.extensions[EXTENSION] = AppPlayback(settings, self.recorder, hooks, base)
        hooks.install(app)

    def uninstall(self, app: Flask) -> None:
        """Remove the hooks from an application; what was recorded and the recorder stay."""
        playback = app.extensions.pop(EXTENSION, None)
        if playback is not None:
            playback.hooks.uninstall(app)

"""Runs a recorded request again, through the application and under its recorded settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from flask import Flask

from playback_core import Recording
from playback_core.exchanges.replay import request_of
from playback_core.exchanges.replayed_errors import replayed_errors_muted
from playback_core.wsgi.replay import run_recorded
from playback_flask.app_playback import playback_of
from playback_flask.hooks import KIND

PlaybackFunction = Callable[[Recording], None]

_STAND_IN_SECRET: Final = "a replay verifies no signature"


def players(app: Flask) -> dict[str, PlaybackFunction]:
    """Return what a `DefaultTuner` needs to replay the recordings of an application."""
    return {KIND: playback_function(app)}


def playback_function(app: Flask) -> PlaybackFunction:
    """Return the function that runs a recorded request through an application again.

    It is for `TapeRecorder.play`. The application answers at the place where it was recorded,
    behind whatever wraps it since, under the recorded `TESTING`, `DEBUG` and
    `PROPAGATE_EXCEPTIONS`; these are the application's while it runs, so that replays of one
    application can't run at the same time. Exceptions that it logs go to the logger
    `playback.flask` as DEBUG. Raise SettingsError where it has no playback.
    """
    run = playback_of(app).hooks.replaying(app)

    def play(recording: Recording) -> None:
        request = request_of(recording, "Flask")
        # Its name is that of `app.logger`, which would be configured by being asked for.
        muted = replayed_errors_muted(app.name, into="playback.flask")
        with _recorded_settings(app, request["app"]), muted:
            run_recorded(run, request, recording)

    return play


@contextmanager
def _recorded_settings(app: Flask, recorded: Mapping[str, Any]) -> Iterator[None]:
    wanted = {
        "TESTING": recorded.get("testing"),
        "DEBUG": recorded.get("debug"),
        "PROPAGATE_EXCEPTIONS": recorded.get("propagate_exceptions"),
    }
    if recorded.get("has_secret_key") and not app.config["SECRET_KEY"]:
        wanted["SECRET_KEY"] = _STAND_IN_SECRET
    before = {name: app.config[name] for name in wanted}
    app.config.update(wanted)
    try:
        yield
    finally:
        app.config.update(before)

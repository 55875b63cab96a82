"""Opens an application of Flask for the commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from flask import Flask

from playback_core.adapters import CommandTarget
from playback_core.exchanges.recorder_setup import reading
from playback_core.tape_cassette import TapeCassette
from playback_flask.app_playback import playback_of
from playback_flask.replay import players


def command_target(
    application: object, cassette: TapeCassette | None = None
) -> AbstractContextManager[CommandTarget] | None:
    """Return what opens an application for a command; None where it is none of Flask."""
    return open_application(application, cassette) if isinstance(application, Flask) else None


@contextmanager
def open_application(app: Flask, cassette: TapeCassette | None = None) -> Iterator[CommandTarget]:
    """Open an application for a block within its context, in which it records nothing.

    Raise SettingsError where it has no playback, CassetteError where there is nothing to read.
    """
    playback = playback_of(app)
    opened = reading(playback.recorder, playback.settings, playback.base, cassette)
    with opened as stored, app.app_context():
        yield CommandTarget(
            cassette=stored,
            recorder=playback.recorder,
            players=players(app),
            tuner=playback.settings.tuner,
        )

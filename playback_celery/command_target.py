"""Opens an application of Celery for the commands."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from celery import Celery

from playback_celery.app_playback import playback_of
from playback_celery.replay import players
from playback_core.adapters import CommandTarget
from playback_core.exchanges.recorder_setup import reading
from playback_core.tape_cassette import TapeCassette


def command_target(
    application: object, cassette: TapeCassette | None = None
) -> AbstractContextManager[CommandTarget] | None:
    """Return what opens an application for a command; None where it is none of Celery."""
    return open_application(application, cassette) if isinstance(application, Celery) else None


@contextmanager
def open_application(app: Celery, cassette: TapeCassette | None = None) -> Iterator[CommandTarget]:
    """Open an application for a block in which it records nothing, with its tasks imported.

    Raise SettingsError where it has no playback, CassetteError where there is nothing to read.
    """
    playback = playback_of(app)
    app.loader.import_default_modules()
    with reading(playback.recorder, playback.settings, playback.base, cassette) as stored:
        yield CommandTarget(
            cassette=stored,
            recorder=playback.recorder,
            players=players(app),
            tuner=playback.settings.tuner,
        )

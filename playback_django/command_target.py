"""Opens a project of Django for the commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from playback_core.adapters import CommandTarget
from playback_core.exchanges.recorder_setup import reading
from playback_core.tape_cassette import TapeCassette


def command_target(
    application: object, cassette: TapeCassette | None = None
) -> AbstractContextManager[CommandTarget] | None:
    """Return what opens a project for a command by its handler, as of `mysite.wsgi:application`.

    None for anything else.
    """
    from django.core.handlers.base import BaseHandler

    is_ours = isinstance(application, BaseHandler)
    return open_project(cassette, replays=True) if is_ours else None


@contextmanager
def open_project(cassette: TapeCassette | None = None, *, replays: bool) -> Iterator[CommandTarget]:
    """Open this process's project for a block, in which it records nothing.

    For a command that `replays` it is loaded at once, so that processes for replays need not.
    Raise SettingsError where it has no playback, CassetteError where there is nothing to read.
    """
    from playback_django.project_playback import playback_of_project
    from playback_django.replay import load_project, players

    playback = playback_of_project()
    with reading(playback.recorder, playback.settings, playback.base, cassette) as stored:
        if replays:
            load_project()
        yield CommandTarget(
            cassette=stored,
            recorder=playback.recorder,
            players=players(),
            tuner=playback.settings.tuner,
        )

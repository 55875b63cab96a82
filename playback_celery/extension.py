"""PlaybackCelery: reads the settings of an application, sets the recorder up, puts hooks in."""

import os
import sys
from pathlib import Path

import click
from celery import Celery

from playback_celery.app_playback import AppPlayback, configured_settings, name_of, playbacks
from playback_celery.hooks import WORKERS, Hooks
from playback_celery.interceptor import INTERCEPTOR
from playback_celery.loading_errors import told_in_one_line
from playback_celery.task_rules import TaskRules
from playback_core import TapeRecorder, recorder
from playback_core.adapters import are_made_for_commands
from playback_core.exchanges.recorder_setup import (
    prepare_for_commands,
    set_recorder_up,
    start_recording,
)
from playback_core.interceptor import install
from playback_core.settings import load_settings


class PlaybackCelery:
    """Records the tasks that workers of an application run.

    `PlaybackCelery(app)` and `PlaybackCelery().init_app(app)` do the same. Settings are
    `PLAYBACK_X` in the environment, else X in `app.conf.playback`; docs/celery.md lists them. It
    comes after the configuration of the application, and in the module that has the application.
    """

    def __init__(self, app: Celery | None = None, recorder: TapeRecorder = recorder) -> None:
        self.recorder = recorder
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Celery) -> None:
        """Put the hooks in and, unless it is off here, begin to record; once for an application.

        Recording is off under pytest unless ENABLED says otherwise. Raise SettingsError where a
        setting is unknown or wrong, naming it.
        """
        if app not in playbacks:
            with told_in_one_line():
                self._set_up(app)

    def uninstall(self, app: Celery) -> None:
        """Take the hooks out of an application; what was recorded and the recorder stay."""
        playback = playbacks.pop(app, None)
        if playback is not None:
            playback.hooks.uninstall()

    def _set_up(self, app: Celery) -> None:
        settings = load_settings(app.conf.get("playback") or {}, os.environ, prefix="")
        base, name = Path.cwd(), name_of(app)
        for_commands = _is_for_commands()
        enabled = settings.is_enabled() and not for_commands
        set_recorder_up(self.recorder, app, name, settings)
        if enabled:
            start_recording(self.recorder, name, settings, base)
        elif for_commands:
            prepare_for_commands(self.recorder, settings)
        # Whatever INTERCEPTORS says: without it, the replay of a task would send messages.
        install(INTERCEPTOR)
        install(WORKERS)
        hooks = Hooks(self.recorder, TaskRules(settings), enabled=enabled)
        playbacks[app] = AppPlayback(settings, configured_settings(app), self.recorder, hooks, base)
        hooks.install()


def _is_for_commands() -> bool:
    # `celery` imports the application before the command that it is for has its turn.
    context = click.get_current_context(silent=True)
    return are_made_for_commands() or (context is not None and _command(context) == "playback")


def _command(context: click.Context) -> str | None:
    """Return the command of `celery` that a context is of; before 5.5 it does not know it yet."""
    if context.invoked_subcommand is not None or context.command.name != "celery":
        return context.invoked_subcommand
    try:
        _, rest, _ = context.command.make_parser(context).parse_args(sys.argv[1:])
    except click.UsageError:
        return None
    return rest[0] if rest else None

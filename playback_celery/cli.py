"""`celery -A proj playback`: the commands of playback_core.commands for its application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from playback_core.cli.group import PlaybackGroup

if TYPE_CHECKING:
    from playback_core.adapters import CommandTarget, OpenTarget

# What a command needs is imported when it runs: celery loads this module for any of its own.


def _open_target(ctx: click.Context) -> OpenTarget:
    return partial(_open_loaded, ctx)


@contextmanager
def _open_loaded(ctx: click.Context) -> Iterator[CommandTarget]:
    from playback_celery.command_target import open_application
    from playback_core.adapters import made_for_commands
    from playback_core.errors import PlaybackError
    from playback_core.importing import loading

    with made_for_commands(), loading("The application", passing=(PlaybackError,)):
        app = ctx.obj.app
        app.loader.import_default_modules()
    with open_application(app) as target:
        yield target


playback_cli = PlaybackGroup("playback", _open_target)

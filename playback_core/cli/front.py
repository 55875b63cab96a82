"""`playback`: the group, with the options that say what it works on."""

from functools import partial

import click

from playback_core.adapters import OpenTarget
from playback_core.cli.group import PlaybackGroup
from playback_core.cli.target import open_target


def _open_target(ctx: click.Context) -> OpenTarget:
    return partial(open_target, ctx.params["app"], ctx.params["cassette"])


playback = PlaybackGroup(
    "playback",
    _open_target,
    [
        click.Option(
            ["--app"],
            metavar="MODULE:ATTRIBUTE",
            help="The application, or a TapeRecorder; replay and compare take it.",
        ),
        click.Option(
            ["--cassette"],
            metavar="URL",
            help="The cassette to use instead of the application's, such as sqlite:///playback.db.",
        ),
    ],
)

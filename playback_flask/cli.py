"""`flask playback`: the commands of playback_core.commands for the application flask has found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from flask.cli import ScriptInfo

from playback_core.errors import PlaybackError, SettingsError

if TYPE_CHECKING:
    from flask import Flask

    from playback_core.studio import EqualizerTuner
    from playback_core.studio.reports import Report
    from playback_core.tape_cassette import TapeCassette
    from playback_flask.app_playback import AppPlayback

_USAGE: Final = 2
_INTERRUPTED: Final = 130
_READER_LEFT: Final = 141
"""What a shell sees of a command that SIGPIPE ended."""

Command = Callable[..., Any]

# What a command needs is imported when it runs: flask loads this module for any command of its own.


@click.group("playback")
def playback_cli() -> None:
    """Look at, replay and compare recorded requests.

    Exit codes: 0 all equal, 1 differences, 2 usage, 3 replay failures, 4 nothing verified.
    """


_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_since = click.option("--since", metavar="AGE", help="Only later ones: 30m, 12h, 7d, or a date.")
_metadata = click.option(
    "--metadata", multiple=True, metavar="K=V", help="Only those with this metadata."
)
_limit = click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="At most so many of each category.",
)


@playback_cli.command("list")
@click.argument("categories", nargs=-1, metavar="[CATEGORY]...")
@_since
@_limit
@_metadata
@_as_json
@click.pass_context
def list_command(
    ctx: click.Context,
    categories: tuple[str, ...],
    since: str | None,
    limit: int,
    metadata: tuple[str, ...],
    as_json: bool,
) -> None:
    """List recordings, the newest of each category."""
    from playback_core import commands

    with _application(ctx) as (_, cassette, _app):
        options = commands.ListOptions(
            categories=categories,
            since=commands.parse_since(since) if since is not None else None,
            limit=limit,
            metadata=commands.parse_metadata(metadata),
        )
        _report(as_json).recordings(commands.list_recordings(cassette, options))


@playback_cli.command("show")
@click.argument("recording_id", metavar="ID")
@_as_json
@click.pass_context
def show_command(ctx: click.Context, recording_id: str, as_json: bool) -> None:
    """Show all there is in a recording."""
    from playback_core import commands

    with _application(ctx) as (_, cassette, _app):
        _report(as_json).recording(commands.show_recording(cassette, recording_id))


@playback_cli.command("replay")
@click.argument("recording_id", metavar="ID")
@_as_json
@click.pass_context
def replay_command(ctx: click.Context, recording_id: str, as_json: bool) -> None:
    """Replay one recording and show how it compares."""
    from playback_core import commands

    with _application(ctx) as (playback, _, app):
        comparison = commands.replay_recording(
            playback.recorder, recording_id, _tuner(app, playback)
        )
        _report(as_json).replay(comparison)
        status = comparison.comparator_status.equality_status
        ctx.exit(commands.exit_code({status: 1}))


@playback_cli.command("compare")
@click.argument("categories", nargs=-1, metavar="[CATEGORY]...")
@click.option("--since", metavar="AGE", help="Only later ones: 30m, 12h, or a date; default 7d.")
@_limit
@_metadata
@click.option("--recording-id", "recording_ids", multiple=True, metavar="ID", help="Just these.")
@_as_json
@click.pass_context
def compare_command(
    ctx: click.Context,
    categories: tuple[str, ...],
    since: str | None,
    limit: int,
    metadata: tuple[str, ...],
    recording_ids: tuple[str, ...],
    as_json: bool,
) -> None:
    """Replay recordings and compare what comes out; of all categories, if none is named."""
    from playback_core import commands

    with _application(ctx) as (playback, _, app):
        options = commands.CompareOptions(
            categories=categories,
            recording_ids=recording_ids,
            since=commands.parse_since(since) if since is not None else None,
            limit=limit,
            metadata=commands.parse_metadata(metadata),
        )
        comparisons = commands.compare_recordings(playback.recorder, _tuner(app, playback), options)
        _report(as_json).comparisons(comparisons)
        ctx.exit(commands.exit_code(comparisons.counts))


@playback_cli.command("prune")
@click.option("--older-than", metavar="AGE", help="Those before an age or date: 30d, 2026-01-31.")
@click.option("--max-size", metavar="SIZE", help="The oldest beyond a size: 500MB, 2GiB.")
@_as_json
@click.pass_context
def prune_command(
    ctx: click.Context, older_than: str | None, max_size: str | None, as_json: bool
) -> None:
    """Remove old recordings; say by age, by size or by both."""
    from playback_core import commands

    with _application(ctx) as (_, cassette, _app):
        removed = commands.prune_recordings(
            cassette,
            commands.parse_since(older_than) if older_than is not None else None,
            max_bytes=commands.parse_size(max_size) if max_size is not None else None,
        )
        _report(as_json).pruned(removed)


@contextmanager
def _application(ctx: click.Context) -> Iterator[tuple[AppPlayback, TapeCassette, Flask]]:
    """Load the application without recording it; a PlaybackError ends the command with one line."""
    from playback_core.commands import error_line
    from playback_flask.app_playback import playback_of
    from playback_flask.extension import made_for_commands

    try:
        with made_for_commands():
            app = _load(ctx)
        playback = playback_of(app)
        with playback.for_reading() as cassette, app.app_context():
            yield playback, cassette, app
    except PlaybackError as error:
        click.echo(f"Error: {error_line(error)}", err=True)
        ctx.exit(_USAGE)
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        ctx.exit(_INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        ctx.exit(_READER_LEFT)
    except OSError as error:
        _drop_output()
        click.echo(f"Error: {error}", err=True)
        ctx.exit(_USAGE)


def _drop_output() -> None:
    # The interpreter flushes what is left as it ends; that would fail again, with a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _load(ctx: click.Context) -> Flask:
    try:
        return ctx.ensure_object(ScriptInfo).load_app()
    except (PlaybackError, click.ClickException):
        raise
    except Exception as error:
        raise SettingsError(
            f"The application cannot be loaded: {type(error).__name__}: {error}. Import it by"
            " itself to see the traceback."
        ) from error


def _report(as_json: bool) -> Report:
    from playback_core.studio.reports import choose_report

    return choose_report(sys.stdout, as_json=as_json)


def _tuner(app: Flask, playback: AppPlayback) -> EqualizerTuner:
    from playback_core.studio import DefaultTuner, EqualizerTuner
    from playback_core.studio.tuning import load_tuner
    from playback_flask.replay import players

    tuner = playback.settings.tuner
    if tuner is None:
        return DefaultTuner(players(app))
    if isinstance(tuner, str):
        return load_tuner(tuner)
    if not isinstance(tuner, EqualizerTuner):
        raise SettingsError(
            f"PLAYBACK_TUNER is {tuner!r}; it must be module:attribute, or an EqualizerTuner."
        )
    return tuner

"""`manage.py playback_...`: the subcommands of playback_core.commands as Django's commands."""

from __future__ import annotations

import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import Any, ClassVar, Final

from django.core.management import BaseCommand, CommandParser

from playback_core.commands import SUBCOMMANDS, Parameter, Subcommand, run_subcommand
from playback_django.command_target import open_project

_REPLAYING: Final = frozenset({"replay", "compare"})


class PlaybackCommand(BaseCommand):
    """One subcommand; no command of playback asks for the database or for the project's checks."""

    subcommand: ClassVar[Subcommand]
    requires_system_checks: ClassVar[list[str]] = []  # type: ignore[misc]

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the parameters of the subcommand."""
        for each in self.subcommand.parameters:
            _add(parser, each)
        parser.add_argument(
            "--verbose",
            action="store_true",
            help="Show the traceback of an error, as --traceback and PLAYBACK_DEBUG=1.",
        )

    def handle(self, **given: Any) -> None:
        """Run the subcommand; SystemExit with its code, where that is not 0."""
        target = partial(open_project, replays=self.subcommand.name in _REPLAYING)
        verbose = given["verbose"] or given["traceback"]
        out, err = given.get("stdout") or sys.stdout, given.get("stderr") or sys.stderr
        texts = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
        with redirect_stdout(out), redirect_stderr(err):
            code = run_subcommand(self.subcommand, target, texts, verbose=verbose)
        if code:
            raise SystemExit(code)


def command_of(name: str) -> type[PlaybackCommand]:
    """Return the class that Django's `management.commands` look for, of a subcommand's name."""
    subcommand = next(each for each in SUBCOMMANDS if each.name == name)
    attributes = {"subcommand": subcommand, "help": subcommand.summary, "__module__": __name__}
    return type("Command", (PlaybackCommand,), attributes)


def _add(parser: CommandParser, parameter: Parameter) -> None:
    name, flag = parameter.name, parameter.flag
    if flag is None:
        nargs = "*" if parameter.repeated else None
        parser.add_argument(name, nargs=nargs, metavar=_named(parameter), help=parameter.help)
    elif parameter.is_switch:
        parser.add_argument(flag, dest=name, action="store_true", help=parameter.help)
    else:
        parser.add_argument(
            flag,
            dest=name,
            action="append" if parameter.repeated else "store",
            default=[] if parameter.repeated else parameter.default,
            required=parameter.required,
            metavar=parameter.metavar,
            help=_with_default(parameter),
        )


def _named(parameter: Parameter) -> str | None:
    # argparse adds what says that there may be several.
    metavar = parameter.metavar
    return metavar if metavar is None else metavar.strip("[].")


def _with_default(parameter: Parameter) -> str:
    default = parameter.default
    return parameter.help if default is None else f"{parameter.help} The default is {default}."

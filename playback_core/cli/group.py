"""PlaybackGroup: the subcommands of playback_core.commands as a click group, for any front end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from playback_core.adapters import OpenTarget
    from playback_core.commands import Parameter, Subcommand

# The commands are imported when one is asked for: flask loads this module for any of its own.

HELP: Final = """Look at, replay and compare recorded operations.

Exit codes: 0 all equal, 1 differences, 2 usage, or an application that cannot be loaded, 3 replay
failures, 4 nothing verified, 130 interrupted.
"""


class PlaybackGroup(click.Group):
    """The subcommands, as a group of any name.

    `open_target` gets the context of the group, with the parameters given before the subcommand,
    and returns what opens the application. `params` are a front end's own beside `--verbose`.
    """

    def __init__(
        self,
        name: str,
        open_target: Callable[[click.Context], OpenTarget],
        params: Sequence[click.Parameter] = (),
    ) -> None:
        verbose = click.Option(
            ["--verbose"], is_flag=True, help="Show the traceback of an error, as PLAYBACK_DEBUG=1."
        )
        super().__init__(name, params=[*params, verbose], help=HELP)
        self._open_target = open_target

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands, in the order of their definition."""
        from playback_core.commands import SUBCOMMANDS

        return [each.name for each in SUBCOMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a subcommand, None where there is none of this name."""
        from playback_core.commands import SUBCOMMANDS

        found = next((each for each in SUBCOMMANDS if each.name == cmd_name), None)
        return None if found is None else self._command(found)

    def _command(self, subcommand: Subcommand) -> click.Command:
        def run(**given: Any) -> None:
            from playback_core.commands import run_subcommand

            ctx = click.get_current_context()
            group = ctx.parent or ctx
            target = self._open_target(group)
            ctx.exit(run_subcommand(subcommand, target, given, verbose=group.params["verbose"]))

        return click.Command(
            subcommand.name,
            callback=run,
            params=[_click_parameter(each) for each in subcommand.parameters],
            help=subcommand.summary,
        )


def _click_parameter(parameter: Parameter) -> click.Parameter:
    name, flag = parameter.name, parameter.flag
    if flag is None:
        return click.Argument(
            [name],
            nargs=-1 if parameter.repeated else 1,
            metavar=parameter.metavar,
            required=parameter.required,
        )
    if parameter.is_switch:
        return click.Option([flag, name], is_flag=True, help=parameter.help)
    option = click.Option(
        [flag, name],
        multiple=parameter.repeated,
        metavar=parameter.metavar,
        required=parameter.required,
        help=parameter.help,
        show_default=parameter.default is not None,
    )
    if parameter.default is not None:
        option.default = parameter.default
    return option

"""The commands: one implementation, without a framework, for every front end.

A front end parses its arguments into options, calls a function of this package, gives what it
returns to a report of `choose_report`, and ends with `exit_code` of the counts. A PlaybackError
becomes `error_line` on stderr and `ExitCode.USAGE`.
"""

from playback_core.commands.commands import (
    compare_recordings,
    list_recordings,
    prune_recordings,
    replay_recording,
    show_recording,
)
from playback_core.commands.exit_codes import ExitCode, exit_code
from playback_core.commands.options import (
    CompareOptions,
    ListOptions,
    parse_metadata,
    parse_since,
    parse_size,
)
from playback_core.errors import PlaybackError
from playback_core.studio.reports import choose_report, printable

__all__ = [
    "CompareOptions",
    "ExitCode",
    "ListOptions",
    "choose_report",
    "compare_recordings",
    "error_line",
    "exit_code",
    "list_recordings",
    "parse_metadata",
    "parse_since",
    "parse_size",
    "prune_recordings",
    "replay_recording",
    "show_recording",
]


def error_line(error: PlaybackError) -> str:
    """Return an error as the one line a front end prints."""
    return printable(" ".join(str(error).split()))

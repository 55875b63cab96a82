"""The commands: one implementation, without a framework, for every front end.

A front end makes its own parameters of those of SUBCOMMANDS, gives the texts it gets to
`run_subcommand` with what opens the application, and ends with the code it returns. Below that are
functions with data in and data out.
"""

from playback_core.commands.commands import (
    compare_recordings,
    list_recordings,
    prune_recordings,
    replay_recording,
    show_recording,
)
from playback_core.commands.definition import Parameter, Subcommand
from playback_core.commands.exit_codes import ExitCode, exit_code
from playback_core.commands.export import ExportedRecording, export_recordings, json_line
from playback_core.commands.options import (
    CompareOptions,
    ExportOptions,
    ListOptions,
    parse_count,
    parse_metadata,
    parse_since,
    parse_size,
)
from playback_core.commands.running import error_line, run_subcommand
from playback_core.commands.subcommands import SUBCOMMANDS, tuner_of
from playback_core.studio.reports import choose_report

__all__ = [
    "SUBCOMMANDS",
    "CompareOptions",
    "ExitCode",
    "ExportOptions",
    "ExportedRecording",
    "ListOptions",
    "Parameter",
    "Subcommand",
    "choose_report",
    "compare_recordings",
    "error_line",
    "exit_code",
    "export_recordings",
    "json_line",
    "list_recordings",
    "parse_count",
    "parse_metadata",
    "parse_since",
    "parse_size",
    "prune_recordings",
    "replay_recording",
    "run_subcommand",
    "show_recording",
    "tuner_of",
]

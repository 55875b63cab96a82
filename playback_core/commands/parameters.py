"""The parameters that subcommands share."""

from typing import Final

from playback_core.commands.definition import Parameter
from playback_core.commands.options import (
    parse_count,
    parse_metadata,
    parse_seconds,
    parse_since,
)
from playback_core.sandbox_options import SandboxOptions

CATEGORIES: Final = Parameter(name="categories", metavar="[CATEGORY]...", repeated=True)
RECORDING_ID: Final = Parameter(name="recording_id", metavar="ID", required=True)
SINCE: Final = Parameter(
    name="since",
    flag="--since",
    metavar="AGE",
    parse=parse_since,
    help="Only later ones: an age (30m, 12h, 7d) or a date.",
)
METADATA: Final = Parameter(
    name="metadata",
    flag="--metadata",
    metavar="K=V",
    repeated=True,
    parse=parse_metadata,
    help="Only those with this metadata.",
)
LIMIT: Final = Parameter(
    name="limit",
    flag="--limit",
    metavar="N",
    parse=parse_count,
    default="20",
    help="At most so many of each category.",
)
RECORDING_IDS: Final = Parameter(
    name="recording_ids", flag="--recording-id", metavar="ID", repeated=True, help="Just these."
)
TUNER: Final = Parameter(
    name="tuner",
    flag="--tuner",
    metavar="MODULE:ATTRIBUTE",
    help="The EqualizerTuner to use, instead of the one of the settings.",
)


IN_PROCESS: Final = Parameter(
    name="in_process",
    flag="--in-process",
    is_switch=True,
    help="Replay in this process, to debug or to measure coverage.",
)
PROCESSES: Final = (
    Parameter(
        name="dedicated",
        flag="--dedicated-process",
        is_switch=True,
        help="Replay in processes apart, as is the default on Linux: a crash costs one comparison.",
    ),
    IN_PROCESS,
    Parameter(
        name="recycle",
        flag="--recycle",
        metavar="N",
        parse=parse_count,
        help="Replace such a process after so many recordings, by default 100.",
    ),
    Parameter(
        name="timeout",
        flag="--process-timeout",
        metavar="SECONDS",
        parse=parse_seconds,
        help="Stop one whose comparison takes longer, by default 600.",
    ),
)
STRICT: Final = Parameter(
    name="strict",
    flag="--strict",
    is_switch=True,
    help="Answer a call by the recorded one in its own place alone.",
)
ALLOW: Final = Parameter(
    name="allow",
    flag="--allow",
    metavar="HOST|PATH|alias:NAME",
    repeated=True,
    parse=SandboxOptions.parse,
    help="What a replay may reach although it was not recorded.",
)

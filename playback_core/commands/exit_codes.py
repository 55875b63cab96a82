"""The exit codes of the commands."""

from collections.abc import Mapping
from enum import IntEnum

from playback_core.studio import EqualityStatus


class ExitCode(IntEnum):
    """What a command tells its shell: how replays compare, or how it ended itself.

    USAGE is also an application that cannot be loaded, REPLAY_FAILURES for `export` a recording
    that cannot be read. The last two are what a shell shows for SIGINT and SIGPIPE.
    """

    ALL_EQUAL = 0
    DIFFERENCES = 1
    USAGE = 2
    REPLAY_FAILURES = 3
    NOTHING_VERIFIED = 4
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


def exit_code(counts: Mapping[EqualityStatus, int]) -> ExitCode:
    """Return the exit code for numbers of comparisons by status.

    Differences win over failures: they are certain. Fixed is a difference, too, as an operation
    that used to refuse and no longer does is not always an improvement.
    """
    different = (EqualityStatus.Different, EqualityStatus.Failed, EqualityStatus.Fixed)
    if any(counts.get(status, 0) for status in different):
        return ExitCode.DIFFERENCES
    if counts.get(EqualityStatus.EqualizerFailure, 0):
        return ExitCode.REPLAY_FAILURES
    return ExitCode.ALL_EQUAL if counts.get(EqualityStatus.Equal, 0) else ExitCode.NOTHING_VERIFIED

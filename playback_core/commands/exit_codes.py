"""The exit codes of the commands."""

from collections.abc import Mapping
from enum import IntEnum

from playback_core.studio import EqualityStatus


class ExitCode(IntEnum):
    """What a command that compares tells its shell."""

    ALL_EQUAL = 0
    DIFFERENCES = 1
    USAGE = 2
    REPLAY_FAILURES = 3
    NOTHING_VERIFIED = 4


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

"""Comparison: the verdict on one replayed recording."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from playback_core.errors import SettingsError
from playback_core.playback import SEALS, Sealed


class EqualityStatus(Enum):
    """What comparing a replay with its recording came to."""

    Equal = 1
    """Recording and replay produced the same."""
    Fixed = 2
    """The recording was an error, the replay is not."""
    Different = 3
    """Recording and replay produced different things."""
    Failed = 4
    """The replay is an error, the recording is not."""
    EqualizerFailure = 5
    """There is no verdict: the replay or the comparison did not work, or verified nothing."""


@dataclass(frozen=True)
class ComparatorResult:
    """A verdict, with a line that says why and the differences found.

    Raise SettingsError where the status is no EqualityStatus. `diff` may be anything; what the
    bundle's own comparator gives is a `Diff`.
    """

    equality_status: EqualityStatus
    message: str | None = None
    diff: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.equality_status, EqualityStatus):
            raise SettingsError(
                f"A ComparatorResult was given {self.equality_status!r} as its status;"
                " give an EqualityStatus."
            )

    def __str__(self) -> str:
        status = self.equality_status.name
        return f"{status} - {self.message}" if self.message else status


@dataclass(frozen=True, eq=False)
class Comparison:
    """One compared recording.

    `expected` is what the result extractor made of the recording and `actual` of the replay, both
    None unless `keep_results_in_comparison` is set. `playback` is None where the replay failed,
    and where it stayed in a dedicated process because results are not kept; `recording_id` is
    None where the failure is that of a whole category. `sealed` says what kept the replay from the
    world, None where it is not known.
    """

    comparator_status: ComparatorResult
    expected: Any
    actual: Any
    expected_is_exception: bool
    actual_is_exception: bool
    playback: Any
    recording_id: str | None
    sealed: Sealed | None = None

    def __str__(self) -> str:
        return str(self.comparator_status)


def failure(message: str, recording_id: str | None = None, playback: Any = None) -> Comparison:
    """Return a comparison without a verdict."""
    result = ComparatorResult(EqualityStatus.EqualizerFailure, message)
    sealed = sealed_of(playback)
    return Comparison(result, None, None, False, False, playback, recording_id, sealed)


def sealed_of(playback: Any) -> Sealed | None:
    """Return what kept a replay from the world; a player's own playback may not know."""
    sealed = getattr(playback, "sealed", None)
    return sealed if sealed in SEALS else None

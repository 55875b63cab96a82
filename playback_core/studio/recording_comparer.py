"""RecordingComparer: replays one recording and gives it a verdict, in whichever process."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from playback_core.errors import PlaybackError
from playback_core.sandbox_options import SandboxOptions
from playback_core.studio.accounting import departures, objection, summary_of_ignored
from playback_core.studio.clock_rule import comparing_runs_of
from playback_core.studio.comparison import (
    ComparatorResult,
    Comparison,
    EqualityStatus,
    failure,
    sealed_of,
)
from playback_core.studio.concealed_rule import comparing_under
from playback_core.studio.difference import Diff
from playback_core.studio.redacted_value import without_redacted_values
from playback_core.studio.tuning import Comparator, ComparisonDataExtractor, ResultExtractor

_logger: Final = logging.getLogger("playback.studio")

Player = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class RecordingComparer:
    """Compares a recording, given its id, with its replay.

    `sandbox` is for the process it runs in, where that does nothing else, which may leave the
    network if the player `reads_locally`. What goes wrong in a step is an EqualizerFailure that
    names the step; only KeyboardInterrupt gets out.
    """

    player: Player
    result_extractor: ResultExtractor
    comparator: Comparator
    comparison_data_extractor: ComparisonDataExtractor | None
    keep_results: bool
    sandbox: SandboxOptions | None = None
    reads_locally: bool = False

    def __call__(self, recording_id: str) -> Comparison:
        """Return the comparison of a recording."""
        playback = None
        try:
            with step("the replay"):
                playback = self.player(recording_id)
            with step("reading the playback"):
                problem = _unusable(playback) or objection(playback)
            if problem is not None:
                return failure(problem, recording_id, playback)
            return self._verdict(recording_id, playback)
        except StepFailed as failed:
            return failure(str(failed), recording_id, playback)

    def _verdict(self, recording_id: str, playback: Any) -> Comparison:
        with step("the result extractor, on the recorded outputs,"):
            expected = self.result_extractor(playback.recorded_outputs)
        with step("the result extractor, on the replayed outputs,"):
            actual = self.result_extractor(playback.playback_outputs)
        with step("the comparison data extractor"):
            extract = self.comparison_data_extractor
            data = extract(playback.original_recording) if extract is not None else {}
        windows, redaction = (
            getattr(playback, "windows", None),
            getattr(playback, "redaction", None),
        )
        with step("the comparator"), comparing_runs_of(windows), comparing_under(redaction):
            result = _as_result(self.comparator(expected, actual, **data))

        def compare_again() -> Any:
            return self._diff_of_another_replay(recording_id, actual, data)

        result = without_redacted_values(result, playback, compare_again)
        with step("reading the playback"):
            result = _with_departures(result, playback)
        return Comparison(
            result,
            expected if self.keep_results else None,
            actual if self.keep_results else None,
            isinstance(expected, BaseException),
            isinstance(actual, BaseException),
            playback,
            recording_id,
            sealed_of(playback),
        )

    def _diff_of_another_replay(self, recording_id: str, actual: Any, data: Any) -> Any:
        try:
            with step("the replay with other pseudonyms"):
                playback = self.player(recording_id)
                if _unusable(playback) or objection(playback):
                    return None
                again = self.result_extractor(playback.playback_outputs)
                return _as_result(self.comparator(actual, again, **data)).diff
        except StepFailed:
            return None


class StepFailed(Exception):
    """A step of comparing raised; the text is the message of the EqualizerFailure."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Raise StepFailed where the block raises anything but KeyboardInterrupt."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    # Replayed code and a user's functions may raise anything, SystemExit included.
    except BaseException as error:
        # Our own errors say it all in their message, which the comparison has.
        is_own = isinstance(error, PlaybackError)
        _logger.warning("%s failed", name, exc_info=None if is_own else error)
        raise StepFailed(failure_text(name, error)) from error


def failure_text(step_name: str, error: BaseException) -> str:
    """Return the message of an EqualizerFailure for an exception of one of its steps."""
    if isinstance(error, PlaybackError):
        return str(error)
    text = str(error)
    return f"{step_name} failed: {type(error).__name__}{': ' if text else ''}{text}"


def _unusable(playback: Any) -> str | None:
    if hasattr(playback, "recorded_outputs") and hasattr(playback, "playback_outputs"):
        return None
    return (
        f"the player returned {type(playback).__name__}; it has to return a Playback, as"
        " TapeRecorder.play() does"
    )


def _as_result(verdict: Any) -> ComparatorResult:
    if isinstance(verdict, ComparatorResult):
        return verdict
    if isinstance(verdict, EqualityStatus):
        return ComparatorResult(verdict)
    problem = "nothing verified: " if verdict is None else ""
    return ComparatorResult(
        EqualityStatus.EqualizerFailure,
        f"{problem}the comparator returned {verdict!r}; it has to return an EqualityStatus or a"
        " ComparatorResult",
    )


def _with_departures(result: ComparatorResult, playback: Any) -> ComparatorResult:
    is_equal = result.equality_status is EqualityStatus.Equal
    departed = departures(playback, with_outputs=is_equal)
    own = result.diff if isinstance(result.diff, Diff) else Diff()
    listed = own.joined(departed)
    if not listed.ignored:
        return result
    diff = listed if result.diff is None or isinstance(result.diff, Diff) else result.diff
    if not is_equal:
        return replace(result, diff=diff)
    ignored = f"[ignored: {summary_of_ignored(listed)}]"
    return replace(
        result, message=f"{result.message} {ignored}" if result.message else ignored, diff=diff
    )

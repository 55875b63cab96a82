"""Equalizer: replays recordings one after the other and gives each a verdict."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from playback_core.errors import PlaybackError, SettingsError
from playback_core.studio.accounting import departures, objection, summary_of_ignored
from playback_core.studio.comparison import (
    ComparatorResult,
    Comparison,
    EqualityStatus,
    failure,
)
from playback_core.studio.difference import Diff
from playback_core.studio.tuning import Comparator, ComparisonDataExtractor, ResultExtractor

_logger: Final = logging.getLogger("playback.studio")

Player = Callable[[str], Any]
_END: Final[Any] = object()


@dataclass(frozen=True)
class CompareExecutionConfig:
    """How comparisons are run.

    `keep_results_in_comparison` keeps what was compared in `Comparison.expected` and `.actual`.
    The rest is for comparing in dedicated processes: `compare_process_timeout` is seconds. Raise
    SettingsError where a value has no meaning or is not supported.
    """

    keep_results_in_comparison: bool = False
    compare_in_dedicated_process: bool = False
    compare_process_recycle_rate: int = 5
    compare_process_timeout: float = 600

    def __post_init__(self) -> None:
        if self.compare_in_dedicated_process:
            raise SettingsError(
                "compare_in_dedicated_process comes with a later release; leave it False to compare"
                " in this process."
            )
        rate, timeout = self.compare_process_recycle_rate, self.compare_process_timeout
        if type(rate) is not int or rate < 1:
            raise SettingsError(f"compare_process_recycle_rate must be 1 or more, not {rate!r}.")
        if not isinstance(timeout, (int, float)) or not timeout > 0:
            raise SettingsError(f"compare_process_timeout must be above 0, not {timeout!r}.")


class Equalizer:
    """Compares recordings with their replays.

    `player` replays a recording given its id and returns a Playback. The other functions are
    those of an EqualizerTuning.
    """

    def __init__(
        self,
        recording_ids: Iterable[str],
        player: Player,
        result_extractor: ResultExtractor,
        comparator: Comparator,
        comparison_data_extractor: ComparisonDataExtractor | None = None,
        compare_execution_config: CompareExecutionConfig | None = None,
    ) -> None:
        self.recording_ids = recording_ids
        self.player = player
        self.result_extractor = result_extractor
        self.comparator = comparator
        self.comparison_data_extractor = comparison_data_extractor
        self.compare_execution_config = compare_execution_config or CompareExecutionConfig()

    def run_comparison(self) -> Iterator[Comparison]:
        """Yield the comparison of each recording as it is made.

        What goes wrong with one recording is its EqualizerFailure and does not stop the others;
        only KeyboardInterrupt does. Where no further ids can be had, the last comparison is an
        EqualizerFailure with `recording_id` None.
        """
        counts: Counter[str] = Counter()
        try:
            for comparison in self._comparisons():
                counts[comparison.comparator_status.equality_status.name] += 1
                _logger.info("Recording %s: %s", comparison.recording_id, comparison)
                yield comparison
        finally:
            by_status = ", ".join(
                f"{counts[status.name]} {status.name}" for status in EqualityStatus
            )
            _logger.info("Compared %d recordings: %s", counts.total(), by_status)

    def _comparisons(self) -> Iterator[Comparison]:
        recording_ids: Iterator[str] | None = None
        while True:
            try:
                with _step("finding the recordings"):
                    if recording_ids is None:
                        recording_ids = iter(self.recording_ids)
                    recording_id = next(recording_ids, _END)
            except _StepFailed as failed:
                yield failure(str(failed))
                return
            if recording_id is _END:
                return
            yield self._compare(recording_id)

    def _compare(self, recording_id: str) -> Comparison:
        playback = None
        try:
            with _step("the replay"):
                playback = self.player(recording_id)
            with _step("reading the playback"):
                problem = _unusable(playback) or objection(playback)
            if problem is not None:
                return failure(problem, recording_id, playback)
            return self._verdict(recording_id, playback)
        except _StepFailed as failed:
            return failure(str(failed), recording_id, playback)

    def _verdict(self, recording_id: str, playback: Any) -> Comparison:
        with _step("the result extractor, on the recorded outputs,"):
            expected = self.result_extractor(playback.recorded_outputs)
        with _step("the result extractor, on the replayed outputs,"):
            actual = self.result_extractor(playback.playback_outputs)
        with _step("the comparison data extractor"):
            extract = self.comparison_data_extractor
            data = extract(playback.original_recording) if extract is not None else {}
        with _step("the comparator"):
            result = _as_result(self.comparator(expected, actual, **data))
        with _step("reading the playback"):
            result = _with_departures(result, playback)
        keep = self.compare_execution_config.keep_results_in_comparison
        return Comparison(
            result,
            expected if keep else None,
            actual if keep else None,
            isinstance(expected, BaseException),
            isinstance(actual, BaseException),
            playback,
            recording_id,
        )


class _StepFailed(Exception):
    pass


@contextmanager
def _step(name: str) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    # Replayed code and a user's functions may raise anything, SystemExit included.
    except BaseException as error:
        # Our own errors say it all in their message, which the comparison has.
        is_own = isinstance(error, PlaybackError)
        _logger.warning("%s failed", name, exc_info=None if is_own else error)
        raise _StepFailed(failure_text(name, error)) from error


def failure_text(step: str, error: BaseException) -> str:
    """Return the message of an EqualizerFailure for an exception of one of its steps."""
    if isinstance(error, PlaybackError):
        return str(error)
    text = str(error)
    return f"{step} failed: {type(error).__name__}{': ' if text else ''}{text}"


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

"""Equalizer: replays recordings one after the other and gives each a verdict."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from playback_core.studio.comparison import Comparison, EqualityStatus, failure
from playback_core.studio.execution_config import CompareExecutionConfig
from playback_core.studio.recording_comparer import Player, RecordingComparer, StepFailed, step
from playback_core.studio.tuning import Comparator, ComparisonDataExtractor, ResultExtractor

_logger: Final = logging.getLogger("playback.studio")


class Equalizer:
    """Compares recordings with their replays.

    `player` replays a recording given its id and returns a Playback. The other functions are
    those of an EqualizerTuning. `reads_locally` says that the player needs no network to load a
    recording: then a dedicated process may leave it.
    """

    def __init__(
        self,
        recording_ids: Iterable[str],
        player: Player,
        result_extractor: ResultExtractor,
        comparator: Comparator,
        comparison_data_extractor: ComparisonDataExtractor | None = None,
        compare_execution_config: CompareExecutionConfig | None = None,
        *,
        reads_locally: bool = False,
    ) -> None:
        self.recording_ids = recording_ids
        self.player = player
        self.result_extractor = result_extractor
        self.comparator = comparator
        self.comparison_data_extractor = comparison_data_extractor
        self.compare_execution_config = compare_execution_config or CompareExecutionConfig()
        self.reads_locally = reads_locally

    def run_comparison(self) -> Iterator[Comparison]:
        """Yield the comparison of each recording as it is made.

        What goes wrong with one recording is its EqualizerFailure and does not stop the others;
        only KeyboardInterrupt does. Where no further ids can be had, the last comparison is an
        EqualizerFailure with `recording_id` None. Closing the iterator, or dropping it, ends the
        dedicated process. Raise SettingsError, before the first comparison, where what is to be
        compared with cannot be sent to one.
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
        config = self.compare_execution_config
        compare = RecordingComparer(
            player=self.player,
            result_extractor=self.result_extractor,
            comparator=self.comparator,
            comparison_data_extractor=self.comparison_data_extractor,
            keep_results=config.keep_results_in_comparison,
            sandbox=config.sandbox,
            reads_locally=self.reads_locally,
        )
        recording_ids = _RecordingIds(self.recording_ids)
        if config.compare_in_dedicated_process:
            # Most comparisons need no multiprocessing.
            from playback_core.studio.workers import DedicatedProcesses

            with DedicatedProcesses(compare, config) as dedicated:
                yield from dedicated.compare_all(recording_ids)
        else:
            yield from map(compare, recording_ids)
        if recording_ids.failure is not None:
            yield recording_ids.failure


class _RecordingIds:
    """Yields ids; where no further ones can be had, that is its end and `failure` says why."""

    def __init__(self, recording_ids: Iterable[str]) -> None:
        self._recording_ids = recording_ids
        self.failure: Comparison | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            with step("finding the recordings"):
                yield from self._recording_ids
        except StepFailed as failed:
            self.failure = failure(str(failed))

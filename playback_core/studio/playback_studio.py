"""PlaybackStudio: replays and compares many recordings of many categories."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from playback_core.errors import PlaybackError, SettingsError
from playback_core.studio.comparison import Comparison, failure
from playback_core.studio.equalizer import Equalizer
from playback_core.studio.execution_config import CompareExecutionConfig
from playback_core.studio.lookup import RecordingLookupProperties, find_matching_recording_ids
from playback_core.studio.recording_comparer import failure_text
from playback_core.studio.tuning import EqualizerTuner, EqualizerTuning
from playback_core.tape_recorder import TapeRecorder

_logger: Final = logging.getLogger("playback.studio")

NO_CATEGORY: Final = "(not a recording id)"
"""The category of given ids that name none."""


class PlaybackStudio:
    """Replays and compares the recordings of categories, or given recordings.

    `equalizer_tuner` says how for each category. With `recording_ids` (if there are any)
    `categories` and `lookup_properties` are not used. Raise SettingsError where neither is given.
    """

    def __init__(
        self,
        categories: Iterable[str] | None,
        equalizer_tuner: EqualizerTuner,
        tape_recorder: TapeRecorder,
        lookup_properties: RecordingLookupProperties | None = None,
        recording_ids: Iterable[str] | None = None,
        compare_execution_config: CompareExecutionConfig | None = None,
    ) -> None:
        self.categories = _names("categories", categories)
        self.recording_ids = _names("recording_ids", recording_ids)
        if categories is None and not self.recording_ids:
            raise SettingsError("A PlaybackStudio needs categories or recording_ids.")
        self.equalizer_tuner = equalizer_tuner
        self.tape_recorder = tape_recorder
        self.lookup_properties = lookup_properties
        self.compare_execution_config = compare_execution_config

    def play(self) -> dict[str, Iterator[Comparison]]:
        """Return an iterator of comparisons for each category; iterating does the work.

        By default each category has its recordings of the last 7 days, counted from this call,
        20 at most. Given ids make categories that are sorted, with their ids in the given order. A
        tuner that raises or returns None makes one EqualizerFailure with `recording_id` None.
        """
        if self.recording_ids:
            grouped = self._by_category()
            return {
                category: self._compare_category(category, grouped[category])
                for category in sorted(grouped)
            }
        lookup = self.lookup_properties or RecordingLookupProperties(
            start_date=datetime.now(UTC) - timedelta(days=7), limit=20
        )
        return {
            category: self._compare_category(category, self._found(category, lookup))
            for category in self.categories
        }

    def _by_category(self) -> dict[str, list[str]]:
        grouped: dict[str, list[str]] = {}
        cassette = self.tape_recorder.readable_cassette()
        for recording_id in self.recording_ids:
            try:
                category = cassette.extract_recording_category(recording_id)
            except PlaybackError:
                category = NO_CATEGORY
            grouped.setdefault(category, []).append(recording_id)
        return grouped

    def _found(self, category: str, lookup: RecordingLookupProperties) -> Iterator[str]:
        # A generator: the lookup happens, and fails, where the category is iterated.
        yield from find_matching_recording_ids(self.tape_recorder, category, lookup)

    def _compare_category(
        self, category: str, recording_ids: Iterable[str]
    ) -> Iterator[Comparison]:
        _logger.info("Comparing category %s", category)
        if category == NO_CATEGORY:
            for recording_id in recording_ids:
                yield failure(f"Not a recording id: {recording_id!r}.", recording_id)
            return
        try:
            tuning: Any = self.equalizer_tuner.create_category_tuning(category)
        # A user's tuner may raise anything.
        except Exception as error:
            _logger.warning("No tuning for category %s", category, exc_info=error)
            yield failure(failure_text(f"the tuner, for category {category!r},", error))
            return
        if not isinstance(tuning, EqualizerTuning):
            yield failure(
                f"the tuner returned {tuning!r} for category {category!r}; it has to return an"
                " EqualizerTuning"
            )
            return
        yield from self._equalizer(tuning, recording_ids).run_comparison()

    def _equalizer(self, tuning: EqualizerTuning, recording_ids: Iterable[str]) -> Equalizer:
        cassette = self.tape_recorder.tape_cassette
        config = self.compare_execution_config or CompareExecutionConfig()
        return Equalizer(
            recording_ids,
            partial(
                self.tape_recorder.play,
                playback_function=tuning.playback_function,
                sandbox=config.sandbox,
                strict=config.strict,
            ),
            tuning.result_extractor,
            tuning.comparator,
            comparison_data_extractor=tuning.comparison_data_extractor,
            compare_execution_config=self.compare_execution_config,
            reads_locally=cassette is not None and cassette.readable().is_local,
        )


def _names(option: str, names: Iterable[str] | None) -> list[str]:
    if isinstance(names, str):
        raise SettingsError(f"{option} must be a list of names, not the single text {names!r}.")
    return list(dict.fromkeys(names or ()))

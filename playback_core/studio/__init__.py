"""The studio: replays many recordings, compares each with what was recorded, gives verdicts."""

from playback_core.studio.comparison import ComparatorResult, Comparison, EqualityStatus
from playback_core.studio.default_tuner import DefaultTuner
from playback_core.studio.diff import compare_values
from playback_core.studio.difference import Diff, Difference, DifferenceKind
from playback_core.studio.equalizer import Equalizer
from playback_core.studio.execution_config import CompareExecutionConfig
from playback_core.studio.function_replay import replay_function
from playback_core.studio.lookup import RecordingLookupProperties, find_matching_recording_ids
from playback_core.studio.output_comparator import compare_outputs
from playback_core.studio.playback_studio import NO_CATEGORY, PlaybackStudio
from playback_core.studio.tuning import EqualizerTuner, EqualizerTuning, load_tuner

__all__ = [
    "NO_CATEGORY",
    "ComparatorResult",
    "CompareExecutionConfig",
    "Comparison",
    "DefaultTuner",
    "Diff",
    "Difference",
    "DifferenceKind",
    "EqualityStatus",
    "Equalizer",
    "EqualizerTuner",
    "EqualizerTuning",
    "PlaybackStudio",
    "RecordingLookupProperties",
    "compare_outputs",
    "compare_values",
    "find_matching_recording_ids",
    "load_tuner",
    "replay_function",
]

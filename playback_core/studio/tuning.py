"""EqualizerTuner and EqualizerTuning: the functions that replay and compare a category."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playback_core.errors import SettingsError
from playback_core.importing import import_named, loading
from playback_core.recording import Output, Recording

PlaybackFunction = Callable[[Recording], Any]
ResultExtractor = Callable[[list[Output]], Any]
Comparator = Callable[..., Any]
ComparisonDataExtractor = Callable[[Recording], Mapping[str, Any]]


@dataclass(frozen=True)
class EqualizerTuning:
    """The functions for one category.

    `playback_function` runs the recorded operation again. `result_extractor` makes of a run's
    outputs what is compared. `comparator` is called with the recorded and the replayed result, and
    with what `comparison_data_extractor` made of the recording as keyword arguments; it returns
    an EqualityStatus or a ComparatorResult.
    """

    playback_function: PlaybackFunction
    result_extractor: ResultExtractor
    comparator: Comparator
    comparison_data_extractor: ComparisonDataExtractor | None = None

    def __post_init__(self) -> None:
        for name in ("playback_function", "result_extractor", "comparator"):
            if not callable(getattr(self, name)):
                raise SettingsError(f"{name} must be a function, not {getattr(self, name)!r}.")
        extractor = self.comparison_data_extractor
        if extractor is not None and not callable(extractor):
            raise SettingsError(
                f"comparison_data_extractor must be a function or None, not {extractor!r}."
            )


class EqualizerTuner(ABC):
    """Picks the tuning of each category."""

    @abstractmethod
    def create_category_tuning(self, category: str) -> EqualizerTuning:
        """Return the tuning of a category; raise where there is none."""


def load_tuner(name: str) -> EqualizerTuner:
    """Import the tuner that a setting names as `module:attribute`.

    The attribute is a tuner, or a class or function that makes one without arguments. Raise
    SettingsError where it can't be imported or made, or is no tuner.
    """
    module_name, _, path = name.partition(":")
    if not (module_name and path):
        raise SettingsError(f"Not a tuner's name: {name!r}; write module:attribute.")
    subject = f"The tuner {name!r}"
    _, found = import_named(name, subject)
    if not isinstance(found, EqualizerTuner) and callable(found):
        with loading(subject):
            found = found()
    if not callable(getattr(found, "create_category_tuning", None)):
        raise SettingsError(
            f"{name!r} is no tuner: it has no create_category_tuning(category); derive it from"
            " EqualizerTuner."
        )
    tuner: EqualizerTuner = found
    return tuner

"""TaskRules: what the settings say of tasks, made ready for each of them."""

from dataclasses import dataclass, field
from typing import Final

from playback_core.recording_session import RecordingParameters
from playback_core.settings import Settings

_HOUSEKEEPING: Final = frozenset({"celery.chord_unlock", "celery.backend_cleanup"})


@dataclass(frozen=True, slots=True)
class TaskRules:
    """What is the same for all runs of a task of an application."""

    settings: Settings
    _parameters: dict[str, RecordingParameters] = field(default_factory=dict)
    _selected: dict[str, bool] = field(default_factory=dict)

    def selects(self, name: str) -> bool:
        """Tell whether a task is recorded; Celery's housekeeping only where INCLUDE names it."""
        known = self._selected.get(name)
        if known is None:
            settings = self.settings
            is_left_out = name in _HOUSEKEEPING and not settings.include
            known = self._selected[name] = settings.selects(name) and not is_left_out
        return known

    def parameters_of(self, name: str) -> RecordingParameters:
        """Return how a task is recorded: its share of the sampling."""
        known = self._parameters.get(name)
        if known is None:
            rate = self.settings.sampling_rate(name)
            known = self._parameters[name] = RecordingParameters(sampling_rate=rate)
        return known

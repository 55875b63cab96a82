"""ExchangeRules: what the settings say of requests, made ready for each of them."""

from dataclasses import dataclass, field

from playback_core.http_redaction import HttpRedactor
from playback_core.recording_session import RecordingParameters
from playback_core.settings import Settings


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """What is the same for all exchanges of an application; `static` its categories of files."""

    settings: Settings
    redactor: HttpRedactor
    static: frozenset[str] = frozenset({"static"})
    _parameters: dict[str, RecordingParameters] = field(default_factory=dict)

    def selects(self, category: str, path: str) -> bool:
        """Tell whether a request is to be recorded; of static files only what INCLUDE names is."""
        settings = self.settings
        if not settings.include and (category in self.static or category.endswith(".static")):
            return False
        return settings.selects(category, path)

    def parameters_of(self, category: str) -> RecordingParameters:
        """Return how a category is recorded: its share of the sampling."""
        known = self._parameters.get(category)
        if known is None:
            rate = self.settings.sampling_rate(category)
            known = self._parameters[category] = RecordingParameters(sampling_rate=rate)
        return known

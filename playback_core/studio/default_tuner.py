"""DefaultTuner: replays by the kind of the recording and compares all outputs."""

from collections.abc import Mapping
from typing import Any, Final

from playback_core.errors import SettingsError, TapeRecorderException
from playback_core.metadata import KIND
from playback_core.recording import Output, Recording
from playback_core.studio.function_replay import replay_function
from playback_core.studio.output_comparator import compare_outputs
from playback_core.studio.tuning import EqualizerTuner, EqualizerTuning, PlaybackFunction

_FUNCTION: Final = "function"
_BLOCK: Final = "block"


class DefaultTuner(EqualizerTuner):
    """Tunes every category the same way, so that none need be tuned.

    `players` maps a kind of recording (`flask`, ...) to the function that replays it, as the
    adapters give them; the kind `function` is built in and may be replaced. Everything an operation
    put out is compared by `compare_outputs`. Raise SettingsError where a player is no function.
    """

    def __init__(self, players: Mapping[str, PlaybackFunction] | None = None) -> None:
        self._players: dict[str, PlaybackFunction] = {_FUNCTION: replay_function, **(players or {})}
        for kind, player in self._players.items():
            if not callable(player):
                raise SettingsError(f"The player of kind {kind!r} is no function: {player!r}.")

    def create_category_tuning(self, category: str) -> EqualizerTuning:
        """Return the tuning, which is that of all categories."""
        return EqualizerTuning(self._play, _all_outputs, compare_outputs)

    def _play(self, recording: Recording) -> Any:
        kind = recording.get_metadata().get(KIND)
        player = self._players.get(kind) if isinstance(kind, str) else None
        if player is None:
            raise TapeRecorderException(self._no_player(recording, kind))
        return player(recording)

    def _no_player(self, recording: Recording, kind: Any) -> str:
        advice = "Give its category a playback function of its own in an EqualizerTuner"
        if kind is not None and kind != _BLOCK:
            advice += f", or replay it with the adapter for {kind}, which has a player for it"
        return (
            f"Recording {recording.id} is of kind {kind!r}; there are players for"
            f" {', '.join(sorted(self._players))}. {advice}."
        )


def _all_outputs(outputs: list[Output]) -> list[Output]:
    return outputs

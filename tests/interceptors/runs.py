"""Records one run of an operation, and replays it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from playback_core import TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.metadata import DATABASES
from playback_core.packing import Redaction
from playback_core.playback import Playback
from playback_core.recording import Recording


class Runs:
    """An operation, recorded when this is made: `result` is what it came to."""

    def __init__(
        self,
        operation: Callable[[], Any],
        redaction: Redaction | None = None,
        *,
        recorder: TapeRecorder | None = None,
    ) -> None:
        self.recorder = recorder or TapeRecorder(InMemoryTapeCassette())
        if redaction is not None:
            self.recorder.redaction = redaction
        self._operation = operation
        decorated = self.recorder.operation(category="work")(operation)
        with self.recorder.enabled_recording():
            self.result = decorated()
        (self.recording_id,) = self.recorder.tape_cassette.iter_recording_ids("work")

    @property
    def recording(self) -> Recording:
        """The recording as it is stored."""
        return self.recorder.tape_cassette.get_recording(self.recording_id)

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Kind and alias of all that was recorded, but for which databases were used."""
        entries = self.recording.entries
        return [(each.kind.name, each.alias) for each in entries if each.alias != DATABASES]

    @property
    def databases(self) -> dict[str, list[str]]:
        """The addresses of the databases that the operation itself has used, by library."""
        stored: dict[str, list[str]] = self.recording.get_data(DATABASES)
        return stored

    @property
    def aliases(self) -> list[str]:
        """What was intercepted, in order, without reads of clock and random numbers."""
        return [entry.alias for entry in self.recording.entries if entry.kind in (1, 2)][:-1]

    def replayed(self, operation: Callable[[], Any] | None = None) -> Replayed:
        """Replay it sealed, or another operation in its place."""
        decorated = self.recorder.operation(category="work")(operation or self._operation)
        results: list[Any] = []

        def play(recording: Recording) -> None:
            results.append(decorated())

        playback = self.recorder.play(self.recording_id, play)
        return Replayed(results[0] if results else None, playback)

    def replayed_the_same(self) -> Replayed:
        """Replay it sealed; it must come to the same and ask for and send just what it did."""
        assert self.recorder.counters == {"recorded": 1}
        replay = self.replayed()
        assert replay.result == self.result
        assert replay.is_equal
        assert replay.playback.never_consumed == []
        return replay


class Replayed(NamedTuple):
    """What a replay came to; a result of None is also that of an operation that raised."""

    result: Any
    playback: Playback

    @property
    def is_equal(self) -> bool:
        """Tell whether nothing was missed, moved or sent otherwise."""
        playback = self.playback
        return (
            not (playback.missed or playback.moved or playback.repeated)
            and playback.playback_outputs == playback.recorded_outputs
        )

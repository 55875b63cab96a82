"""Recording and replaying one operation, as the tests of interceptors do it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playback_core import TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.playback import Playback


@dataclass
class Recorded:
    """One recorded run of an operation: its `result`, and how to run it again."""

    recorder: TapeRecorder
    recording_id: str
    result: Any

    def replay(self, operation: Callable[[], Any]) -> tuple[Any, Playback]:
        """Run an operation against the recording, sealed; return its result and the playback."""
        results: list[Any] = []
        decorated = self.recorder.operation(category="work")(operation)
        playback = self.recorder.play(self.recording_id, lambda _: results.append(decorated()))
        return (results or [None])[0], playback

    @property
    def recording(self) -> Any:
        """The recording as it is stored."""
        return self.recorder.tape_cassette.get_recording(self.recording_id)


def record(operation: Callable[[], Any], recorder: TapeRecorder | None = None) -> Recorded:
    """Record one run of an operation."""
    recorder = recorder or TapeRecorder(InMemoryTapeCassette())
    decorated = recorder.operation(category="work")(operation)
    with recorder.enabled_recording():
        result = decorated()
    (recording_id,) = recorder.tape_cassette.iter_recording_ids("work")
    return Recorded(recorder, recording_id, result)


def entries(recorded: Recorded) -> list[tuple[str, str]]:
    """Return kind and alias of the recorded calls."""
    return [(each.kind.name, each.alias) for each in recorded.recording.entries]

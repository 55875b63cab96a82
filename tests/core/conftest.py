"""What the tests of the recorder share: a recorder that is on, and its last recording."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, Playback, Recording, TapeRecorder


@pytest.fixture
def cassette() -> InMemoryTapeCassette:
    return InMemoryTapeCassette()


@pytest.fixture
def recorder(cassette: InMemoryTapeCassette) -> Iterator[TapeRecorder]:
    recorder = TapeRecorder(cassette, random_seed=1)
    with recorder.enabled_recording():
        yield recorder


@pytest.fixture
def last_recording(cassette: InMemoryTapeCassette) -> Callable[[], Recording]:
    """Return a function that loads the recording made last."""

    def load() -> Recording:
        recording_id = cassette.get_last_recording_id()
        assert recording_id is not None, "nothing was recorded"
        return cassette.get_recording(recording_id)

    return load


@pytest.fixture
def replay(
    recorder: TapeRecorder, last_recording: Callable[[], Recording]
) -> Callable[[Callable[[], Any]], Playback]:
    """Return a function that replays the recording made last by calling what it is given."""
    return lambda run: recorder.play(last_recording().id, lambda recording: run())

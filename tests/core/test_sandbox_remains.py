"""What a replayed operation leaves behind: callbacks for later, finalizers, garbage."""

import atexit
import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, Playback, SideEffectBlocked, TapeRecorder


class Owner:
    """What a finalizer can be of."""


class Cycle:
    """What only the collector finds."""

    def __init__(self, ended: Callable[[], Any]) -> None:
        self.ended = ended
        self.itself = self

    def __del__(self) -> None:
        self.ended()


@pytest.fixture
def play(recorder: TapeRecorder) -> Iterator[Callable[..., Playback]]:
    """Replay a recorded operation that did nothing as one that runs a function."""
    operation = recorder.operation(category="left")(lambda run: run())
    operation(lambda: None)
    recorder.disable_recording()
    cassette = recorder.tape_cassette
    assert isinstance(cassette, InMemoryTapeCassette)
    recording_id = cassette.get_last_recording_id()
    assert recording_id is not None

    def play(run: Callable[[], Any], **options: Any) -> Playback:
        return recorder.play(recording_id, lambda _: operation(run), **options)

    yield play
    # Python 3.12 freezes immortal objects by itself.
    assert gc.get_freeze_count() < 5_000


def test_a_finalizer_of_a_replay_is_refused_when_it_runs_later(
    play: Callable[..., Playback], tmp_path: Path
) -> None:
    owner = Owner()
    finalizers: list[Any] = []
    written = tmp_path / "written"
    playback = play(lambda: finalizers.append(weakref.finalize(owner, written.touch)))
    with pytest.raises(SideEffectBlocked, match="written"):
        finalizers[0]()
    assert not written.exists()
    assert "written" in playback.late[0]
    assert playback.missed == []


def test_a_finalizer_that_reaches_nothing_runs_with_its_arguments(
    play: Callable[..., Playback],
) -> None:
    owners, told = [Owner()], []
    play(lambda: weakref.finalize(owners[0], lambda *args, **kw: told.append((args, kw)), 1, a=2))
    owners.clear()
    assert told == [((1,), {"a": 2})]


def test_a_callback_for_the_exit_can_be_taken_back(play: Callable[..., Playback]) -> None:
    callbacks = [lambda: None]
    kept = weakref.ref(callbacks[0])
    play(lambda: callbacks.append(atexit.register(callbacks[0])))
    assert callbacks[1] is callbacks[0]
    atexit.unregister(callbacks[0])
    callbacks.clear()
    gc.collect()
    # Nobody keeps it for the exit.
    assert kept() is None


def test_garbage_of_a_replay_is_collected_sealed_and_no_other(
    play: Callable[..., Playback], tmp_path: Path
) -> None:
    seen: list[str] = []
    written = tmp_path / "written"

    def end_of_replayed() -> None:
        seen.append("within")
        with suppress(SideEffectBlocked):
            written.touch()

    gc.disable()
    try:
        Cycle(lambda: seen.append("before"))
        playback = play(lambda: Cycle(end_of_replayed))
        assert seen == ["within"]
    finally:
        gc.enable()
        gc.collect()
    assert seen == ["within", "before"]
    assert "written" in playback.late[0]
    assert not written.exists()


def test_what_an_application_has_frozen_stays_so(
    play: Callable[..., Playback],
) -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        play(lambda: None)
        assert gc.get_freeze_count() > frozen // 2
    finally:
        gc.unfreeze()

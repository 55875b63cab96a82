import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from playback_core import Playback, RecordingKeyError, TapeRecorder
from playback_core.studio import DefaultTuner, EqualityStatus, PlaybackStudio

Replay = Callable[[Callable[[], Any]], Playback]


@pytest.fixture
def miss(recorder: TapeRecorder, replay: Replay) -> Callable[..., Playback]:
    """Record one call of an input and replay another one, the error swallowed or not."""

    def miss(recorded: Any, replayed: Any, *, swallows: bool = False) -> Playback:
        passed = recorded

        @recorder.intercept_input("price")
        def price(query: Any, *, currency: str = "EUR") -> int:
            return 3

        @recorder.operation()
        def execute() -> int:
            if not swallows:
                return price(passed, currency="EUR")
            try:
                return price(passed, currency="EUR")
            except Exception:  # noqa: BLE001 - what applications do
                return 3

        execute()
        passed = replayed
        return replay(execute)

    return miss


def test_the_message_names_the_call_the_recording_and_what_differs(
    miss: Callable[..., Playback],
) -> None:
    with pytest.raises(RecordingKeyError) as raised:
        miss({"sku": "a", "size": 1}, {"sku": "b", "size": 1})

    message = str(raised.value)
    assert "Not in recording" in message
    assert 'input: price args=[{"size": 1, "sku": "b"}], kwargs={"currency": "EUR"}' in message
    assert 'args[0][\'sku\'] was "a", is "b"' in message
    assert "size'] was" not in message


def test_a_swallowed_miss_is_on_the_playback(miss: Callable[..., Playback]) -> None:
    playback = miss("a", "b", swallows=True)

    assert playback.playback_outputs == playback.recorded_outputs
    (missed,) = playback.missed
    assert missed.alias == "price"
    assert missed.key == 'input: price args=["b"], kwargs={"currency": "EUR"}'
    assert 'args[0] was "a", is "b"' in missed.message


def test_a_replay_without_misses_has_none(miss: Callable[..., Playback]) -> None:
    playback = miss("a", "a")

    assert playback.missed == playback.substituted == playback.late == []


def test_each_miss_is_listed(recorder: TapeRecorder, replay: Replay) -> None:
    names = ["a"]
    read = recorder.intercept_input("read")(lambda name: name)

    @recorder.operation()
    def execute() -> None:
        for name in names:
            try:
                read(name)
            except RecordingKeyError:
                continue

    execute()
    names.extend("bc")
    playback = replay(execute)

    assert [each.key for each in playback.missed] == [
        'input: read args=["b"], kwargs={}',
        'input: read args=["c"], kwargs={}',
    ]


def test_what_a_replay_raises_is_the_first_one_whatever_was_missed_while_it_was_handled(
    recorder: TapeRecorder, replay: Replay
) -> None:
    names = ["a"]
    read = recorder.intercept_input("read")(lambda name: name)
    undo = recorder.intercept_output("undo")(lambda: None)

    @recorder.operation()
    def execute() -> None:
        for name in names:
            try:
                read(name)
            except RecordingKeyError:
                undo()
                raise

    execute()
    names.append("b")
    with pytest.raises(RecordingKeyError, match=r'input: read args=\["b"\]') as raised:
        replay(execute)

    assert "output: undo" in str(raised.value.__cause__)


def test_one_in_a_thread_whose_error_is_lost_is_on_the_playback(
    recorder: TapeRecorder, replay: Replay
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    name = "a"
    read = recorder.intercept_input("read")(lambda name: name)

    @recorder.operation()
    def execute() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(read, name)

    execute()
    name = "b"

    assert len(replay(execute).missed) == 1


def test_one_in_a_gathered_task_whose_error_is_returned_is_on_the_playback(
    recorder: TapeRecorder, replay: Replay
) -> None:
    name = "a"

    @recorder.intercept_input("read")
    async def read(name: str) -> str:
        return name

    @recorder.operation()
    async def execute() -> None:
        await asyncio.gather(read(name), return_exceptions=True)

    asyncio.run(execute())
    name = "b"

    assert len(replay(execute).missed) == 1


module_recorder = TapeRecorder()
wanted = "a"


@module_recorder.intercept_input("read")
def read(name: str) -> str:
    return name


@module_recorder.operation()
def swallowing() -> str:
    try:
        return read(wanted)[:0]
    except Exception:  # noqa: BLE001 - what applications do
        return ""


def test_a_swallowed_miss_fails_the_comparison_and_names_the_call(
    monkeypatch: pytest.MonkeyPatch, cassette: Any
) -> None:
    monkeypatch.setattr(module_recorder, "tape_cassette", cassette)
    with module_recorder.enabled_recording():
        swallowing()
    monkeypatch.setitem(globals(), "wanted", "b")

    studio = PlaybackStudio(["swallowing"], DefaultTuner(), module_recorder)
    (comparison,) = studio.play()["swallowing"]

    verdict = comparison.comparator_status
    assert verdict.equality_status is EqualityStatus.EqualizerFailure
    assert 'input: read args=["b"], kwargs={}' in str(verdict)
    assert 'args[0] was "a", is "b"' in str(verdict)


def test_a_declared_answer_that_cannot_be_copied_is_given_as_it_is(
    recorder: TapeRecorder, replay: Replay
) -> None:
    lock = threading.Lock()
    price = recorder.intercept_input("price", value_when_missing=lock)(lambda sku: 3)
    asked = "a"
    execute = recorder.operation()(lambda: price(asked) is lock)
    execute()
    asked = "b"
    assert replay(execute).playback_outputs[-1].value["args"] == [True]

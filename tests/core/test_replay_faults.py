"""What goes wrong in a replay is noted, so that code that swallows the error cannot hide it."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Queue
from typing import Any

import pytest

from playback_core import Playback, TapeRecorder, TapeRecorderException
from playback_core.studio import EqualityStatus, Equalizer


@pytest.fixture
def replay_changed(
    recorder: TapeRecorder, replay: Callable[..., Playback]
) -> Callable[..., Playback]:
    """Return a function that records an operation of one argument, and replays it with another.

    It takes the operation, what to record it with, and what to replay it with.
    """

    def run(operation: Callable[[Any], Any], recorded: Any = 1, replayed: Any = 2) -> Playback:
        decorated = recorder.operation(category="op")(operation)
        started = decorated(recorded)
        if inspect.isawaitable(started):
            asyncio.run(started)
        return replay(lambda: decorated(replayed))

    return run


def test_a_failing_list_of_fallback_aliases_is_noted(recorder, replay_changed):
    @recorder.intercept_input("number", fallback_aliases=lambda number: None)
    def read(number):
        return number

    def operation(wanted):
        with suppress(TapeRecorderException):
            read(wanted)
        return "ok"

    assert [miss.alias for miss in replay_changed(operation).missed] == ["number"]


def test_a_failing_function_for_what_is_missing_is_noted(recorder, replay_changed):
    def unavailable(number):
        raise LookupError("none")

    @recorder.intercept_input("number", value_when_missing=unavailable)
    def read(number):
        return number

    def operation(wanted):
        with suppress(LookupError):
            read(wanted)
        return "ok"

    assert "LookupError" in replay_changed(operation).missed[0].message


def test_a_stand_in_that_is_used_makes_the_replay_fail(recorder, replay_changed):
    @recorder.intercept_input("lock")
    def lock():
        return {"lock": threading.Lock()}

    def operation(result):
        try:
            with lock()["lock"]:
                return result
        except Exception:  # noqa: BLE001 - what an application may do
            return "ok"

    operation.__module__ = "elsewhere"
    playback = replay_changed(operation, recorded="ok", replayed="changed")
    assert "lock" in playback.missed[0].message


def test_a_replay_that_does_not_run_the_operation_is_not_equal(recorder, last_recording):
    recorder.operation(category="op")(lambda: 1)()
    equalizer = Equalizer(
        [last_recording().id],
        lambda each: recorder.play(each, lambda recording: None),
        lambda outputs: None,
        lambda recorded, replayed: EqualityStatus.Equal,
    )
    (comparison,) = equalizer.run_comparison()
    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
    assert "did not run" in str(comparison.comparator_status)


def test_a_call_that_ran_for_real_in_an_older_thread_is_listed(recorder, replay_changed):
    jobs, sent = Queue(), []

    @recorder.intercept_output("send")
    def send(text):
        sent.append(text)

    def work():
        while (job := jobs.get()) is not None:
            send(job)
            jobs.task_done()

    def operation(text):
        jobs.put(text)
        jobs.join()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        playback = replay_changed(operation, recorded="text", replayed="text")
    finally:
        jobs.put(None)
        worker.join()
    assert sent == ["text", "text"]
    assert playback.outside == ["send"]


def test_an_input_that_timed_out_times_out_again(recorder, replay_changed):
    @recorder.intercept_input("slow")
    async def slow():
        await asyncio.sleep(30)

    async def operation(seconds):
        try:
            await asyncio.wait_for(slow(), seconds)
        except TimeoutError:
            return "timed out"

    playback = replay_changed(operation, recorded=0.05, replayed=0.05)
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


@pytest.mark.parametrize("kind", ["input", "output"])
def test_a_default_is_fresh_for_each_call(recorder, replay_changed, kind):
    if kind == "input":
        decorator = recorder.intercept_input("list", value_when_missing=[])
    else:
        decorator = recorder.intercept_output(
            "list", fail_on_no_recorded_result=False, default_result_when_not_recorded=[]
        )

    @decorator
    def listed(number):
        return []

    def operation(calls):
        found = [listed(number) for number in range(calls)]
        for each in found:
            each.append("mine")
        return found

    playback = replay_changed(operation, recorded=0, replayed=3)
    assert playback.playback_outputs[-1].value["args"] == [[["mine"]] * 3]


def test_an_async_function_for_what_is_missing_is_awaited(recorder, replay_changed):
    async def unavailable(number):
        return -number

    @recorder.intercept_input("number", value_when_missing=unavailable)
    async def read(number):
        return number

    async def operation(wanted):
        return await read(wanted)

    assert replay_changed(operation).playback_outputs[-1].value["args"] == [-2]

"""What goes wrong in a replay is noted, so that code that swallows the error cannot hide it."""

import asyncio
import threading
from queue import Queue

import pytest

from playback_core import InMemoryTapeCassette, TapeRecorder, TapeRecorderException
from playback_core.studio import DefaultTuner, PlaybackStudio


@pytest.fixture
def recorder():
    return TapeRecorder(InMemoryTapeCassette())


def record(recorder, operation):
    with recorder.enabled_recording():
        operation()
    return recorder.tape_cassette.get_last_recording_id()


def verdict(recorder, recording_id):
    studio = PlaybackStudio(None, DefaultTuner(), recorder, recording_ids=[recording_id])
    ((comparison,),) = [list(comparisons) for comparisons in studio.play().values()]
    return comparison.comparator_status


def test_a_failing_list_of_fallback_aliases_is_noted(recorder):
    wanted = [1]

    @recorder.intercept_input("number", fallback_aliases=lambda number: None)
    def read(number):
        return number

    @recorder.operation(category="op")
    def operation():
        try:
            read(wanted[0])
        except TapeRecorderException:
            return "ok"
        return "ok"

    recording_id = record(recorder, operation)
    wanted[0] = 2
    playback = recorder.play(recording_id, lambda recording: operation())
    assert [miss.alias for miss in playback.missed] == ["number"]


def test_a_failing_function_for_what_is_missing_is_noted(recorder):
    def unavailable(number):
        raise LookupError("none")

    wanted = [1]

    @recorder.intercept_input("number", value_when_missing=unavailable)
    def read(number):
        return number

    @recorder.operation(category="op")
    def operation():
        try:
            read(wanted[0])
        except LookupError:
            return "ok"
        return "ok"

    recording_id = record(recorder, operation)
    wanted[0] = 2
    playback = recorder.play(recording_id, lambda recording: operation())
    assert "LookupError" in playback.missed[0].message


def test_a_stand_in_that_is_used_makes_the_replay_fail(recorder):
    result = ["ok"]

    @recorder.intercept_input("lock")
    def lock():
        return {"lock": threading.Lock()}

    def operation():
        try:
            with lock()["lock"]:
                return result[0]
        except Exception:  # noqa: BLE001 - what an application may do
            return "ok"

    operation.__module__ = "elsewhere"
    decorated = recorder.operation(category="op")(operation)
    recording_id = record(recorder, decorated)
    result[0] = "changed"
    playback = recorder.play(recording_id, lambda recording: decorated())
    assert "lock" in playback.missed[0].message


def test_a_replay_that_does_not_run_the_operation_is_not_equal(recorder):
    @recorder.operation(category="op")
    def operation():
        return 1

    recording_id = record(recorder, operation)
    from playback_core.studio import EqualityStatus, Equalizer

    equalizer = Equalizer(
        [recording_id],
        lambda each: recorder.play(each, lambda recording: None),
        lambda outputs: None,
        lambda recorded, replayed: EqualityStatus.Equal,
    )
    (comparison,) = equalizer.run_comparison()
    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
    assert "did not run" in str(comparison.comparator_status)


def test_a_call_that_ran_for_real_in_an_older_thread_is_listed(recorder):
    jobs, sent = Queue(), []

    @recorder.intercept_output("send")
    def send(text):
        sent.append(text)

    def work():
        while (job := jobs.get()) is not None:
            send(job)
            jobs.task_done()

    worker = threading.Thread(target=work)
    worker.start()
    try:

        @recorder.operation(category="op")
        def operation():
            jobs.put("text")
            jobs.join()

        recording_id = record(recorder, operation)
        playback = recorder.play(recording_id, lambda recording: operation())
    finally:
        jobs.put(None)
        worker.join()
    assert sent == ["text", "text"]
    assert playback.outside == ["send"]


def test_an_input_that_timed_out_times_out_again(recorder):
    @recorder.intercept_input("slow")
    async def slow():
        await asyncio.sleep(30)

    @recorder.operation(category="op")
    async def operation():
        try:
            await asyncio.wait_for(slow(), 0.05)
        except TimeoutError:
            return "timed out"

    recording_id = record(recorder, lambda: asyncio.run(operation()))
    playback = recorder.play(recording_id, lambda recording: operation())
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


@pytest.mark.parametrize("kind", ["input", "output"])
def test_a_default_is_fresh_for_each_call(recorder, kind):
    calls = [0]
    if kind == "input":
        decorator = recorder.intercept_input("list", value_when_missing=[])
    else:
        decorator = recorder.intercept_output(
            "list", fail_on_no_recorded_result=False, default_result_when_not_recorded=[]
        )

    @decorator
    def listed(number):
        return []

    @recorder.operation(category="op")
    def operation():
        found = [listed(number) for number in range(calls[0])]
        for each in found:
            each.append("mine")
        return found

    recording_id = record(recorder, operation)
    calls[0] = 3
    playback = recorder.play(recording_id, lambda recording: operation())
    assert playback.playback_outputs[-1].value["args"] == [[["mine"]] * 3]


def test_an_async_function_for_what_is_missing_is_awaited(recorder):
    wanted = [1]

    async def unavailable(number):
        return -number

    @recorder.intercept_input("number", value_when_missing=unavailable)
    async def read(number):
        return number

    @recorder.operation(category="op")
    async def operation():
        return await read(wanted[0])

    recording_id = record(recorder, lambda: asyncio.run(operation()))
    wanted[0] = 2
    playback = recorder.play(recording_id, lambda recording: operation())
    assert playback.playback_outputs[-1].value["args"] == [-2]

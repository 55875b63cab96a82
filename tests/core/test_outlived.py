"""Threads that outlive their recorded operation.

In a replay, where nothing takes its time, they may get further than they were recorded.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from playback_core import Playback, TapeRecorder, TapeRecorderException

Replay = Callable[[Callable[[], Any]], Playback]


class Outliving:
    """An operation whose thread sends something, and calls `beyond` when it has ended."""

    def __init__(self, recorder: TapeRecorder) -> None:
        self.way, self.sent, self.is_waited_for = "thread", "begun", False
        self.beyond: Callable[[], Any] = lambda: None
        self.own: Callable[[], Any] = lambda: None
        self.has_sent, self.goes_on = threading.Event(), threading.Event()
        self.wait: Callable[[], Any] = lambda: None
        self.pool = ThreadPoolExecutor(1)
        self.send = recorder.intercept_output("send")(lambda value: None)
        lenient = recorder.intercept_output("late output", fail_on_no_recorded_result=False)
        self.calls: dict[str, Callable[[], Any]] = {
            "input": recorder.intercept_input("late input")(lambda: 1),
            "output": recorder.intercept_output("late output")(lambda: None),
            "output without a result": lenient(lambda: None),
        }
        self.execute = recorder.operation()(self._execute)

    def record(self, beyond: Callable[[], Any]) -> None:
        self.beyond = beyond
        if self.is_waited_for:
            self.goes_on.set()
        self.execute()
        self.goes_on.set()
        self.wait()

    def replay_further(self, replay: Replay) -> Playback:
        self.is_waited_for = True
        return replay(self.execute)

    def _execute(self) -> None:
        self.wait = self._start()
        self.has_sent.wait(10)
        if self.is_waited_for:
            self.wait()
        with suppress(TapeRecorderException):
            self.own()

    def _start(self) -> Callable[[], Any]:
        if self.way == "pool":
            return self.pool.submit(self._work).result
        thread = threading.Thread(target=self._work)
        thread.start()
        return thread.join

    def _work(self) -> None:
        self.send(self.sent)
        self.has_sent.set()
        self.goes_on.wait(10)
        with suppress(TapeRecorderException):
            self.beyond()


@pytest.fixture
def worker(recorder: TapeRecorder) -> Iterator[Outliving]:
    worker = Outliving(recorder)
    yield worker
    worker.pool.shutdown()


@pytest.mark.parametrize("kind", ["input", "output", "output without a result"])
@pytest.mark.parametrize("way", ["thread", "pool"])
def test_what_was_not_recorded_of_it_is_late_and_no_miss(
    worker: Outliving, replay: Replay, kind: str, way: str
) -> None:
    worker.way = way
    worker.record(beyond=worker.calls[kind])
    playback = worker.replay_further(replay)

    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs
    listed = playback.late + [each.key for each in playback.substituted]
    assert len(listed) == 1
    assert kind.partition(" ")[0] in listed[0]


def test_what_was_recorded_of_it_is_compared(worker: Outliving, replay: Replay) -> None:
    worker.record(beyond=worker.calls["output"])
    worker.sent = "changed"
    playback = worker.replay_further(replay)
    assert playback.playback_outputs != playback.recorded_outputs


def test_what_others_miss_is_a_miss(worker: Outliving, replay: Replay) -> None:
    worker.record(beyond=lambda: None)
    worker.own = worker.calls["input"]
    playback = worker.replay_further(replay)
    assert [miss.alias for miss in playback.missed] == ["late input"]


def test_a_thread_that_ends_before_its_operation_may_miss_nothing(
    worker: Outliving, replay: Replay
) -> None:
    worker.is_waited_for = True
    worker.record(beyond=lambda: None)
    worker.beyond = worker.calls["output"]
    playback = worker.replay_further(replay)
    assert [miss.alias for miss in playback.missed] == ["late output"]


class TestThreadsThatHadEnded:
    def test_they_end_in_a_replay_though_nothing_takes_its_time_there(self, recorder, replay):
        send = recorder.intercept_output("send")(lambda value: None)

        def work() -> None:
            threading.Event().wait(0.01)
            send("done")

        @recorder.operation()
        def execute() -> None:
            threading.Thread(target=work).start()
            time.sleep(0.1)

        execute()
        playback = replay(execute)
        assert (playback.missed, playback.late) == ([], [])
        assert playback.playback_outputs == playback.recorded_outputs

    def test_what_a_new_one_sends_is_not_lost(self, recorder, replay):
        send = recorder.intercept_output("send")(lambda value: None)
        works: list[threading.Thread] = []

        def work() -> None:
            threading.Event().wait(0.01)
            with suppress(TapeRecorderException):
                send("new")

        @recorder.operation()
        def execute() -> None:
            for thread in works:
                thread.start()

        execute()
        works.append(threading.Thread(target=work))
        assert [miss.alias for miss in replay(execute).missed] == ["send"]

    def test_one_that_runs_on_is_listed(self, recorder, replay):
        goes_on, works = threading.Event(), []

        @recorder.operation()
        def execute() -> None:
            for thread in works:
                thread.start()

        execute()
        works.append(threading.Thread(target=goes_on.wait))
        (late,) = replay(execute).late
        goes_on.set()
        assert "Thread 0 of the operation still ran" in late

import asyncio
import gc
import multiprocessing
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    Playback,
    Recording,
    SQLiteTapeCassette,
    TapeRecorder,
    TapeRecorderException,
)

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


class Shop:
    """An operation that checks by itself that nothing of another one got into it."""

    def __init__(self, recorder: TapeRecorder) -> None:
        self.read = recorder.intercept_input("read")(self._read)
        self.read_later = recorder.intercept_input("read")(self._read_later)
        self.send = recorder.intercept_output("send")(lambda value: value)
        extract = recorder.operation(lambda number: {"number": number}, category="shop")
        self.execute = extract(self._execute)
        self.execute_later = extract(self._execute_later)

    def _read(self, number: int, step: int) -> tuple[int, int]:
        if step % 2:
            time.sleep(0)
        return number, step

    async def _read_later(self, number: int, step: int) -> tuple[int, int]:
        await asyncio.sleep(0)
        return number, step

    def _execute(self, number: int) -> int:
        for step in range(3):
            self.read(number, step)
        self.send(number)
        return number

    async def _execute_later(self, number: int) -> int:
        for step in range(3):
            await self.read_later(number, step)
        self.send(number)
        return number


def assert_whole_and_unmixed(cassette: Any, numbers: range) -> None:
    seen = []
    for recording_id in cassette.iter_recording_ids("shop"):
        recording = cassette.get_recording(recording_id)
        number = recording.get_metadata()["number"]
        seen.append(number)
        assert recording.get_all_keys() == [
            TapeRecorder.OPERATION_REQUEST,
            *(f"input: read args=[{number}, {step}], kwargs={{}}" for step in range(3)),
            "output: send #1.output",
            "output: send #1.result",
            f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output",
        ]
        assert recording["output: send #1.output"]["args"] == [number]
    assert sorted(seen) == list(numbers)


class TestRecordingAtTheSameTime:
    def test_threads(self, recorder: TapeRecorder, cassette: InMemoryTapeCassette) -> None:
        shop = Shop(recorder)
        failures: list[BaseException] = []

        def run(first: int) -> None:
            try:
                for number in range(first, first + 200):
                    assert shop.execute(number) == number
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=run, args=(200 * each,)) for each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert_whole_and_unmixed(cassette, range(1_600))
        assert recorder.counters == {"recorded": 1_600}

    def test_tasks(self, recorder: TapeRecorder, cassette: InMemoryTapeCassette) -> None:
        shop = Shop(recorder)

        async def run() -> list[int]:
            return await asyncio.gather(*(shop.execute_later(number) for number in range(200)))

        assert asyncio.run(run()) == list(range(200))
        assert_whole_and_unmixed(cassette, range(200))
        assert recorder.counters == {"recorded": 200}

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_processes(self, tmp_path: Path, method: str) -> None:
        context = multiprocessing.get_context(method)
        path = tmp_path / "playback.db"
        processes = [
            context.Process(target=record_into, args=(path, range(50 * each, 50 * each + 50)))
            for each in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()

        assert [process.exitcode for process in processes] == [0, 0]
        with SQLiteTapeCassette(path) as cassette:
            assert_whole_and_unmixed(cassette, range(100))

    def test_a_replay_beside_recordings(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        shop = Shop(recorder)
        shop.execute(0)
        recorded = last_recording().id
        playbacks: list[Playback] = []

        def replay_it() -> None:
            playbacks.extend(
                recorder.play(recorded, lambda recording: shop.execute(0)) for _ in range(50)
            )

        thread = threading.Thread(target=replay_it)
        thread.start()
        for number in range(1, 200):
            shop.execute(number)
        thread.join()

        assert len(playbacks) == 50
        assert all(each.playback_outputs == each.recorded_outputs for each in playbacks)
        assert_whole_and_unmixed(cassette, range(200))


def record_into(path: Path, numbers: range) -> None:
    with SQLiteTapeCassette(path) as cassette:
        recorder = TapeRecorder(cassette)
        shop = Shop(recorder)
        with recorder.enabled_recording():
            for number in numbers:
                shop.execute(number)


class TestForking:
    def test_a_child_forked_within_an_operation_is_outside_of_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 1)

        @recorder.operation()
        def execute() -> int:
            child = os.fork()
            if child == 0:
                read()
                os._exit(7 if recorder.in_recording_mode else 0)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        assert execute() == 0
        assert "input: read args=[], kwargs={}" not in last_recording().get_all_keys()

    def test_a_child_that_returns_from_the_operation_leaves_its_recording_to_the_parent(
        self, tmp_path: Path
    ) -> None:
        cassette = SQLiteTapeCassette(tmp_path / "playback.db")
        recorder = TapeRecorder(cassette)
        read_end, write_end = os.pipe()

        @recorder.operation(category="forking")
        def execute() -> int:
            child = os.fork()
            if child == 0:
                os.read(read_end, 1)
            return child

        with recorder.enabled_recording():
            child = execute()
            if child == 0:
                os._exit(len(recorder.counters))
        os.write(write_end, b"!")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

        (recording_id,) = cassette.iter_recording_ids("forking")
        (output,) = cassette.get_recording(recording_id).outputs()
        assert output.value["args"] == [child]

    def test_a_child_forked_within_a_replay_does_not_touch_the_world(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda: "real")

        @recorder.operation()
        def execute() -> int:
            child = os.fork()
            if child == 0:
                try:
                    read()
                except TapeRecorderException:
                    os._exit(1)
                os._exit(0)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        assert execute() == 0
        # A sealed replay refuses to fork.
        playback = recorder.play(last_recording().id, lambda _: execute(), sandbox=None)

        assert playback.playback_outputs[0].value["args"] == [1]


class TestWhatBelongsToAnOperation:
    def test_a_pool_and_a_thread_started_inside_do(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        real = iter(range(100))
        read = recorder.intercept_input("read")(lambda name: next(real))

        @recorder.operation()
        def execute() -> list[int]:
            got: list[int] = []
            with ThreadPoolExecutor(2) as pool:
                got.extend(pool.map(read, "abc"))
            thread = threading.Thread(target=lambda: got.append(read("d")))
            thread.start()
            thread.join()
            return got

        recorded = execute()
        playback = replay(execute)

        assert playback.playback_outputs[0].value["args"] == [recorded]
        assert playback.moved == playback.never_consumed == []
        assert next(real) == 4

    def test_a_pool_made_before_does_for_what_is_submitted_inside(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda name: name)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(read, "before").result()

            @recorder.operation()
            def execute() -> None:
                pool.submit(read, "inside").result()

            execute()
            pool.submit(read, "after").result()

        inputs = [key for key in last_recording().get_all_keys() if key.startswith("input")]
        assert inputs == ['input: read args=["inside"], kwargs={}']
        assert recorder.counters == {"recorded": 1}

    def test_a_thread_that_ran_before_does_not(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda name: name)
        wanted: SimpleQueue[str | None] = SimpleQueue()
        answers: SimpleQueue[str] = SimpleQueue()

        def serve() -> None:
            while (name := wanted.get()) is not None:
                answers.put(read(name))

        thread = threading.Thread(target=serve)
        thread.start()

        @recorder.operation()
        def execute() -> str:
            wanted.put("a")
            return answers.get()

        assert execute() == "a"
        wanted.put(None)
        thread.join()
        assert not any(key.startswith("input") for key in last_recording().get_all_keys())

    def test_a_pool_whose_threads_start_inside_is_not_bound_to_the_operation(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        read = recorder.intercept_input("read")(lambda name: name)

        with ThreadPoolExecutor(1) as pool:

            @recorder.operation(category="first")
            def first() -> None:
                pool.submit(read, "a").result()

            @recorder.operation(category="second")
            def second() -> None:
                read("b")

            first()
            pool.submit(second).result()

        (second_id,) = cassette.iter_recording_ids("second")
        keys = cassette.get_recording(second_id).get_all_keys()
        assert 'input: read args=["b"], kwargs={}' in keys
        assert recorder.counters == {"recorded": 2}

    @pytest.mark.parametrize("within_an_input", [False, True])
    def test_a_worker_that_outlives_the_operation_it_started_in_records_its_own_operations(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, within_an_input: bool
    ) -> None:
        jobs: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()

        def work() -> None:
            while (job := jobs.get()) is not None:
                job()

        worker = threading.Thread(target=work)

        @recorder.intercept_input("start")
        def start() -> None:
            worker.start()

        @recorder.operation(category="first")
        def first() -> None:
            start() if within_an_input else worker.start()

        @recorder.operation(category="second")
        def second() -> None: ...

        first()
        jobs.put(second)
        jobs.put(None)
        worker.join()

        assert len(list(cassette.iter_recording_ids("second"))) == 1
        assert recorder.counters == {"recorded": 2}

    def test_blocking_calls_of_a_coroutine_do(self, recorder: TapeRecorder, replay: Replay) -> None:
        real = iter(range(100))
        read = recorder.intercept_input("read")(lambda name: next(real))

        @recorder.operation()
        async def execute() -> list[int]:
            loop = asyncio.get_running_loop()
            return [
                *await asyncio.gather(*(asyncio.to_thread(read, name) for name in "abc")),
                await loop.run_in_executor(None, read, "d"),
            ]

        recorded = asyncio.run(execute())
        playback = replay(execute)

        assert sorted(recorded) == [0, 1, 2, 3]
        assert playback.playback_outputs[0].value["args"] == [recorded]
        assert next(real) == 4


class TestOrderOfCompletion:
    def test_gather_may_finish_in_another_order_at_replay(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        real = iter(range(100))
        order = random.Random(3)

        @recorder.intercept_input("read")
        async def read() -> int:
            for _ in range(order.randrange(5)):
                await asyncio.sleep(0)
            return next(real)

        async def branch(delays: int) -> list[int]:
            got = []
            for _ in range(3):
                for _ in range(delays):
                    await asyncio.sleep(0)
                got.append(await read())
            return got

        delays = [0, 5, 2, 8]

        @recorder.operation()
        async def execute() -> list[list[int]]:
            return await asyncio.gather(*map(branch, delays))

        recorded = asyncio.run(execute())
        delays.reverse()
        playback = replay(execute)

        assert playback.playback_outputs[0].value["args"] == [recorded]
        assert playback.moved == []
        assert next(real) == 12

    def test_tasks_of_a_group_within_tasks_too(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        real = iter(range(100))
        waits = [1, 5, 3]

        @recorder.intercept_input("read")
        async def read() -> int:
            return next(real)

        async def leaf(turns: int) -> int:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await read()

        async def branch(turns: int) -> list[int]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(leaf(turns * each)) for each in waits]
            return [task.result() for task in tasks]

        @recorder.operation()
        async def execute() -> list[list[int]]:
            return await asyncio.gather(*map(branch, waits))

        recorded = asyncio.run(execute())
        waits.reverse()
        playback = replay(execute)

        assert playback.playback_outputs[0].value["args"] == [recorded]
        assert playback.moved == []

    def test_pools_may_finish_in_another_order_at_replay(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        real = iter(range(100))
        lock = threading.Lock()
        turn = [threading.Event() for _ in range(3)]

        @recorder.intercept_input("read")
        def read() -> int:
            with lock:
                return next(real)

        def work(place: int) -> list[int]:
            turn[place].wait(10)
            got = [read(), read()]
            for event in turn[place - 1 : place] if is_backwards else turn[place + 1 : place + 2]:
                event.set()
            return got

        @recorder.operation()
        def execute() -> list[list[int]]:
            turn[-1 if is_backwards else 0].set()
            with ThreadPoolExecutor(3) as pool:
                return list(pool.map(work, range(3)))

        is_backwards = True
        recorded = execute()
        for event in turn:
            event.clear()
        is_backwards = False
        playback = replay(execute)

        assert recorded == [[4, 5], [2, 3], [0, 1]]
        assert playback.playback_outputs[0].value["args"] == [recorded]
        assert playback.moved == []

    def test_outputs_of_branches_come_in_the_recorded_order(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        send = recorder.intercept_output("send")(lambda value: None)

        async def branch(turns: int, value: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            send(value)

        turns = [9, 5, 1]

        @recorder.operation()
        async def execute() -> None:
            await asyncio.gather(*map(branch, turns, range(3)))

        asyncio.run(execute())
        turns.reverse()
        playback = replay(execute)

        assert [each.value["args"] for each in playback.recorded_outputs[:3]] == [[2], [1], [0]]
        assert playback.playback_outputs == playback.recorded_outputs

    def test_the_caller_of_a_replayed_operation_may_start_threads_and_tasks_of_its_own(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        real = iter(range(100))
        read = recorder.intercept_input("read")(lambda: next(real))

        @recorder.operation()
        def execute() -> list[int]:
            with ThreadPoolExecutor(1) as pool:
                return [pool.submit(read).result() for _ in range(3)]

        def run(recording: Recording) -> None:
            for _ in range(2):
                thread = threading.Thread(target=lambda: None)
                thread.start()
                thread.join()
            execute()

        execute()
        playback = recorder.play(last_recording().id, run)

        assert playback.playback_outputs == playback.recorded_outputs
        assert playback.moved == []


class TestLateCalls:
    def test_a_call_after_the_operation_is_counted_and_never_appended(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 1)
        send = recorder.intercept_output("send")(lambda value: value)
        goes_on = threading.Event()
        got: list[int] = []

        def late() -> None:
            goes_on.wait(10)
            got.extend([read(), send(2)])

        thread = threading.Thread(target=late)

        @recorder.operation()
        def execute() -> None:
            thread.start()

        execute()
        before = last_recording().get_all_keys()
        goes_on.set()
        thread.join()

        assert got == [1, 2]
        assert last_recording().get_all_keys() == before
        assert recorder.counters == {"recorded": 1, "late": 2}

    def test_a_call_that_ends_after_the_operation_is_late_too(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        has_begun, goes_on = threading.Event(), threading.Event()

        @recorder.intercept_input("read")
        def read() -> int:
            has_begun.set()
            goes_on.wait(10)
            return 1

        @recorder.operation(category="span")
        def span() -> int:
            return read()

        thread = threading.Thread(target=span)

        @recorder.operation()
        def execute() -> None:
            thread.start()
            has_begun.wait(10)

        execute()
        goes_on.set()
        thread.join()

        keys = last_recording().get_all_keys()
        assert "span: span #1.output" in keys
        assert "span: span #1.result" not in keys
        assert not any(key.startswith("input") for key in keys)
        assert recorder.counters == {"recorded": 1, "late": 2}

    def test_a_task_that_outlives_the_operation_is_late(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("read")
        async def read() -> int:
            return 1

        async def late() -> int:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return await read()

        @recorder.operation()
        async def execute() -> "asyncio.Task[int]":
            tasks.append(asyncio.create_task(late()))

        tasks: list[asyncio.Task[int]] = []

        async def run() -> int:
            await execute()
            return await tasks[0]

        assert asyncio.run(run()) == 1
        assert not any(key.startswith("input") for key in last_recording().get_all_keys())
        assert recorder.counters == {"recorded": 1, "late": 1}

    @pytest.mark.parametrize("kind", ["input", "output", "operation", "separate operation"])
    def test_after_a_replay_it_never_runs_for_real_and_is_listed(
        self, recorder: TapeRecorder, replay: Replay, kind: str
    ) -> None:
        real: list[str] = []
        errors: list[Exception] = []
        goes_on = threading.Event()
        decorate = {
            "input": recorder.intercept_input("late", run_intercepted_when_missing=True),
            "output": recorder.intercept_output("late", fail_on_no_recorded_result=False),
            "operation": recorder.operation(),
            "separate operation": recorder.operation(separate=True),
        }[kind]
        call = decorate(lambda: real.append("touched"))

        def late() -> None:
            goes_on.wait(10)
            try:
                call()
            except TapeRecorderException as error:
                errors.append(error)

        threads: list[threading.Thread] = []

        @recorder.operation()
        def execute() -> None:
            threads.append(threading.Thread(target=late))
            threads[-1].start()

        recorder.enable_recording()
        execute()
        playback = replay(execute)
        real.clear()
        recorder.disable_recording()
        goes_on.set()
        for thread in threads:
            thread.join()

        assert real == ["touched"]  # that of the recording, which had ended
        assert len(errors) == 1
        assert len(playback.late) == 1
        assert playback.original_recording.id in playback.late[0]


class TestMemory:
    def test_operations_leave_nothing_behind(self) -> None:
        class Forgetting(InMemoryTapeCassette):
            def _save_recording(self, recording: Recording) -> None:
                recording.pack()

        recorder = TapeRecorder(Forgetting())
        shop = Shop(recorder)

        def run(times: int) -> None:
            for number in range(times):
                shop.execute(number)

        with recorder.enabled_recording():
            run(500)
            with allocations() as grown:
                run(20_000)

        assert recorder.counters == {"recorded": 20_500}
        assert grown() < 1_000

    def test_faults_leave_nothing_behind(self, caplog: pytest.LogCaptureFixture) -> None:
        recorder = TapeRecorder(InMemoryTapeCassette())

        def resolve(number: int) -> dict[str, Any]:
            raise LookupError(str(number))

        read = recorder.intercept_input("read {n}", alias_params_resolver=resolve)(abs)

        @recorder.operation()
        def execute(number: int) -> int:
            return read(number)

        with recorder.enabled_recording():
            execute(1)
            with allocations() as grown:
                for number in range(5_000):
                    execute(number)

        assert grown() < 1_000

    @pytest.mark.parametrize("ending", ["saved", "discarded", "sampled out"])
    def test_a_task_that_outlives_its_operation_does_not_keep_the_entries(
        self, ending: str
    ) -> None:
        class Noting(InMemoryTapeCassette):
            def create_new_recording(self, category: str) -> Recording:
                recording = super().create_new_recording(category)
                made.append(weakref.ref(recording))
                return recording

        made: list[weakref.ref[Recording]] = []
        recorder = TapeRecorder(Noting())
        read = recorder.intercept_input("read")(lambda: b"x" * 4_000_000)

        async def long_lived(end: asyncio.Event) -> None:
            await end.wait()

        @recorder.recording_params(sampling_rate=0 if ending == "sampled out" else 1)
        class Starter:
            @recorder.operation()
            async def execute(self, end: asyncio.Event, tasks: list[Any]) -> None:
                tasks.append(asyncio.create_task(long_lived(end)))
                read()
                if ending == "discarded":
                    recorder.discard_recording()

        async def run() -> int:
            end = asyncio.Event()
            tasks: list[asyncio.Task[None]] = []
            await Starter().execute(end, tasks)
            recorder.tape_cassette = InMemoryTapeCassette()
            gc.collect()
            alive = sum(each() is not None for each in made)
            end.set()
            await tasks[0]
            return alive

        with recorder.enabled_recording():
            assert asyncio.run(run()) == 0
        assert len(made) == 1


@contextmanager
def allocations() -> Iterator[Callable[[], int]]:
    """Give a function that tells how many more objects are alive after the block."""
    gc.collect()
    before = sys.getallocatedblocks()
    after: list[int] = []
    yield lambda: after[0] - before
    gc.collect()
    after.append(sys.getallocatedblocks())

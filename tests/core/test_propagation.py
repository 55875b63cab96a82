import asyncio
import functools
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from playback_core import Recording, TapeRecorder, propagation

Load = Callable[[], Recording]

MORE_THAN_THERE_IS = 2**60

POINTS = [
    (threading.Thread, "start"),
    (ThreadPoolExecutor, "submit"),
    (asyncio.BaseEventLoop, "create_task"),
]


@pytest.fixture(autouse=True)
def installed_again() -> Iterator[None]:
    originals = [getattr(owner, name) for owner, name in POINTS]
    yield
    for (owner, name), original in zip(POINTS, originals, strict=True):
        setattr(owner, name, original)
    propagation.install()


def start_at_second_attempt(run: Callable[[], Any]) -> bool:
    thread = threading.Thread(target=run)
    before = threading.stack_size(MORE_THAN_THERE_IS)
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            thread.start()
    finally:
        threading.stack_size(before)
    # Python 3.13.0 refuses by itself.
    with suppress(RuntimeError):
        thread.start()
        thread.join()
    return thread.ident is not None


def points() -> list[Any]:
    return [getattr(owner, name) for owner, name in POINTS]


class TestInstalling:
    def test_uninstalling_puts_back_what_was_there(self) -> None:
        propagation.uninstall()
        before = points()
        propagation.install()
        installed = points()
        propagation.uninstall()

        assert points() == before
        assert all(one is not other for one, other in zip(before, installed, strict=True))

    def test_installing_twice_wraps_once(self) -> None:
        propagation.install()
        once = points()
        propagation.install()

        assert points() == once

    def test_uninstalling_twice_does_nothing_more(self) -> None:
        propagation.uninstall()
        once = points()
        propagation.uninstall()

        assert points() == once

    @pytest.mark.parametrize("keeps_attributes", [True, False])
    def test_a_wrapper_of_somebody_else_stays(self, keeps_attributes: bool) -> None:
        propagation.install()
        for owner, name in POINTS:
            ours = getattr(owner, name)

            def foreign(*args: Any, _ours: Any = ours, **kwargs: Any) -> Any:
                return _ours(*args, **kwargs)

            setattr(owner, name, functools.wraps(ours)(foreign) if keeps_attributes else foreign)
        foreigners = points()
        propagation.uninstall()

        assert points() == foreigners

    def test_it_is_installed_by_enabling_recording(self, recorder: TapeRecorder) -> None:
        propagation.uninstall()
        before = points()
        recorder.enable_recording()

        assert all(one is not other for one, other in zip(before, points(), strict=True))


class TestThreads:
    def test_one_that_could_not_be_started_may_be_started_again_where_python_lets_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 1)
        start_again = recorder.operation()(start_at_second_attempt)

        without_us = start_at_second_attempt(lambda: None)

        assert start_again(read) == without_us
        read_within = "input: read args=[], kwargs={}" in last_recording().get_all_keys()
        assert read_within == without_us

    @pytest.mark.parametrize("is_around_us", [True, False])
    def test_a_tool_that_wraps_the_function_of_the_threads_run_finds_a_method(
        self, recorder: TapeRecorder, last_recording: Load, is_around_us: bool
    ) -> None:
        def tool(start: Callable[..., None]) -> Callable[..., None]:
            # As the threads of Sentry's SDK are started: without a reference to the thread.
            def start_wrapped(self: threading.Thread) -> None:
                function = getattr(self.run, "__func__", self.run)
                self.run = lambda *args: function(threading.current_thread(), *args[1:])
                start(self)

            return start_wrapped

        read = recorder.intercept_input("read")(lambda: 1)
        if not is_around_us:
            propagation.uninstall()
        threading.Thread.start = tool(threading.Thread.start)
        propagation.install()

        @recorder.operation()
        def execute() -> None:
            thread = threading.Thread(target=read)
            thread.start()
            thread.join()

        execute()
        assert "input: read args=[], kwargs={}" in last_recording().get_all_keys()

    def test_only_our_variable_is_carried(self, recorder: TapeRecorder) -> None:
        other: ContextVar[str] = ContextVar("other", default="unset")
        seen: list[Any] = []

        @recorder.operation()
        def execute() -> None:
            other.set("set")
            thread = threading.Thread(
                target=lambda: seen.append((other.get(), recorder.in_recording_mode))
            )
            thread.start()
            thread.join()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(lambda: seen.append((other.get(), recorder.in_recording_mode)))

        copy_context().run(execute)

        inherited = "set" if getattr(__import__("sys").flags, "thread_inherit_context", 0) else None
        assert seen == [(inherited or "unset", True)] * 2

    def test_a_thread_that_ended_is_freed_without_a_collection(
        self, recorder: TapeRecorder
    ) -> None:
        class Payload:
            pass

        freed: list[weakref.ref[Payload]] = []

        @recorder.operation()
        def execute() -> None:
            payload = Payload()
            freed.append(weakref.ref(payload))
            thread = threading.Thread(target=lambda: payload)
            thread.start()
            thread.join()

        gc.collect()
        gc.disable()
        try:
            execute()
            assert freed[0]() is None
        finally:
            gc.enable()

    def test_a_subclass_with_a_run_of_its_own_belongs(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 1)

        class Worker(threading.Thread):
            def run(self) -> None:
                read()

        @recorder.operation()
        def execute() -> None:
            worker = Worker()
            worker.start()
            worker.join()

        execute()

        assert "input: read args=[], kwargs={}" in last_recording().get_all_keys()

    def test_a_timer_belongs(self, recorder: TapeRecorder, last_recording: Load) -> None:
        read = recorder.intercept_input("read")(lambda: 1)

        @recorder.operation()
        def execute() -> None:
            timer = threading.Timer(0, read)
            timer.start()
            timer.join()

        execute()

        assert "input: read args=[], kwargs={}" in last_recording().get_all_keys()

    def test_misusing_a_thread_raises_what_it_always_did(self, recorder: TapeRecorder) -> None:
        class Unfinished(threading.Thread):
            def __init__(self) -> None:
                """Forget to call the base."""

        @recorder.operation()
        def execute() -> None:
            with pytest.raises(RuntimeError, match="not called"):
                Unfinished().start()
            thread = threading.Thread(target=lambda: None)
            thread.start()
            with pytest.raises(RuntimeError, match="once"):
                thread.start()
            thread.join()

        execute()

        assert recorder.counters == {"recorded": 1}

    def test_an_exception_of_a_submitted_call_is_that_of_its_future(
        self, recorder: TapeRecorder
    ) -> None:
        error = LookupError("gone")

        def fail() -> None:
            raise error

        @recorder.operation()
        def execute() -> BaseException | None:
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(fail).exception()

        recorder.disable_recording()
        assert execute() is error
        recorder.enable_recording()
        assert execute() is error


class TestTasks:
    def test_work_that_brings_its_context_is_on_the_branch_of_who_waits_for_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Hop:
            def handle(self, work: Callable[[], Any]) -> Any:
                return work()

        @recorder.intercept_input(alias="read")
        def read() -> int:
            return 1

        @recorder.operation()
        def operation() -> None:
            with ThreadPoolExecutor(1) as pool:
                work = functools.partial(copy_context().run, read)
                pool.submit(functools.partial(Hop().handle, work)).result()
                pool.submit(read).result()

        propagation.leave_context_to(Hop.handle)
        operation()
        reads = [entry for entry in last_recording().entries if entry.alias == "read"]
        assert [entry.branch for entry in reads] == [(), (0,)]

    def test_the_options_of_a_task_are_kept(self, recorder: TapeRecorder) -> None:
        async def work() -> str | None:
            task = asyncio.current_task()
            return task.get_name() if task else None

        @recorder.operation()
        async def execute() -> Any:
            return await asyncio.create_task(work(), name="mine")

        assert asyncio.run(execute()) == "mine"

    def test_a_task_with_a_context_of_its_own_runs_in_that(self, recorder: TapeRecorder) -> None:
        outside = copy_context()

        async def work() -> bool:
            return recorder.in_recording_mode

        @recorder.operation()
        async def execute() -> bool:
            return await asyncio.create_task(work(), context=outside)

        assert asyncio.run(execute()) is False

    def test_what_an_interception_starts_stays_within_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("low")
        async def low() -> int:
            return 1

        @recorder.intercept_input("high")
        async def high() -> int:
            return await asyncio.create_task(low()) + 1

        @recorder.operation()
        async def execute() -> int:
            return await high()

        assert asyncio.run(execute()) == 2
        assert "input: low args=[], kwargs={}" not in last_recording().get_all_keys()

    def test_the_callers_context_is_what_it_was(self, recorder: TapeRecorder) -> None:
        seen: list[str | None] = []

        @recorder.operation()
        async def execute() -> None:
            own = recorder.current_recording_id
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
            seen.append(own)
            seen.append(recorder.current_recording_id)

        asyncio.run(execute())

        assert seen[0] is not None
        assert seen[0] == seen[1]

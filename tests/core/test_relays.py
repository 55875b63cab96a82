"""What a generator must not notice of being relayed, and what a replay does at its edges."""

import asyncio
import contextlib
import gc
import inspect
import pickle
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    Opaque,
    Playback,
    Recording,
    RecordingKeyError,
    SQLiteTapeCassette,
    Streamed,
    TapeRecorder,
)
from playback_core.codec.redaction import Redactor

Load = Callable[[], Recording]
Replay = Callable[[Callable[[], Any]], Playback]

module_recorder = TapeRecorder()


def two_rows() -> Iterator[int]:
    yield from range(2)


@module_recorder.intercept_input("rows")
def module_rows(count: int = 2) -> Iterator[int]:
    """Give rows."""
    yield from range(count)


def assert_equal_replay(playback: Playback) -> None:
    assert playback.playback_outputs == playback.recorded_outputs
    assert playback.missed == []


@pytest.fixture(params=["recorded", "off"])
def mode(request: pytest.FixtureRequest, recorder: TapeRecorder) -> str:
    if request.param == "off":
        recorder.disable_recording()
    return str(request.param)


@pytest.mark.usefixtures("mode")
class TestInvisibility:
    """Each holds while an operation is recorded, and while nothing is."""

    def test_its_name_signature_and_pickled_form_are_kept(self) -> None:
        stream = module_rows()
        assert (stream.__name__, stream.__qualname__) == ("module_rows", "module_rows")
        assert inspect.getgeneratorstate(stream) == inspect.GEN_CREATED
        assert list(inspect.signature(module_rows).parameters) == ["count"]
        assert pickle.loads(pickle.dumps(module_rows)) is module_rows

    def test_an_exception_thrown_in_and_not_caught_comes_back_as_it_was(
        self, recorder: TapeRecorder
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            yield 1

        def thrown_in() -> Any:
            stream: Any = rows()
            next(stream)
            error = LookupError("mine")
            try:
                stream.throw(error)
            except LookupError as caught:
                return caught is error, caught.__context__, caught.__cause__

        assert recorder.operation()(thrown_in)() == (True, None, None)

    def test_an_exception_thrown_in_is_freed_without_a_collection(
        self, recorder: TapeRecorder
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            yield 1

        class Thrown(Exception): ...

        def freed() -> weakref.ref[Thrown]:
            stream: Any = rows()
            next(stream)
            try:
                stream.throw(Thrown())
            except Thrown as caught:
                return weakref.ref(caught)
            raise AssertionError

        gc.disable()
        try:
            assert recorder.operation(category="all")(lambda: freed()() is None)()
        finally:
            gc.enable()

    def test_a_traceback_ends_in_the_generator(self, recorder: TapeRecorder) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            yield 1
            raise LookupError

        def ends() -> str:
            try:
                list(rows())
            except LookupError as error:
                return traceback.extract_tb(error.__traceback__)[-1].name
            raise AssertionError

        assert recorder.operation()(ends)() == "rows"

    def test_a_generator_that_ignores_being_closed_is_told_so(self, recorder: TapeRecorder) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            with contextlib.suppress(GeneratorExit):
                yield 1
            yield 2

        def close() -> None:
            stream: Any = rows()
            next(stream)
            with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
                stream.close()

        recorder.operation()(close)()

    def test_a_stop_iteration_raised_within_is_a_runtime_error(
        self, recorder: TapeRecorder
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            yield next(iter([]))

        def read() -> None:
            with pytest.raises(RuntimeError, match="StopIteration"):
                list(rows())

        recorder.operation()(read)()

    def test_a_context_variable_that_it_sets_is_set_for_its_reader(
        self, recorder: TapeRecorder
    ) -> None:
        variable: ContextVar[int] = ContextVar("variable", default=0)

        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            for number in (1, 2):
                variable.set(number)
                yield variable.get()

        @recorder.intercept_input("later rows")
        async def later_rows() -> AsyncIterator[int]:
            for row in rows():
                await asyncio.sleep(0)
                yield row

        @recorder.operation()
        async def execute() -> list[Any]:
            seen = [(row, variable.get()) for row in rows()]
            return [*seen, *[(row, variable.get()) async for row in later_rows()]]

        assert asyncio.run(execute()) == [(1, 1), (2, 2)] * 2

    def test_the_end_of_the_loop_closes_it_once(self, recorder: TapeRecorder) -> None:
        errors: list[Any] = []
        closed: list[int] = []

        @recorder.intercept_input("rows")
        async def rows(number: int) -> AsyncIterator[int]:
            try:
                while True:
                    yield number
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                closed.append(number)

        async def leave_open() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: errors.append(context))
            for number in range(10):
                stream = rows(number)
                await anext(stream)
                held.append(stream)

        held: list[Any] = []
        asyncio.run(recorder.operation()(leave_open)())
        assert errors == []
        assert sorted(closed) == [*range(10)]

    def test_one_that_is_dropped_is_closed_by_the_loop(self, recorder: TapeRecorder) -> None:
        closed: list[int] = []

        @recorder.intercept_input("rows")
        async def rows() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                closed.append(1)

        @recorder.operation()
        async def execute() -> None:
            async for _ in rows():
                break
            for _ in range(5):
                await asyncio.sleep(0)

        asyncio.run(execute())
        assert closed == [1]


class TestPuttingIn:
    def test_what_closing_returns_is_what_it_returns_in_this_python(
        self, recorder: TapeRecorder
    ) -> None:
        def rows() -> Iterator[int]:
            try:
                yield 1
            except GeneratorExit:
                return "closed"

        def closed(rows: Callable[[], Any]) -> Any:
            stream = rows()
            next(stream)
            return stream.close()

        wrapped = recorder.intercept_input("rows")(rows)
        assert recorder.operation(category="all")(lambda: closed(wrapped))() == closed(rows)

    def test_a_reader_whose_own_exception_comes_back_has_left(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        @contextlib.contextmanager
        @recorder.intercept_input("session")
        def session() -> Iterator[int]:
            yield 1

        @recorder.operation()
        def execute() -> str:
            try:
                with session():
                    raise LookupError("mine")
            except LookupError as error:
                return repr(error)

        execute()
        recorded = last_recording().get_data("input: session args=[], kwargs={}")["value"]
        assert recorded == Streamed([1], "partial")
        assert_equal_replay(replay(execute))

    @pytest.mark.parametrize("answer", ["item", "end", "error"])
    def test_any_other_answer_costs_the_recording(
        self, recorder: TapeRecorder, caplog: pytest.LogCaptureFixture, answer: str
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[str]:
            try:
                yield "first"
            except KeyError:
                if answer == "item":
                    yield "caught"
                if answer == "error":
                    raise LookupError from None

        @recorder.operation()
        def execute() -> None:
            stream: Any = rows()
            next(stream)
            with contextlib.suppress(LookupError, StopIteration):
                stream.throw(KeyError("x"))

        execute()
        assert recorder.counters == {"failed": 1}
        assert "an exception was thrown into it" in caplog.text

    def test_it_does_in_an_async_generator(self, recorder: TapeRecorder) -> None:
        @recorder.intercept_input("rows")
        async def rows() -> AsyncIterator[str]:
            with contextlib.suppress(KeyError):
                yield "first"
            yield "second"

        @recorder.operation()
        async def execute() -> Any:
            stream: Any = rows()
            return [await anext(stream), await stream.athrow(KeyError())]

        assert asyncio.run(execute()) == ["first", "second"]
        assert recorder.counters == {"failed": 1}


class TestCancelling:
    def test_a_stream_that_was_cut_by_being_cancelled_is_replayed_so(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("rows")
        async def rows() -> AsyncIterator[int]:
            yield 1
            await asyncio.sleep(60)

        @recorder.operation()
        async def execute() -> list[Any]:
            seen: list[Any] = []
            waiting = asyncio.Event()

            async def read_on() -> None:
                async for row in rows():
                    seen.append(row)
                    waiting.set()

            task = asyncio.ensure_future(read_on())
            await waiting.wait()
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return [*seen, task.cancelled()]

        assert asyncio.run(execute()) == [1, True]
        assert_equal_replay(recorder.play(last_recording().id, lambda _: execute()))


class TestOperations:
    def test_a_wrong_call_is_recorded_as_what_it_raised(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.operation()
        def execute(number: int) -> Iterator[int]:
            yield number

        with pytest.raises(TypeError, match="execute"):
            list(execute())  # type: ignore[call-arg]
        assert recorder.counters == {"recorded": 1}
        assert last_recording().get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION]

    def test_a_thread_that_outlives_a_discarded_one_may_have_operations_of_its_own(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        ended = threading.Event()
        small = recorder.operation(category="small")(lambda: 1)
        thread = threading.Thread(target=lambda: ended.wait(10) and small())

        @recorder.operation()
        def execute() -> Iterator[int]:
            thread.start()
            recorder.discard_recording()
            yield 1
            yield 2

        assert list(execute()) == [1, 2]
        ended.set()
        thread.join()
        assert len(list(cassette.iter_recording_ids("small"))) == 1

    def test_a_span_is_one_of_the_outer_recording(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 1)

        @recorder.operation(category="inner")
        def inner() -> Iterator[int]:
            yield read()
            yield read()

        execute = recorder.operation(category="outer")(lambda: sum(inner()))
        assert execute() == 2
        assert last_recording().get_data("span: inner #1.result")["value"].items == [1, 1]
        assert_equal_replay(replay(execute))

    @pytest.mark.parametrize("discarded", [False, True])
    def test_a_separate_one_is_an_output_of_the_outer_one_whole(
        self,
        recorder: TapeRecorder,
        cassette: InMemoryTapeCassette,
        discarded: bool,
    ) -> None:
        runs: list[int] = []

        @recorder.operation(category="inner", separate=True)
        def inner() -> Iterator[int]:
            runs.append(1)
            yield 1
            if discarded:
                recorder.discard_recording()
            yield 2

        execute = recorder.operation(category="outer")(lambda: list(inner()))
        assert execute() == [1, 2]
        assert len(list(cassette.iter_recording_ids("inner"))) == (not discarded)
        (outer,) = cassette.iter_recording_ids("outer")
        assert_equal_replay(recorder.play(outer, lambda _: execute()))
        assert runs == [1]

    def test_a_separate_one_that_is_sent_values_costs_both_recordings(
        self, recorder: TapeRecorder
    ) -> None:
        @recorder.operation(category="inner", separate=True)
        def inner() -> Iterator[Any]:
            yield (yield 1)

        @recorder.operation(category="outer")
        def execute() -> Any:
            stream: Any = inner()
            return [next(stream), stream.send(5)], stream.close()

        assert execute() == ([1, 5], None)
        assert recorder.counters == {"failed": 2}

    def test_one_that_is_collected_in_another_thread_is_stored(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.operation()
        def execute() -> Iterator[int]:
            yield from range(3)

        streams = [execute()]
        next(streams[0])
        thread = threading.Thread(target=streams.clear)
        thread.start()
        thread.join()
        outputs = last_recording().outputs()
        assert outputs[-1].value["args"] == [Streamed([0], "partial")]

    def test_one_that_ends_after_the_cassette_was_closed_is_counted(
        self, recorder: TapeRecorder, tmp_path: Path
    ) -> None:
        recorder.tape_cassette = SQLiteTapeCassette(tmp_path / "playback.db")

        @recorder.operation()
        async def execute() -> AsyncIterator[int]:
            yield 1
            yield 2

        async def leave_open() -> None:
            stream = execute()
            held.append(stream)
            await anext(stream)
            assert recorder.tape_cassette is not None
            recorder.tape_cassette.close()

        held: list[Any] = []
        asyncio.run(leave_open())
        assert recorder.counters == {"failed": 1}

    def test_recording_that_is_switched_between_the_items_changes_nothing(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.operation()
        def execute() -> Iterator[int]:
            yield from range(4)

        stream = execute()
        next(stream)
        recorder.disable_recording()
        next(stream)
        recorder.enable_recording()
        assert list(stream) == [2, 3]
        assert last_recording().outputs()[-1].value["args"] == [Streamed([0, 1, 2, 3], "finished")]

    def test_one_that_is_open_at_the_end_of_the_interpreter_says_nothing(self) -> None:
        code = """
from playback_core import InMemoryTapeCassette, TapeRecorder
recorder = TapeRecorder(InMemoryTapeCassette())
recorder.enable_recording()
read = recorder.intercept_input("read")(lambda: iter([1, 2]))
@recorder.operation()
def execute():
    for item in read():
        yield item
stream = execute()
next(stream)
"""
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


class TestInputs:
    def test_a_stream_that_outlives_its_operation_stays_as_it_was_at_the_end(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        rows = recorder.intercept_input("rows")(lambda: (number for number in range(1)))
        left: list[Any] = []

        @recorder.operation()
        def execute() -> int:
            left.append(rows())
            return next(left[0])

        execute()
        entry = next(entry for entry in last_recording().entries if entry.alias == "rows")
        assert list(left[0]) == []
        assert entry.decoded_result() == Streamed([0], "partial")

    def test_methods_of_all_kinds_and_properties_may_be_generators(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        class Shop:
            @recorder.intercept_input("method")
            def method(self, key: str) -> Iterator[str]:
                yield key

            @classmethod
            @recorder.intercept_input("class")
            def of_class(cls, key: str) -> Iterator[str]:
                yield key

            @recorder.intercept_input("static")
            @staticmethod
            def static(key: str) -> Iterator[str]:
                yield key

            @property
            @recorder.intercept_input("property")
            def stream(self) -> Iterator[str]:
                yield "p"

            @recorder.operation()
            def execute(self) -> list[str]:
                return [*self.method("m"), *self.of_class("c"), *self.static("s"), *self.stream]

        assert Shop().execute() == ["m", "c", "s", "p"]
        assert last_recording().get_all_keys()[1:5] == [
            'input: method args=["m"], kwargs={}',
            'input: class args=["c"], kwargs={}',
            'input: static args=["s"], kwargs={}',
            "input: property args=[], kwargs={}",
        ]
        assert_equal_replay(replay(Shop().execute))

    def test_one_that_calls_itself_is_one_entry(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        @recorder.intercept_input("walk")
        def walk(depth: int) -> Iterator[int]:
            yield depth
            if depth:
                yield from walk(depth - 1)

        execute = recorder.operation(category="all")(lambda: list(walk(3)))
        assert execute() == [3, 2, 1, 0]
        assert [entry.alias for entry in last_recording().entries].count("walk") == 1
        assert_equal_replay(replay(execute))

    def test_in_threads_and_tasks_each_is_replayed_in_its_branch(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        numbers = iter(range(100))

        @recorder.intercept_input("rows")
        async def rows() -> AsyncIterator[int]:
            for _ in range(2):
                await asyncio.sleep(0)
                yield next(numbers)

        @recorder.operation()
        async def execute() -> list[list[int]]:
            async def read() -> list[int]:
                return [row async for row in rows()]

            return await asyncio.gather(*(read() for _ in range(3)))

        asyncio.run(execute())
        playback = replay(execute)
        assert_equal_replay(playback)
        assert playback.moved == []

    def test_an_item_that_cannot_be_stored_is_a_stand_in(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[Any]:
            yield threading.Lock()

        recorder.operation(category="all")(lambda: len(list(rows())))()
        (item,) = last_recording().get_data("input: rows args=[], kwargs={}")["value"].items
        assert isinstance(item, Opaque)

    def test_secrets_in_items_are_hidden(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        recorder.redaction = Redactor(key=b"k")

        @recorder.intercept_input("rows")
        def rows() -> Iterator[dict[str, str]]:
            yield {"password": "s3cret"}

        @recorder.operation()
        def execute() -> Iterator[dict[str, str]]:
            yield from rows()

        assert list(execute()) == [{"password": "s3cret"}]
        recording = last_recording()
        stored = str([recording.get_data(key) for key in recording.get_all_keys()])
        assert "password" in stored
        assert "s3cret" not in stored

    def test_a_missing_one_is_answered_as_declared(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        ask = False
        empty = recorder.intercept_input("empty", value_when_missing=[])(two_rows)
        run = recorder.intercept_input("run", run_intercepted_when_missing=True)(two_rows)
        old = recorder.intercept_input("old")(two_rows)
        new = recorder.intercept_input("new", fallback_aliases=["old"])(two_rows)

        @recorder.operation(category="all")
        def execute() -> Any:
            return [*empty(), *run(), *new()] if ask else [*old()]

        execute()
        ask = True
        playback = replay(execute)
        assert playback.playback_outputs[-1].value["args"] == [[0, 1, 0, 1]]
        assert [each.policy for each in playback.substituted] == [
            "value_when_missing",
            "run_intercepted_when_missing",
        ]
        assert [each.how for each in playback.moved] == ["fallback alias"]

    def test_one_that_is_missing_is_a_miss_when_it_is_read(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        ask = False
        rows = recorder.intercept_input("rows")(two_rows)

        @recorder.operation(category="all")
        def execute() -> None:
            if ask:
                list(rows())

        execute()
        ask = True
        with pytest.raises(RecordingKeyError, match="input: rows"):
            replay(execute)

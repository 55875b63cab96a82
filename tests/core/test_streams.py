"""Generators and what else is consumed after a call returned it: recorded as it is consumed."""

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from playback_core import (
    Awaited,
    InMemoryTapeCassette,
    InputInterceptionDataHandler,
    Outcome,
    Playback,
    Recording,
    RecordingKeyError,
    Streamed,
    TapeRecorder,
)

Load = Callable[[], Recording]
Replay = Callable[[Callable[[], Any]], Playback]


def result_of(recording: Recording) -> Any:
    return recording.get_data("output: _tape_recorder_operation #1.output")["args"][0]


def assert_equal_replay(playback: Playback) -> None:
    assert playback.playback_outputs == playback.recorded_outputs
    assert playback.missed == []
    assert playback.never_consumed == []


class TestGeneratorInputs:
    @pytest.fixture
    def rows(self, recorder: TapeRecorder) -> Callable[..., Any]:
        @recorder.intercept_input("rows")
        def rows(count: int, *, broken: bool = False) -> Iterator[list[int]]:
            for number in range(count):
                yield [number]
            if broken:
                raise LookupError("no more rows")
            return "done"

        return rows

    def test_it_stays_a_generator_function(self, rows: Callable[..., Any]) -> None:
        assert inspect.isgeneratorfunction(rows)
        assert list(rows(2)) == [[0], [1]]

    def test_items_are_given_on_at_once_and_recorded_as_they_were(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        events: list[str] = []

        @recorder.intercept_input("rows")
        def rows() -> Iterator[list[int]]:
            for number in range(3):
                events.append(f"made {number}")
                yield [number]

        @recorder.operation()
        def execute() -> list[list[int]]:
            taken = []
            for row in rows():
                events.append(f"read {row[0]}")
                row.append(9)
                taken.append(row)
            return taken

        assert execute() == [[0, 9], [1, 9], [2, 9]]
        assert events == ["made 0", "read 0", "made 1", "read 1", "made 2", "read 2"]
        recorded = last_recording().get_data("input: rows args=[], kwargs={}")["value"]
        assert recorded == Streamed([[0], [1], [2]], "finished")
        assert_equal_replay(replay(execute))
        assert len(events) == 9, "the replay reads, and makes nothing"

    def test_the_return_value_and_an_exception_are_those_recorded(
        self, recorder: TapeRecorder, rows: Callable[..., Any], replay: Replay
    ) -> None:
        @recorder.operation()
        def execute() -> Any:
            def returned() -> Iterator[Any]:
                yield (yield from rows(1))

            seen = [*returned()]
            try:
                seen.extend(rows(2, broken=True))
            except LookupError as error:
                seen.append(str(error))
            return seen

        assert execute() == [[0], "done", [0], [1], "no more rows"]
        assert_equal_replay(replay(execute))

    def test_a_reader_that_leaves_early_is_replayed_and_cannot_read_more(
        self, recorder: TapeRecorder, rows: Callable[..., Any], last_recording: Load
    ) -> None:
        wanted = 2

        @recorder.operation()
        def execute() -> list[Any]:
            stream = rows(5)
            taken = [next(stream) for _ in range(wanted)]
            stream.close()
            return taken

        execute()
        recording = last_recording()
        key = "input: rows args=[5], kwargs={}"
        assert recording.get_data(key)["value"] == Streamed([[0], [1]], "partial")
        assert_equal_replay(recorder.play(recording.id, lambda _: execute()))

        wanted = 3
        with pytest.raises(RecordingKeyError, match="left after 2 items"):
            recorder.play(recording.id, lambda _: execute())

    def test_interleaved_streams_of_one_key_keep_apart(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        made = iter(range(100))

        @recorder.intercept_input("numbers")
        def numbers() -> Iterator[int]:
            while True:
                yield next(made)

        @recorder.operation()
        def execute() -> list[int]:
            first, second = numbers(), numbers()
            return [next(first), next(second), next(second), next(first)]

        assert execute() == [0, 1, 2, 3]
        assert_equal_replay(replay(execute))

    def test_calls_within_it_belong_to_it(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        low = recorder.intercept_input("low")(lambda: 1)

        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            yield low()
            yield low()

        @recorder.operation()
        def execute() -> int:
            return sum(number + low() for number in rows())

        assert execute() == 4
        aliases = [entry.alias for entry in last_recording().entries]
        assert aliases.count("low") == 2, "those between the items, not those within"
        assert_equal_replay(replay(execute))

    def test_a_data_handler_gets_each_item(self, recorder: TapeRecorder, replay: Replay) -> None:
        class Doubling(InputInterceptionDataHandler):
            def prepare_input_for_recording(self, interception_key, result, args, kwargs):
                return result * 2

            def restore_input_from_recording(self, recorded_data, args, kwargs):
                return recorded_data // 2

        @recorder.intercept_input("rows", data_handler=Doubling())
        def rows() -> Iterator[int]:
            yield from (1, 2)

        execute = recorder.operation()(lambda: list(rows()))
        assert execute() == [1, 2]
        assert_equal_replay(replay(execute))

    def test_one_that_is_sent_values_costs_the_recording_only(
        self, recorder: TapeRecorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        @recorder.intercept_input("echo")
        def echo() -> Iterator[Any]:
            sent = None
            while True:
                sent = yield sent

        @recorder.operation()
        def execute() -> Any:
            stream: Any = echo()
            next(stream)
            return stream.send(5)

        assert execute() == 5
        assert recorder.counters == {"failed": 1}
        assert "sent into it" in caplog.text

    def test_an_exception_thrown_in_reaches_the_source(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[str]:
            try:
                yield "first"
            except KeyError:
                yield "caught"

        @recorder.operation()
        def execute() -> list[str]:
            stream: Any = rows()
            return [next(stream), stream.throw(KeyError("x"))]

        assert execute() == ["first", "caught"]


class TestReturnedStreams:
    """A function that is not declared a generator and returns something to consume."""

    @pytest.mark.parametrize(
        "make", [lambda: iter([1, 2]), lambda: (n for n in (1, 2)), lambda: map(int, "12")]
    )
    def test_an_iterator_is_recorded_as_it_is_read(
        self, recorder: TapeRecorder, replay: Replay, make: Callable[[], Any]
    ) -> None:
        read = recorder.intercept_input("read")(make)
        execute = recorder.operation()(lambda: sum(read()))
        assert execute() == 3
        assert_equal_replay(replay(execute))

    def test_one_that_is_never_read_is_no_miss(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        read = recorder.intercept_input("read")(lambda: iter([1]))

        @recorder.operation()
        def execute() -> None:
            read()

        execute()
        assert last_recording().get_data("input: read args=[], kwargs={}")["value"].items == []
        assert_equal_replay(replay(execute))

    def test_a_coroutine_is_recorded_when_it_was_awaited(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        async def answer(fail: bool) -> int:
            await asyncio.sleep(0)
            if fail:
                raise LookupError("no answer")
            return 5

        ask = recorder.intercept_input("ask")(lambda fail: answer(fail))

        @recorder.operation()
        async def execute() -> Any:
            given = await ask(False)
            try:
                await ask(True)
            except LookupError as error:
                return given, str(error)

        assert asyncio.run(execute()) == (5, "no answer")
        keys = last_recording().get_all_keys()
        recorded = last_recording().get_data(keys[1])["value"]
        assert recorded == Awaited(Outcome(5))
        assert_equal_replay(replay(execute))

    def test_an_operation_that_returns_a_generator_goes_on_until_it_was_read(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 3)
        execute = recorder.operation()(lambda: (read() for _ in range(2)))
        assert list(execute()) == [3, 3]
        assert result_of(last_recording()) == Streamed([3, 3], "finished")
        assert_equal_replay(replay(execute))

    def test_one_that_nobody_reads_is_stored_when_it_is_dropped(
        self, recorder: TapeRecorder, last_recording: Load, cassette: InMemoryTapeCassette
    ) -> None:
        execute = recorder.operation()(lambda: (n for n in range(2)))
        stream = execute()
        assert cassette.get_all_recording_ids() == []
        del stream
        gc.collect()
        assert result_of(last_recording()) == Streamed([], "partial")

    def test_a_coroutine_that_is_cancelled_before_it_began_is_replayed_so(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        async def answer() -> int:
            return 5

        ask = recorder.intercept_input("ask")(lambda: answer())

        @recorder.operation()
        async def execute() -> str:
            task = asyncio.ensure_future(ask())
            task.cancel()
            try:
                return str(await task)
            except asyncio.CancelledError:
                return "cancelled"

        assert asyncio.run(execute()) == "cancelled"
        assert_equal_replay(replay(execute))

    def test_an_operation_whose_coroutine_nobody_awaits_ends_incomplete(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        async def later() -> int:
            return 5

        execute = recorder.operation()(lambda: later())
        with pytest.warns(RuntimeWarning, match="later' was never awaited") as warned:
            execute()
        assert len(warned) == 1, "as many as without us"
        assert last_recording().get_metadata()[TapeRecorder.INCOMPLETE_RECORDING]

    def test_a_coroutine_that_an_operation_returns_is_part_of_it(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        read = recorder.intercept_input("read")(lambda: 3)

        async def later() -> int:
            return read() + 1

        execute = recorder.operation()(lambda: later())
        assert asyncio.run(execute()) == 4
        assert result_of(last_recording()) == 4
        assert_equal_replay(replay(execute))


class TestGeneratorOperations:
    @pytest.fixture
    def export(self, recorder: TapeRecorder) -> Callable[..., Any]:
        read = recorder.intercept_input("read")(lambda number: number * 10)

        @recorder.operation()
        def export(count: int) -> Iterator[str]:
            for number in range(count):
                yield f"line {read(number)}"

        return export

    def test_inputs_of_each_step_belong_to_it(
        self, export: Callable[..., Any], last_recording: Load, replay: Replay
    ) -> None:
        assert list(export(3)) == ["line 0", "line 10", "line 20"]
        recording = last_recording()
        assert result_of(recording) == Streamed(["line 0", "line 10", "line 20"], "finished")
        assert [entry.alias for entry in recording.entries].count("read") == 3
        assert_equal_replay(replay(lambda: export(3)))

    def test_what_its_reader_calls_between_the_items_does_not(
        self, recorder: TapeRecorder, export: Callable[..., Any], last_recording: Load
    ) -> None:
        outside = recorder.intercept_input("outside")(lambda: 0)
        for _ in export(2):
            outside()
        assert "outside" not in [entry.alias for entry in last_recording().entries]

    def test_two_at_once_do_not_mix(
        self, export: Callable[..., Any], cassette: InMemoryTapeCassette
    ) -> None:
        first, second = export(2), export(3)
        for one, other in zip(first, second, strict=False):
            assert one == other
        second.close()
        sizes = {
            len([entry for entry in cassette.get_recording(each).entries if entry.alias == "read"])
            for each in cassette.get_all_recording_ids()
        }
        assert len(cassette.get_all_recording_ids()) == 2
        assert sizes == {2}

    def test_a_reader_that_leaves_is_replayed_to_where_it_left(
        self, export: Callable[..., Any], last_recording: Load, replay: Replay
    ) -> None:
        stream = export(5)
        assert [next(stream), next(stream)] == ["line 0", "line 10"]
        stream.close()
        assert result_of(last_recording()) == Streamed(["line 0", "line 10"], "partial")
        assert not last_recording().get_metadata()[TapeRecorder.INCOMPLETE_RECORDING]
        assert_equal_replay(replay(lambda: export(5)))

    def test_an_exception_keeps_the_items_before_it(
        self, recorder: TapeRecorder, last_recording: Load, replay: Replay
    ) -> None:
        @recorder.operation()
        def execute() -> Iterator[int]:
            yield 1
            raise LookupError("no more")

        with pytest.raises(LookupError):
            list(execute())
        recorded = result_of(last_recording())
        assert (recorded.items, recorded.ending, str(recorded.value)) == ([1], "raised", "no more")
        assert last_recording().get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION]
        playback = replay(execute)
        assert str(playback.playback_outputs) == str(playback.recorded_outputs)

    def test_one_that_is_never_read_is_no_operation(
        self, export: Callable[..., Any], recorder: TapeRecorder
    ) -> None:
        export(3)
        assert recorder.counters == {}


class TestAsyncGenerators:
    @pytest.fixture
    def feed(self, recorder: TapeRecorder) -> Callable[..., Any]:
        @recorder.intercept_input("rows")
        async def rows(count: int) -> AsyncIterator[int]:
            for number in range(count):
                await asyncio.sleep(0)
                yield number

        @recorder.operation()
        async def feed(count: int) -> AsyncIterator[str]:
            async for row in rows(count):
                yield f"row {row}"

        assert inspect.isasyncgenfunction(rows)
        return feed

    def test_they_are_recorded_and_replayed_as_sync_ones_are(
        self, feed: Callable[..., Any], last_recording: Load, replay: Replay
    ) -> None:
        async def read() -> list[str]:
            return [row async for row in feed(3)]

        assert asyncio.run(read()) == ["row 0", "row 1", "row 2"]
        expected = Streamed(["row 0", "row 1", "row 2"], "finished", asynchronous=True)
        assert result_of(last_recording()) == expected
        assert_equal_replay(replay(read))
        assert_equal_replay(replay(lambda: feed(3)))

    def test_many_at_once_do_not_mix(
        self, feed: Callable[..., Any], cassette: InMemoryTapeCassette
    ) -> None:
        async def read(count: int) -> int:
            return len([row async for row in feed(count)])

        async def read_all() -> list[int]:
            return await asyncio.gather(*(read(count) for count in range(1, 21)))

        assert asyncio.run(read_all()) == list(range(1, 21))
        recordings = map(cassette.get_recording, cassette.get_all_recording_ids())
        assert sorted(len(result_of(each).items) for each in recordings) == list(range(1, 21))

    def test_a_reader_that_leaves_is_replayed_to_where_it_left(
        self, feed: Callable[..., Any], last_recording: Load, replay: Replay
    ) -> None:
        async def read() -> None:
            stream = feed(5)
            assert await anext(stream) == "row 0"
            await stream.aclose()

        asyncio.run(read())
        assert result_of(last_recording()).ending == "partial"
        assert_equal_replay(replay(lambda: feed(5)))

    def test_send_and_throw_go_through_while_nothing_is_recorded(
        self, recorder: TapeRecorder
    ) -> None:
        @recorder.intercept_input("echo")
        async def echo() -> AsyncIterator[Any]:
            sent = None
            while True:
                try:
                    sent = yield sent
                except KeyError as error:
                    sent = error.args[0]

        async def talk() -> list[Any]:
            stream: Any = echo()
            await anext(stream)
            said = [await stream.asend(5), await stream.athrow(KeyError("thrown"))]
            await stream.aclose()
            return said

        assert asyncio.run(talk()) == [5, "thrown"]


class TestBounds:
    def test_a_stream_counts_into_what_an_operation_may_hold(
        self, recorder: TapeRecorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("playback_core.recording_session.MAX_OPERATION_BYTES", 100_000)

        @recorder.operation()
        def execute() -> Iterator[bytes]:
            for _ in range(200):
                yield bytes(1_000)

        assert len(list(execute())) == 200
        assert recorder.counters == {"too_large": 1}

    def test_items_after_the_operation_ended_are_counted_and_not_kept(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("rows")
        def rows() -> Iterator[int]:
            yield from range(5)

        @recorder.operation()
        def execute() -> Any:
            stream = rows()
            left.append(stream)
            return next(stream)

        left: list[Any] = []
        assert execute() == 0
        assert list(left[0]) == [1, 2, 3, 4]
        stored = last_recording().get_data("input: rows args=[], kwargs={}")["value"]
        assert stored == Streamed([0], "partial")
        assert recorder.counters == {"recorded": 1, "late": 1}

import asyncio
import functools
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    Outcome,
    Playback,
    Recording,
    RecordingParameters,
    TapeRecorder,
)
from playback_core.operation import OpenOperation, OperationStart

_DONE = Outcome("done")
Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]

OPERATION_OUTPUT = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"


def categories(cassette: InMemoryTapeCassette) -> list[str]:
    ids = sorted(cassette.get_all_recording_ids(), key=lambda each: each.rsplit("/", 1)[1])
    return [cassette.extract_recording_category(each) for each in ids]


class TestKinds:
    def test_a_method(self, recorder: TapeRecorder, replay: Replay, last_recording: Load) -> None:
        class Shop:
            @recorder.operation()
            def execute(self, amount: int) -> int:
                return amount * 2

        assert Shop().execute(4) == 8
        playback = replay(lambda: Shop().execute(5))

        assert last_recording().category == "Shop"
        assert last_recording().get_data(OPERATION_OUTPUT) == {"args": [8], "kwargs": {}}
        assert playback.playback_outputs[0].value == {"args": [10], "kwargs": {}}

    def test_a_class_method_in_both_orders(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        class Shop:
            @recorder.operation()
            @classmethod
            def outside(cls, amount: int) -> tuple[str, int]:
                return cls.__name__, amount

            @classmethod
            @recorder.class_operation()
            def inside(cls, amount: int) -> tuple[str, int]:
                return cls.__name__, amount

        class Stall(Shop): ...

        assert Shop.outside(1) == ("Shop", 1)
        assert Stall.outside(2) == ("Stall", 2)
        assert Shop().inside(3) == ("Shop", 3)
        assert Stall.inside(4) == ("Stall", 4)
        assert categories(cassette) == ["Shop", "Stall", "Shop", "Stall"]
        assert last_recording().get_metadata()[TapeRecorder.OPERATION_CLASS] is Stall
        assert last_recording().get_data(TapeRecorder.OPERATION_REQUEST) == {
            "args": [4],
            "kwargs": {},
        }

    def test_a_static_method_in_both_orders(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        class Shop:
            @recorder.operation(category="outside")
            @staticmethod
            def outside(amount: int) -> int:
                return amount

            @staticmethod
            @recorder.operation(category="inside")
            def inside(amount: int) -> int:
                return amount

        assert Shop.outside(1) == 1
        assert Shop().inside(2) == 2
        assert categories(cassette) == ["outside", "inside"]
        assert last_recording().get_metadata()[TapeRecorder.OPERATION_CLASS] is None

    def test_a_static_method_that_takes_instances_of_its_class_has_no_receiver(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop:
            @staticmethod
            @recorder.operation()
            def merge(left: "Shop", right: "Shop") -> int:
                return 1

        Shop.merge(Shop(), Shop())

        assert last_recording().category.endswith("Shop.merge")
        assert len(last_recording().get_data(TapeRecorder.OPERATION_REQUEST)["args"]) == 2

    def test_a_function_has_its_qualified_name_for_category(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.operation()
        def execute(amount: int, *, plus: int = 0) -> int:
            return amount + plus

        assert execute(1, plus=2) == 3
        recording = last_recording()
        assert recording.category == execute.__qualname__  # type: ignore[attr-defined]
        assert recording.get_metadata()[TapeRecorder.OPERATION_CLASS] is None
        assert recording.get_data(TapeRecorder.OPERATION_REQUEST) == {
            "args": [1],
            "kwargs": {"plus": 2},
        }

    def test_a_coroutine_function(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        class Shop:
            @recorder.operation()
            async def execute(self, amount: int) -> int:
                await asyncio.sleep(0)
                return amount

        assert asyncio.run(Shop().execute(3)) == 3
        playback = replay(lambda: Shop().execute(4))

        assert last_recording().category == "Shop"
        assert playback.playback_outputs[0].value["args"] == [4]

    def test_each_subclass_has_its_own_category(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        class Shop:
            @recorder.operation()
            def execute(self) -> str:
                return type(self).__name__

        class Stall(Shop): ...

        Shop().execute()
        Stall().execute()

        assert categories(cassette) == ["Shop", "Stall"]
        assert last_recording().get_metadata()[TapeRecorder.OPERATION_CLASS] is Stall

    def test_an_override_that_calls_its_base_is_one_recording(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        class Shop:
            @recorder.operation()
            def execute(self) -> int:
                return 1

        class Stall(Shop):
            @recorder.operation()
            def execute(self) -> int:
                return super().execute() + 1

        assert Stall().execute() == 2
        assert categories(cassette) == ["Stall"]

    def test_a_given_category_may_have_any_characters(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        category = "заказы / new?#%2F\n"

        @recorder.operation(category=category)
        def execute() -> None: ...

        execute()

        assert last_recording().category == category
        assert list(cassette.iter_recording_ids(category)) == [last_recording().id]

    def test_an_operation_that_returns_a_file_is_not_recorded_and_loses_no_line(
        self,
        recorder: TapeRecorder,
        cassette: InMemoryTapeCassette,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        @recorder.operation()
        def execute() -> Iterable[str]:
            return StringIO("one\ntwo\n")

        assert list(execute()) == ["one\n", "two\n"]
        assert list(execute()) == ["one\n", "two\n"]
        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"failed": 2}
        assert len(caplog.records) == 1
        assert "StringIO" in caplog.text


class TestMetadataExtractor:
    def test_it_gets_the_arguments_of_the_operation(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        def extract(shop: "Shop", amount: int, *, user: str) -> dict[str, Any]:
            return {"amount": amount, "user": user, "shop": shop.name}

        class Shop:
            name = "north"

            @recorder.operation(metadata_extractor=extract)
            def execute(self, amount: int, *, user: str) -> None: ...

        Shop().execute(3, user="ann")

        metadata = last_recording().get_metadata()
        assert [metadata[name] for name in ("amount", "user", "shop")] == [3, "ann", "north"]

    def test_it_is_called_after_the_operation(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop:
            sold = 0

            @recorder.operation(metadata_extractor=lambda shop: {"sold": shop.sold})
            def execute(self) -> None:
                self.sold = 4

        Shop().execute()

        assert last_recording().get_metadata()["sold"] == 4


class TestEndings:
    def test_an_exception_is_recorded_and_raised_as_it_was(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        error = ValueError("sold out")

        @recorder.operation()
        def execute() -> None:
            raise error

        with pytest.raises(ValueError, match="sold out") as raised:
            execute()

        assert raised.value is error
        recording = last_recording()
        assert recording.get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION] is True
        assert isinstance(recording.get_data(OPERATION_OUTPUT)["args"][0], ValueError)

    def test_an_exception_that_is_falsy_is_recorded_all_the_same(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.operation()
        def execute() -> None:
            raise EmptyGroupError

        with pytest.raises(EmptyGroupError):
            execute()

        assert isinstance(last_recording().get_data(OPERATION_OUTPUT)["args"][0], EmptyGroupError)

    @pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
    def test_what_ends_by_a_base_exception_is_incomplete(
        self, recorder: TapeRecorder, last_recording: Load, ending: type[BaseException]
    ) -> None:
        @recorder.operation()
        def execute() -> None:
            raise ending

        with pytest.raises(ending):
            execute()

        metadata = last_recording().get_metadata()
        assert metadata[TapeRecorder.INCOMPLETE_RECORDING] is True
        assert metadata[TapeRecorder.EXCEPTION_IN_OPERATION] is True

    def test_a_cancelled_task_is_incomplete(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.operation()
        async def execute() -> None:
            await asyncio.sleep(60)

        async def cancel() -> None:
            task = asyncio.create_task(execute())
            await asyncio.sleep(0)
            task.cancel()
            await task

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(cancel())

        assert last_recording().get_metadata()[TapeRecorder.INCOMPLETE_RECORDING] is True

    def test_the_next_operation_of_the_thread_is_not_affected(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.operation()
        def execute(fails: bool) -> None:
            if fails:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            execute(True)
        assert recorder.current_recording_id is None
        execute(False)

        assert recorder.counters == {"recorded": 2}


class EmptyGroupError(Exception):
    def __len__(self) -> int:
        return 0


class TestSpans:
    def test_an_operation_within_another_one_belongs_to_its_recording(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, replay: Replay
    ) -> None:
        real = iter([1])

        @recorder.intercept_input("read")
        def read() -> int:
            return next(real)

        @recorder.operation(category="inner")
        def inner(amount: int) -> int:
            return read() + amount

        @recorder.operation(category="outer")
        def outer() -> int:
            return inner(10)

        outer()
        playback = replay(outer)

        assert categories(cassette) == ["outer"]
        recording = playback.original_recording
        assert recording.get_data("input: read args=[], kwargs={}") == {"value": 1}
        assert recording.get_data("span: inner #1.output") == {"args": [10], "kwargs": {}}
        assert recording.get_data("span: inner #1.result") == {"value": 11}
        assert playback.playback_outputs == playback.recorded_outputs

    def test_an_exception_of_a_span_reaches_the_outer_operation_in_a_replay_too(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation(category="inner")
        def inner() -> None:
            raise EmptyGroupError

        @recorder.operation(category="outer")
        def outer() -> str:
            try:
                inner()
            except EmptyGroupError:
                return "handled"
            return "not raised"

        assert outer() == "handled"
        playback = replay(outer)

        recording = playback.original_recording
        assert isinstance(recording["span: inner #1.result"]["exception"], EmptyGroupError)
        assert playback.playback_outputs[0].value["args"] == ["handled"]

    def test_an_operation_within_an_interception_is_not_a_span(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        @recorder.operation(category="inner")
        def inner() -> int:
            return 1

        @recorder.intercept_input("read")
        def read() -> int:
            return inner()

        @recorder.operation(category="outer")
        def outer() -> int:
            return read()

        outer()

        assert categories(cassette) == ["outer"]
        assert "span: inner #1.output" not in last_recording().get_all_keys()


class TestSeparateOperations:
    @pytest.fixture
    def shop(self, recorder: TapeRecorder) -> type:
        class Shop:
            amounts = iter([1, 2])

            @recorder.intercept_input("read")
            def read(self) -> int:
                return next(self.amounts)

            @recorder.operation(category="inner", separate=True)
            def inner(self, plus: int) -> int:
                return self.read() + plus

            @recorder.operation(category="outer")
            def outer(self) -> int:
                return self.inner(10) * 2

        return Shop

    def test_it_has_a_recording_of_its_own_with_the_id_of_its_parent(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, shop: type
    ) -> None:
        assert shop().outer() == 22

        (inner_id,) = cassette.iter_recording_ids("inner")
        (outer_id,) = cassette.iter_recording_ids("outer")
        inner = cassette.get_recording(inner_id)
        outer = cassette.get_recording(outer_id)
        assert inner.get_metadata()[TapeRecorder.PARENT_ID] == outer_id
        assert inner.get_data("input: read args=[], kwargs={}") == {"value": 1}
        assert outer.get_data("output: operation: inner #1.output")["args"] == [10]
        assert outer.get_data("output: operation: inner #1.result") == {"value": 11}
        assert "input: read args=[], kwargs={}" not in outer.get_all_keys()

    def test_the_replay_of_the_outer_one_returns_its_recorded_result(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, shop: type
    ) -> None:
        shop().outer()
        shop.read = lambda self: 1_000  # type: ignore[attr-defined]
        (outer_id,) = cassette.iter_recording_ids("outer")

        playback = recorder.play(outer_id, lambda recording: shop().outer())

        assert playback.playback_outputs == playback.recorded_outputs
        assert playback.missed == []
        assert playback.never_consumed == []

    def test_its_own_recording_is_replayed_by_itself(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, shop: type
    ) -> None:
        shop().outer()
        (inner_id,) = cassette.iter_recording_ids("inner")

        playback = recorder.play(inner_id, lambda recording: shop().inner(10))

        assert playback.playback_outputs == playback.recorded_outputs
        assert next(shop.amounts) == 2  # type: ignore[attr-defined]

    def test_outside_of_another_one_it_is_an_ordinary_operation(
        self, cassette: InMemoryTapeCassette, shop: type, last_recording: Load
    ) -> None:
        assert shop().inner(1) == 2

        assert categories(cassette) == ["inner"]
        assert TapeRecorder.PARENT_ID not in last_recording().get_metadata()

    def test_its_exception_is_replayed_to_the_outer_one(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.operation(category="inner", separate=True)
        def inner() -> None:
            raise ValueError("sold out")

        @recorder.operation(category="outer")
        def outer() -> str:
            try:
                inner()
            except ValueError as error:
                return str(error)
            return ""

        assert outer() == "sold out"
        (outer_id,) = cassette.iter_recording_ids("outer")
        playback = recorder.play(outer_id, lambda recording: outer())

        assert playback.playback_outputs == playback.recorded_outputs
        assert playback.missed == []

    def test_one_that_is_skipped_is_still_an_output_of_the_outer_one(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, replay: Replay
    ) -> None:
        real = iter([1, 2])

        @recorder.recording_params(skipped=True)
        class Quiet:
            @recorder.operation(separate=True)
            def execute(self) -> int:
                return next(real)

        @recorder.operation(category="outer")
        def outer() -> int:
            return Quiet().execute()

        assert outer() == 1
        playback = replay(outer)

        assert categories(cassette) == ["outer"]
        assert playback.playback_outputs == playback.recorded_outputs
        assert next(real) == 2

    def test_async_ones_too(self, recorder: TapeRecorder, cassette: InMemoryTapeCassette) -> None:
        @recorder.operation(category="inner", separate=True)
        async def inner() -> int:
            return 1

        @recorder.operation(category="outer")
        async def outer() -> int:
            return await inner() + 1

        asyncio.run(outer())
        (outer_id,) = cassette.iter_recording_ids("outer")
        playback = recorder.play(outer_id, lambda recording: outer())

        assert sorted(categories(cassette)) == ["inner", "outer"]
        assert playback.playback_outputs == playback.recorded_outputs

    def test_discarding_it_leaves_the_outer_recording(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        @recorder.operation(category="inner", separate=True)
        def inner() -> int:
            recorder.discard_recording()
            return 1

        @recorder.operation(category="outer")
        def outer() -> int:
            return inner()

        outer()

        assert categories(cassette) == ["outer"]
        assert last_recording()["output: operation: inner #1.result"] == {"value": 1}


class TestDiscarding:
    def test_in_the_middle_the_operation_goes_on_unrecorded(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.intercept_input("read")
        def read() -> int:
            return 1

        @recorder.intercept_output("write")
        def write(value: int) -> int:
            return value

        @recorder.operation(category="inner")
        def inner() -> int:
            return read()

        @recorder.operation(category="outer")
        def outer() -> int:
            read()
            recorder.discard_recording()
            recorder.discard_recording()
            return read() + write(2) + inner()

        assert outer() == 4
        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"discarded": 1}

    def test_from_within_an_interception_and_from_a_span(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.intercept_input("read")
        def read() -> None:
            recorder.discard_recording()

        @recorder.operation(category="inner")
        def inner() -> None:
            recorder.discard_recording()

        @recorder.operation(category="outer")
        def outer(step: Callable[[], None]) -> None:
            step()

        outer(read)
        outer(inner)

        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"discarded": 2}


class TestSampling:
    def test_a_rate_keeps_that_share_and_the_seed_says_which(self) -> None:
        def kept_by(seed: int) -> list[int]:
            cassette = InMemoryTapeCassette()
            recorder = TapeRecorder(cassette, random_seed=seed)

            @recorder.recording_params(sampling_rate=0.3)
            class Shop:
                @recorder.operation(metadata_extractor=lambda shop, number: {"number": number})
                def execute(self, number: int) -> None: ...

            with recorder.enabled_recording():
                for number in range(300):
                    Shop().execute(number)
            counters = recorder.counters
            assert counters["recorded"] + counters["sampled_out"] == 300
            return [each["number"] for each in cassette.iter_recordings_metadata("Shop")]

        assert kept_by(7) == kept_by(7)
        assert kept_by(7) != kept_by(8)
        assert 60 <= len(kept_by(7)) <= 120

    @pytest.mark.parametrize(("rate", "kept"), [(0, 0), (1, 20)])
    def test_none_and_all(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, rate: float, kept: int
    ) -> None:
        @recorder.recording_params(RecordingParameters(sampling_rate=rate))
        class Shop:
            @recorder.operation()
            def execute(self) -> None: ...

        for _ in range(20):
            Shop().execute()

        assert len(cassette.get_all_recording_ids()) == kept

    def test_a_forced_sample_is_kept(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        forced: list[bool] = []

        @recorder.recording_params(sampling_rate=0)
        class Shop:
            @recorder.operation()
            def execute(self) -> None:
                forced.append(recorder.is_recording_sample_forced)
                recorder.force_sample_recording()
                forced.append(recorder.is_recording_sample_forced)

        Shop().execute()

        assert forced == [False, True]
        assert len(cassette.get_all_recording_ids()) == 1

    def test_a_class_may_ignore_forced_samples(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.recording_params(sampling_rate=0, ignore_enforced_sampling=True)
        class Shop:
            @recorder.operation()
            def execute(self) -> None:
                recorder.force_sample_recording()
                assert not recorder.is_recording_sample_forced

        Shop().execute()

        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"sampled_out": 1}

    def test_a_skipped_class_is_not_recorded_and_runs(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.recording_params(skipped=True)
        class Shop:
            @recorder.operation()
            def execute(self) -> bool:
                return recorder.in_recording_mode

        assert Shop().execute() is False
        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {}

    def test_parameters_are_those_of_the_nearest_class(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        @recorder.recording_params(skipped=True)
        class Shop:
            @recorder.operation()
            def execute(self) -> None: ...

        class Stall(Shop): ...

        @recorder.recording_params(sampling_rate=1.0)
        class Market(Shop): ...

        Stall().execute()
        Market().execute()

        assert categories(cassette) == ["Market"]


class TestOperationsOfAdapters:
    """What frameworks open by themselves: they know the category late."""

    def run(self, operation: OpenOperation | None, outcome: Outcome = _DONE) -> None:
        assert operation is not None
        operation.close(outcome)

    def test_one_may_be_named_after_it_began(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        operation = recorder.open_operation(OperationStart(category=None))
        assert operation is not None
        operation.add_metadata({"path": "/orders"})
        operation.name("orders.list")
        operation.set_request({"method": "GET"})
        self.run(operation)

        recording = last_recording()
        assert recording.category == "orders.list"
        assert recording.get_metadata()["path"] == "/orders"
        assert recording[TapeRecorder.OPERATION_REQUEST] == {"method": "GET"}
        assert recording[OPERATION_OUTPUT]["args"] == ["done"]

    def test_one_that_is_never_named_is_a_fault(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        self.run(recorder.open_operation(OperationStart(category=None)))

        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"failed": 1}

    def test_one_may_be_excluded_once_it_has_a_name(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        operation = recorder.open_operation(OperationStart(category=None))
        assert operation is not None
        operation.name("static")
        operation.exclude()
        self.run(operation)

        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"excluded": 1}

    def test_its_parameters_come_with_its_name(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        operation = recorder.open_operation(OperationStart(category=None))
        assert operation is not None
        operation.name("orders.list", RecordingParameters(sampling_rate=0))
        self.run(operation)

        assert recorder.counters == {"sampled_out": 1}

    def test_within_another_operation_it_is_a_span_and_in_a_replay_it_passes(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        @recorder.operation(category="outer")
        def outer() -> str:
            operation = recorder.open_operation(OperationStart(category=None))
            assert operation is not None
            operation.name("inner")
            operation.set_request({"path": "/"})
            operation.add_metadata({"path": "/"})
            operation.exclude()
            self.run(operation)
            return "outer result"

        outer()
        playback = replay(outer)

        assert last_recording()["span: inner #1.output"] == {"path": "/"}
        assert last_recording()["span: inner #1.result"] == {"value": "done"}
        assert playback.playback_outputs == playback.recorded_outputs

    def test_after_the_operation_around_it_has_ended_it_is_one_of_its_own(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        goes_on = threading.Event()

        def serve() -> None:
            goes_on.wait(10)
            self.run(recorder.open_operation(OperationStart(category="request")))

        thread = threading.Thread(target=serve)
        recorder.operation(category="starter")(thread.start)()
        goes_on.set()
        thread.join()

        assert sorted(categories(cassette)) == ["request", "starter"]


class TestWhenOff:
    def test_a_decorated_callable_is_as_the_undecorated_one(self, recorder: TapeRecorder) -> None:
        recorder.disable_recording()

        class Shop:
            @recorder.operation()
            def execute(self) -> "Shop":
                """Do it."""
                return self

            @functools.cached_property
            @recorder.intercept_input("read")
            def once(self) -> object:
                return object()

        shop = Shop()
        assert shop.execute() is shop
        assert shop.once is shop.once
        with pytest.raises(TypeError, match="execute"):
            shop.execute(1)  # type: ignore[call-arg]


SCRIPT = """
from playback_core import InMemoryTapeCassette, TapeRecorder
recorder = TapeRecorder(InMemoryTapeCassette())
@recorder.operation()
def ping(): return "pong"
with recorder.enabled_recording(): ping()
from playback_core.studio import DefaultTuner, PlaybackStudio
(recording_id,) = recorder.tape_cassette.get_all_recording_ids()
print(recorder.tape_cassette.get_recording_metadata(recording_id)[recorder.OPERATION_FUNCTION])
played = PlaybackStudio(None, DefaultTuner(), recorder, recording_ids=[recording_id]).play()
print(*next(iter(played.values())))
"""


def test_a_function_of_a_script_is_named_by_its_file_and_replayed_there(tmp_path: Path) -> None:
    (tmp_path / "pinging.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "pinging.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["pinging:ping", "Equal"]


def test_an_operation_leaves_no_cycles_for_the_collector_of_garbage(recorder: TapeRecorder) -> None:
    @recorder.intercept_input(alias="ask")
    def ask(number: int) -> int:
        return number

    @recorder.operation()
    def execute() -> int:
        return ask(1) + ask(2)

    execute()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            execute()
        assert gc.collect() < 20
    finally:
        gc.enable()

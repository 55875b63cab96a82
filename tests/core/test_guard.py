import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    InputInterceptionDataHandler,
    OutputInterceptionDataHandler,
    Recording,
    TapeRecorder,
)


class Broken(Exception):
    pass


def break_(*args: Any, **kwargs: Any) -> Any:
    raise Broken("the recorder's own fault")


class BrokenInputHandler(InputInterceptionDataHandler):
    prepare_input_for_recording = break_
    restore_input_from_recording = break_


class BrokenOutputHandler(OutputInterceptionDataHandler):
    prepare_output_for_recording = break_
    restore_output_from_recording = break_


class Unfinished(InMemoryTapeCassette):
    """A cassette one of whose methods fails."""

    def __init__(self, failing: str) -> None:
        super().__init__()
        setattr(self, failing, break_)


def metadata_extractor(recorder: TapeRecorder) -> Callable[[], Any]:
    @recorder.operation(metadata_extractor=break_)
    def execute() -> str:
        return "done"

    return execute


def metadata_that_is_none(recorder: TapeRecorder) -> Callable[[], Any]:
    @recorder.operation(metadata_extractor=lambda: 3)  # type: ignore[arg-type, return-value]
    def execute() -> str:
        return "done"

    return execute


def extractor_of_a_block(recorder: TapeRecorder) -> Callable[[], Any]:
    def execute() -> str:
        with recorder.start_recording("block", {}, break_):
            return "done"

    return execute


def metadata_of_a_block(recorder: TapeRecorder) -> Callable[[], Any]:
    def execute() -> str:
        with recorder.start_recording("block", 3):  # type: ignore[arg-type]
            return "done"

    return execute


def calls(decorate: Callable[[TapeRecorder], Any]) -> Callable[[TapeRecorder], Callable[[], Any]]:
    def make(recorder: TapeRecorder) -> Callable[[], Any]:
        called = decorate(recorder)(lambda value: f"{value}")

        @recorder.operation()
        def execute() -> str:
            return str(called("done"))

        return execute

    make.__name__ = decorate.__name__
    return make


@calls
def input_data_handler(recorder: TapeRecorder) -> Any:
    return recorder.intercept_input("read", data_handler=BrokenInputHandler())


@calls
def output_data_handler(recorder: TapeRecorder) -> Any:
    return recorder.intercept_output("send", data_handler=BrokenOutputHandler())


@calls
def alias_params_resolver(recorder: TapeRecorder) -> Any:
    return recorder.intercept_input("read {key}", alias_params_resolver=break_)


@calls
def alias_params_without_the_key(recorder: TapeRecorder) -> Any:
    return recorder.intercept_input("read {key}", alias_params_resolver=lambda value: {})


class Refusing(type):
    """A metaclass that lets nobody look at its classes."""

    def __getattribute__(cls, name: str) -> Any:
        raise Broken(f"{name} of the class is not to be read")


class Hostile(metaclass=Refusing):
    pass


def hostile() -> Any:
    return object.__new__(Hostile)


def key_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    read = recorder.intercept_input("read")(lambda value: "done")

    @recorder.operation()
    def execute() -> str:
        return read(hostile())

    return execute


def result_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    read = recorder.intercept_input("read")(hostile)

    @recorder.operation()
    def execute() -> str:
        read()
        return "done"

    return execute


def exception_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    @recorder.intercept_input("read")
    def read() -> None:
        raise LookupError(hostile())

    @recorder.operation()
    def execute() -> str:
        with suppress(LookupError):
            read()
        return "done"

    return execute


def output_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    send = recorder.intercept_output("send")(lambda value: None)

    @recorder.operation()
    def execute() -> str:
        send(hostile())
        return "done"

    return execute


def data_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    @recorder.operation()
    def execute() -> str:
        recorder.record_data("data", hostile())
        return "done"

    return execute


def span_result_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    span = recorder.operation(category="span")(hostile)

    @recorder.operation()
    def execute() -> str:
        span()
        return "done"

    return execute


def separate_result_that_cannot_be_encoded(recorder: TapeRecorder) -> Callable[[], Any]:
    span = recorder.operation(category="span", separate=True)(hostile)

    @recorder.operation()
    def execute() -> str:
        span()
        return "done"

    return execute


def class_that_cannot_be_hashed(recorder: TapeRecorder) -> Callable[[], Any]:
    class Unhashable(type):
        __hash__ = None  # type: ignore[assignment]

    class Shop(metaclass=Unhashable):
        @recorder.operation()
        def execute(this) -> str:
            return "done"

    return Shop().execute


FAULTS = [
    class_that_cannot_be_hashed,
    metadata_extractor,
    metadata_that_is_none,
    extractor_of_a_block,
    metadata_of_a_block,
    input_data_handler,
    output_data_handler,
    alias_params_resolver,
    alias_params_without_the_key,
    key_that_cannot_be_encoded,
    result_that_cannot_be_encoded,
    exception_that_cannot_be_encoded,
    output_that_cannot_be_encoded,
    data_that_cannot_be_encoded,
    span_result_that_cannot_be_encoded,
    separate_result_that_cannot_be_encoded,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_recording_costs_the_recording_and_is_logged_once(
    recorder: TapeRecorder,
    cassette: InMemoryTapeCassette,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[TapeRecorder], Callable[[], Any]],
) -> None:
    execute = fault(recorder)

    assert [execute() for _ in range(5)] == ["done"] * 5

    assert cassette.get_all_recording_ids() == []
    assert recorder.counters["failed"] in (5, 10)  # a separate operation counts with its outer one
    assert set(recorder.counters) == {"failed"}
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(set(messages)) == recorder.counters["failed"] / 5
    assert all(record.name == "playback" for record in caplog.records)
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    assert all(
        "this recording is discarded" in message or "it is not recorded" in message
        for message in messages
    )


@pytest.mark.parametrize("failing", ["create_new_recording", "save_recording"])
def test_a_cassette_that_fails_costs_the_recording(
    caplog: pytest.LogCaptureFixture, failing: str
) -> None:
    recorder = TapeRecorder(Unfinished(failing))

    @recorder.operation()
    def execute() -> str:
        return "done"

    with recorder.enabled_recording():
        assert [execute(), execute()] == ["done", "done"]

    assert recorder.counters == {"failed": 2}
    assert len(caplog.records) == 1
    assert "Broken: the recorder's own fault" in caplog.text


def test_a_cassette_that_fails_to_abort_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    recorder = TapeRecorder(Unfinished("abort_recording"))

    @recorder.operation()
    def execute() -> str:
        recorder.discard_recording()
        return "done"

    with recorder.enabled_recording():
        assert [execute(), execute()] == ["done", "done"]

    assert recorder.counters == {"discarded": 2}
    assert len(caplog.records) == 1


def test_a_fault_does_not_change_the_exception_of_the_operation(recorder: TapeRecorder) -> None:
    error = LookupError("the application's own")

    @recorder.operation(metadata_extractor=break_)
    def execute() -> None:
        raise error

    with pytest.raises(LookupError) as raised:
        execute()

    assert raised.value is error
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_fault_in_an_async_operation_does_not_reach_the_caller(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette
) -> None:
    @recorder.intercept_input("read", data_handler=BrokenInputHandler())
    async def read() -> int:
        return 1

    @recorder.operation(metadata_extractor=break_)
    async def execute() -> int:
        return await read()

    assert asyncio.run(execute()) == 1
    assert cassette.get_all_recording_ids() == []
    assert recorder.counters == {"failed": 1}


def test_each_cause_has_a_line_of_its_own(
    recorder: TapeRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    for fault in (input_data_handler, output_data_handler, metadata_extractor):
        execute = fault(recorder)
        execute()
        execute()

    assert len(caplog.records) == 3


def test_a_fault_whose_own_text_cannot_be_made_is_reported_all_the_same(
    recorder: TapeRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def extract() -> Any:
        raise Mute

    @recorder.operation(metadata_extractor=extract)
    def execute() -> str:
        return "done"

    assert execute() == "done"
    assert recorder.counters == {"failed": 1}
    assert "Mute" in caplog.records[0].getMessage()


def test_a_recursion_that_just_fits_is_not_broken_by_recording(
    recorder: TapeRecorder, last_recording: Callable[[], Recording]
) -> None:
    @recorder.intercept_input("leaf")
    def leaf() -> str:
        return "done"

    def descend(depth: int) -> str:
        return leaf() if depth == 0 else descend(depth - 1)

    @recorder.operation()
    def execute(depth: int) -> str:
        return descend(depth)

    def deepest(run: Callable[[int], str]) -> int:
        low, high = 0, 2_000
        while low < high:
            middle = (low + high + 1) // 2
            try:
                run(middle)
                low = middle
            except RecursionError:
                high = middle - 1
        return low

    # The driver takes a frame or two of its own, and what else recording needs is not the
    # application's loss: where it does not fit, the recording is dropped.
    recorder.disable_recording()
    without = deepest(execute)
    recorder.enable_recording()
    assert without - deepest(execute) <= 5


def test_a_replay_fails_loudly_where_a_recording_fails_open(
    recorder: TapeRecorder, last_recording: Callable[[], Recording]
) -> None:
    fails = False

    def resolve() -> dict[str, Any]:
        if fails:
            raise Broken("not now")
        return {"key": 1}

    @recorder.intercept_input("read {key}", alias_params_resolver=resolve)
    def read() -> int:
        return 1

    @recorder.operation()
    def execute() -> int:
        return read()

    execute()
    fails = True
    with pytest.raises(Exception, match="not now"):
        recorder.play(last_recording().id, lambda recording: execute())

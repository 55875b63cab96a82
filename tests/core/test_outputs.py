import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from playback_core import (
    Output,
    OutputInterceptionDataHandler,
    Playback,
    Recording,
    RecordingKeyError,
    SettingsError,
    TapeRecorder,
)

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


def sent(playback: Playback, alias: str) -> list[Any]:
    prefix = f"output: {alias} #"
    return [each.value for each in playback.playback_outputs if each.key.startswith(prefix)]


def result(playback: Playback) -> Any:
    return playback.playback_outputs[-1].value["args"][0]


def test_a_replay_captures_what_is_sent_and_gives_the_recorded_results(
    recorder: TapeRecorder, replay: Replay
) -> None:
    stored: list[int] = []

    @recorder.intercept_output("store")
    def store(value: int, *, unit: str = "kg") -> int:
        stored.append(value)
        return len(stored)

    amount = 1

    @recorder.operation()
    def execute() -> list[int]:
        return [store(amount), store(amount + 1, unit="g")]

    execute()
    amount = 10
    playback = replay(execute)

    assert stored == [1, 2]
    assert result(playback) == [1, 2]
    assert playback.playback_outputs[:2] == [
        Output("output: store #1.output", {"args": [10], "kwargs": {}}),
        Output("output: store #2.output", {"args": [11], "kwargs": {"unit": "g"}}),
    ]
    assert playback.recorded_outputs[:2] == [
        Output("output: store #1.output", {"args": [1], "kwargs": {}}),
        Output("output: store #2.output", {"args": [2], "kwargs": {"unit": "g"}}),
    ]


def test_the_receiver_of_a_method_is_not_sent(
    recorder: TapeRecorder, replay: Replay, last_recording: Load
) -> None:
    class Shop:
        @recorder.intercept_output("method")
        def method(self, value: int) -> None: ...

        @classmethod
        @recorder.intercept_output("inner class method")
        def inner_class(cls, value: int) -> None: ...

        @recorder.intercept_output("outer class method")
        @classmethod
        def outer_class(cls, value: int) -> None: ...

        @recorder.static_intercept_output("outer static method")
        @staticmethod
        def outer_static(value: int) -> None: ...

        @staticmethod
        @recorder.static_intercept_output("inner static method")
        def inner_static(value: int) -> None: ...

        @recorder.operation()
        def execute(self) -> None:
            self.method(1)
            self.inner_class(1)
            Shop.outer_class(1)
            self.outer_static(1)
            Shop.inner_static(1)

    Shop().execute()
    playback = replay(Shop().execute)

    own = playback.playback_outputs[:-1]
    assert len(own) == 5
    assert all(each.value == {"args": [1], "kwargs": {}} for each in own)
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_coroutine_function_is_an_output_too(recorder: TapeRecorder, replay: Replay) -> None:
    stored: list[int] = []

    @recorder.intercept_output("store")
    async def store(value: int) -> str:
        await asyncio.sleep(0)
        stored.append(value)
        return "stored"

    @recorder.operation()
    async def execute() -> str:
        return await store(1)

    assert asyncio.run(execute()) == "stored"
    playback = replay(execute)

    assert stored == [1]
    assert playback.playback_outputs == playback.recorded_outputs


def test_what_was_sent_is_kept_as_it_was_when_it_was_sent(
    recorder: TapeRecorder, replay: Replay, last_recording: Load
) -> None:
    @recorder.intercept_output("store")
    def store(order: dict[str, Any]) -> None:
        order["id"] = 7

    @recorder.operation()
    def execute() -> None:
        order: dict[str, Any] = {"lines": [1]}
        store(order)
        order["lines"].append(2)

    execute()
    playback = replay(execute)

    assert last_recording()["output: store #1.output"]["args"] == [{"lines": [1]}]
    assert sent(playback, "store") == [{"args": [{"lines": [1]}], "kwargs": {}}]


def test_the_recorded_result_of_a_call_is_found_by_its_number(
    recorder: TapeRecorder, replay: Replay, last_recording: Load
) -> None:
    @recorder.intercept_output("store")
    def store(value: int) -> str:
        return f"stored {value}"

    values = [1, 2]

    @recorder.operation()
    def execute() -> list[str]:
        return [store(value) for value in values]

    execute()
    values.reverse()

    # What is sent is what is compared, so it does not choose the result.
    assert result(replay(execute)) == ["stored 1", "stored 2"]
    assert last_recording()["output: store #2.result"] == {"value": "stored 2"}


class TestUnrecordedResults:
    @pytest.fixture
    def sends_twice(self, recorder: TapeRecorder, replay: Replay) -> Callable[..., Playback]:
        def sends_twice(**options: Any) -> Playback:
            times = 1

            @recorder.intercept_output("store", **options)
            def store(value: int) -> str:
                return "stored"

            @recorder.operation()
            def execute() -> list[str]:
                return [store(number) for number in range(times)]

            execute()
            times = 2
            return replay(execute)

        return sends_twice

    def test_by_default_it_is_an_error_that_says_what_was_sent(
        self, sends_twice: Callable[..., Playback]
    ) -> None:
        with pytest.raises(RecordingKeyError, match=r"store #2\.result.*\[1\].*1 call\(s\)"):
            sends_twice()

    @pytest.mark.parametrize("default", [None, 0, "a default"])
    def test_a_default_may_be_declared(
        self, sends_twice: Callable[..., Playback], default: Any
    ) -> None:
        playback = sends_twice(
            fail_on_no_recorded_result=False, default_result_when_not_recorded=default
        )

        assert result(playback) == ["stored", default]
        assert len(sent(playback, "store")) == 2
        assert [(each.key, each.policy) for each in playback.substituted] == [
            ("output: store #2.result", "default_result_when_not_recorded")
        ]
        assert playback.missed == []


def test_an_output_that_is_not_sent_any_more_is_listed(
    recorder: TapeRecorder, replay: Replay
) -> None:
    sends = True

    @recorder.intercept_output("store")
    def store(value: int) -> None: ...

    @recorder.operation()
    def execute() -> None:
        if sends:
            store(1)

    execute()
    sends = False
    playback = replay(execute)

    assert [entry.alias for entry in playback.never_consumed] == ["store"]
    assert len(playback.recorded_outputs) == 2
    assert len(playback.playback_outputs) == 1


def test_an_output_in_the_place_of_an_exception_of_the_recording_raises_it(
    recorder: TapeRecorder, replay: Replay
) -> None:
    @recorder.intercept_output("store")
    def store(value: int) -> None:
        raise ConnectionError("down")

    @recorder.operation()
    def execute() -> str:
        try:
            store(1)
        except ConnectionError as error:
            return f"retry later: {error}"
        return "stored"

    execute()

    assert result(replay(execute)) == "retry later: down"


class Shortening(OutputInterceptionDataHandler):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def prepare_output_for_recording(
        self, interception_key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        self.seen.append((interception_key, args, kwargs))
        return {"length": len(args[0])}

    def restore_output_from_recording(self, recorded_data: Any) -> Any:
        return "x" * recorded_data["length"]


def test_a_data_handler_makes_what_is_stored_and_compared(
    recorder: TapeRecorder, replay: Replay, last_recording: Load
) -> None:
    handler = Shortening()

    class Shop:
        @recorder.intercept_output("upload", data_handler=handler)
        def upload(self, body: str, *, name: str) -> None: ...

        @recorder.operation()
        def execute(self) -> None:
            self.upload("four", name="a")
            self.upload("seven", name="b")

    Shop().execute()
    playback = replay(Shop().execute)

    assert last_recording()["output: upload #2.output"] == {"length": 5}
    assert playback.playback_outputs == playback.recorded_outputs
    expected = [
        ("output: upload #1.output", ("four",), {"name": "a"}),
        ("output: upload #2.output", ("seven",), {"name": "b"}),
    ]
    assert handler.seen == expected * 2


def test_a_data_handler_that_fails_at_replay_is_a_miss_even_when_swallowed(
    recorder: TapeRecorder, replay: Replay
) -> None:
    class Breaking(Shortening):
        def prepare_output_for_recording(self, *args: Any) -> Any:
            if recorder.in_playback_mode:
                raise ZeroDivisionError("cannot be prepared")
            return 1

    @recorder.intercept_output("upload", data_handler=Breaking())
    def upload(body: str) -> None: ...

    @recorder.operation()
    def execute() -> None:
        try:
            upload("four")
        except RecordingKeyError:
            return

    execute()
    playback = replay(execute)

    assert "cannot be prepared" in playback.missed[0].message


@pytest.mark.parametrize("alias", ["", None, 3])
def test_an_alias_that_is_no_name_is_refused(recorder: TapeRecorder, alias: Any) -> None:
    with pytest.raises(SettingsError, match="alias"):
        recorder.intercept_output(alias)

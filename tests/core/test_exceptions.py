from collections.abc import Callable
from typing import Any

import pytest

from playback_core import Playback, Recording, TapeRecorder

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


class PaymentError(Exception):
    def __init__(self, order: int, *, code: str) -> None:
        super().__init__(f"order {order} was refused: {code}")
        self.order = order
        self.code = code


class Slotted(LookupError):
    __slots__ = ("place",)


def payment_error() -> Exception:
    error = PaymentError(7, code="limit")
    error.add_note("asked twice")
    return error


def chained() -> Exception:
    try:
        raise KeyError("account")
    except KeyError as cause:
        error = ValueError("no account", 3)
        error.__cause__ = cause
        return error


def slotted() -> Exception:
    error = Slotted("gone")
    error.place = "shelf"  # type: ignore[attr-defined]
    return error


def grouped() -> Exception:
    return ExceptionGroup("both", [ValueError("a"), OSError(2, "not found", "file.txt")])


ERRORS = [payment_error, chained, slotted, grouped]


def facts(error: BaseException | None) -> Any:
    """All of an exception that an application can see."""
    if error is None:
        return None
    return (
        type(error),
        str(error),
        error.args if not isinstance(error, ExceptionGroup) else error.message,
        {name: value for name, value in vars(error).items() if name != "__notes__"},
        getattr(error, "__notes__", []),
        getattr(error, "place", None),
        facts(error.__cause__),
        error.__suppress_context__,
        [facts(each) for each in getattr(error, "exceptions", [])],
    )


def raising(make: Callable[[], Exception]) -> Callable[[], Any]:
    def raises() -> Any:
        raise make()

    return raises


@pytest.mark.parametrize("make", ERRORS)
class TestExceptionsAreRaisedAgainAsTheyWere:
    def caught(
        self, make: Callable[[], Exception], call: Callable[[], Any], recorder: TapeRecorder,
        replay: Replay,
    ) -> list[Any]:  # fmt: skip
        seen: list[Any] = []

        @recorder.operation(category="all")
        def execute() -> None:
            try:
                call()
            except type(make()) as error:
                seen.append(facts(error))

        execute()
        replay(execute)
        return seen

    def test_by_inputs(
        self, recorder: TapeRecorder, replay: Replay, make: Callable[[], Exception]
    ) -> None:
        read = recorder.intercept_input("read")(raising(make))

        recorded, replayed = self.caught(make, read, recorder, replay)

        assert recorded == replayed == facts(make())

    def test_by_outputs(
        self, recorder: TapeRecorder, replay: Replay, make: Callable[[], Exception]
    ) -> None:
        send = recorder.intercept_output("send")(raising(make))

        recorded, replayed = self.caught(make, send, recorder, replay)

        assert recorded == replayed == facts(make())

    def test_by_separate_operations(
        self, recorder: TapeRecorder, replay: Replay, make: Callable[[], Exception]
    ) -> None:
        separate = recorder.operation(category="other", separate=True)(raising(make))

        recorded, replayed = self.caught(make, separate, recorder, replay)

        assert recorded == replayed == facts(make())

    def test_of_operations_they_are_outputs(
        self, recorder: TapeRecorder, replay: Replay, make: Callable[[], Exception]
    ) -> None:
        execute = recorder.operation(category="all")(raising(make))

        with pytest.raises(type(make())):
            execute()
        playback = replay(execute)

        (recorded,) = playback.recorded_outputs
        (replayed,) = playback.playback_outputs
        assert facts(recorded.value["args"][0]) == facts(make())
        assert facts(replayed.value["args"][0]) == facts(make())


def test_one_whose_class_is_gone_is_still_an_exception_with_the_same_text(
    recorder: TapeRecorder, replay: Replay
) -> None:
    def make_class() -> type[Exception]:
        class GoneError(ValueError):
            pass

        return GoneError

    classes = [make_class()]

    @recorder.intercept_input("read")
    def read() -> None:
        error = classes[0]("sold out")
        error.add_note("since Monday")
        raise error

    seen: list[Exception] = []

    @recorder.operation()
    def execute() -> None:
        try:
            read()
        except ValueError as error:
            seen.append(error)

    execute()
    seen.clear()
    classes.clear()
    import gc

    gc.collect()
    playback = replay(execute)

    (error,) = seen
    assert str(error) == "sold out"
    assert error.__notes__ == ["since Monday"]
    assert "GoneError" in repr(error)
    assert playback.missed == []


def test_the_exception_raised_at_replay_is_a_fresh_one_each_time(
    recorder: TapeRecorder, replay: Replay
) -> None:
    seen: list[Exception] = []

    @recorder.intercept_input("read")
    def read() -> None:
        raise ValueError("sold out")

    @recorder.operation()
    def execute() -> None:
        for _ in range(2):
            try:
                read()
            except ValueError as error:
                error.add_note("handled")
                seen.append(error)

    execute()
    seen.clear()
    replay(execute)

    assert seen[0] is not seen[1]
    assert [error.__notes__ for error in seen] == [["handled"], ["handled"]]


def test_recording_does_not_touch_the_exception_of_the_application(
    recorder: TapeRecorder,
) -> None:
    error = payment_error()
    before = facts(error)

    @recorder.intercept_input("read")
    def read() -> None:
        raise error

    @recorder.operation()
    def execute() -> None:
        read()

    with pytest.raises(PaymentError) as raised:
        execute()

    assert raised.value is error
    assert facts(error) == before

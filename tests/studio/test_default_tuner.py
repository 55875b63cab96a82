import sys
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, SettingsError, TapeRecorder
from playback_core.studio import Comparison, DefaultTuner, PlaybackStudio

recorder = TapeRecorder()
rate = 2


@recorder.intercept_input("amount")
def amount() -> int:
    return 21


@recorder.operation()
def double(base: int, *, plus: int = 0) -> int:
    return base * rate + amount() + plus


@recorder.operation()
async def double_later(base: int) -> int:
    return base * rate


@recorder.operation()
def refuse(reason: str) -> int:
    raise ValueError(reason) if rate == 2 else TypeError(reason)


class Calculator:
    @recorder.operation(category="of an instance")
    def of_instance(self, base: int) -> int:
        return base * rate

    @classmethod
    @recorder.operation(category="of a class")
    def of_class(cls, base: int) -> int:
        return base * rate

    @staticmethod
    @recorder.operation(category="of none")
    def of_none(base: int) -> int:
        return base * rate


class Scaled:
    def __init__(self, scale: int) -> None:
        self.scale = scale

    @recorder.operation()
    def execute(self) -> int:
        return self.scale


@pytest.fixture(autouse=True)
def cassette(monkeypatch: pytest.MonkeyPatch) -> InMemoryTapeCassette:
    cassette = InMemoryTapeCassette()
    monkeypatch.setattr(recorder, "tape_cassette", cassette)
    return cassette


def record(operation: Any, *args: Any, **kwargs: Any) -> None:
    with recorder.enabled_recording():
        operation(*args, **kwargs)


def compare(tuner: DefaultTuner | None = None) -> Comparison:
    ids = recorder.readable_cassette().get_all_recording_ids()  # type: ignore[attr-defined]
    studio = PlaybackStudio(None, tuner or DefaultTuner(), recorder, recording_ids=ids)
    (comparisons,) = studio.play().values()
    (comparison,) = comparisons
    return comparison


def change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "rate", 3)


@pytest.mark.parametrize(
    "operation", [double, Calculator().of_instance, Calculator.of_class, Calculator.of_none]
)
def test_functions_and_methods_are_replayed_and_compared(
    operation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(operation, 1)
    assert str(compare()) == "Equal"
    change(monkeypatch)
    assert str(compare()).startswith("Different - result: ")


def test_arguments_by_name_are_passed_by_name() -> None:
    record(double, 1, plus=5)
    assert str(compare()) == "Equal"


async def _await(operation: Any, *args: Any) -> Any:
    return await operation(*args)


def test_coroutines_are_run_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    with recorder.enabled_recording():
        asyncio.run(_await(double_later, 4))
    assert str(compare()) == "Equal"
    change(monkeypatch)
    assert str(compare()) == "Different - result: 8 -> 12"


def test_exceptions_are_compared_by_type_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="closed"):
        record(refuse, "closed")
    assert str(compare()) == "Equal"
    change(monkeypatch)
    comparison = compare()
    assert str(comparison).startswith("Different - exception: ")
    assert "TypeError" in str(comparison)


def test_a_class_that_needs_arguments_is_named_with_what_to_do() -> None:
    record(Scaled(3).execute)
    message = str(compare())
    assert "needs an instance of Scaled" in message
    assert "playback function" in message


def test_a_function_inside_another_is_named_with_what_to_do() -> None:
    @recorder.operation()
    def inner() -> int:
        return 1

    record(inner)
    assert "defined in another one" in str(compare())


def test_a_function_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    record(double, 1)
    monkeypatch.delattr(sys.modules[__name__], "double")
    assert "which is not there (any more)" in str(compare())


def test_a_method_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    record(Calculator().of_instance, 1)
    monkeypatch.delattr(Calculator, "of_instance")
    assert "has no of_instance" in str(compare())


def test_a_module_that_is_not_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    record(double, 1)
    monkeypatch.delitem(sys.modules, __name__)
    assert "is not imported" in str(compare())


def test_a_kind_without_a_player_names_its_adapter() -> None:
    with recorder.enabled_recording(), recorder.start_recording("block", {}):
        pass
    assert "of kind 'block'" in str(compare())


def test_players_of_adapters_are_used_for_their_kind() -> None:
    record(double, 1)
    played: list[str] = []

    def play(recording: Any) -> None:
        played.append(recording.id)
        double(1)

    assert str(compare(DefaultTuner({"function": play}))) == "Equal"
    assert len(played) == 1


def test_a_player_has_to_be_a_function() -> None:
    with pytest.raises(SettingsError, match="flask"):
        DefaultTuner({"flask": "play"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("metadata", "request_", "says"),
    [
        ({}, None, "does not have the arguments"),
        ({}, {"path": "/"}, "is not one of a function"),
        ({}, {"args": [], "kwargs": {}}, "does not name its function"),
        (
            {TapeRecorder.OPERATION_FUNCTION: "a:b", TapeRecorder.OPERATION_CLASS: "c"},
            {"args": [], "kwargs": {}},
            "class of recording",
        ),
    ],
)
def test_a_recording_that_cannot_be_run_again_says_what_it_lacks(
    cassette: InMemoryTapeCassette, metadata: dict[str, Any], request_: Any, says: str
) -> None:
    recording = cassette.create_new_recording("foreign")
    recording.add_metadata({TapeRecorder.KIND: "function", **metadata})
    if request_ is not None:
        recording.set_data(TapeRecorder.OPERATION_REQUEST, request_)
    cassette.save_recording(recording)
    assert says in str(compare())


def test_the_adapter_of_a_kind_without_a_player_is_named(cassette: InMemoryTapeCassette) -> None:
    recording = cassette.create_new_recording("index")
    recording.add_metadata({TapeRecorder.KIND: "flask"})
    cassette.save_recording(recording)
    assert "adapter for flask" in str(compare())

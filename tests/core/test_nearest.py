from collections.abc import Callable
from typing import Any

import pytest

from playback_core import Playback, TapeRecorder

Replay = Callable[[Callable[[], Any]], Playback]
Call = tuple[str, tuple[Any, ...], dict[str, Any]]


@pytest.fixture
def hint(recorder: TapeRecorder, replay: Replay) -> Callable[..., str]:
    """Record some calls, miss another one, and return the message of the miss."""

    def hint(recorded: list[Call], missed: Call) -> str:
        calls = recorded

        @recorder.operation()
        def execute() -> None:
            for alias, args, kwargs in calls:
                try:
                    recorder.intercept_input(alias)(lambda *args, **kwargs: 1)(*args, **kwargs)
                except Exception:  # noqa: BLE001 - it is looked up on the playback
                    return

        execute()
        calls = [missed]
        return replay(execute).missed[0].message

    return hint


def test_of_several_calls_it_is_the_one_with_the_fewest_differences(
    hint: Callable[..., str],
) -> None:
    message = hint(
        [
            ("read", ("orders", 1), {"limit": 5}),
            ("read", ("orders", 2), {"limit": 10}),
            ("read", ("users", 7), {}),
        ],
        ("read", ("orders", 2), {"limit": 11}),
    )

    assert 'The nearest recorded call has args=["orders", 2], kwargs={"limit": 10}' in message
    assert "what differs: kwargs['limit'] was 10, is 11." in message


@pytest.mark.parametrize(
    ("recorded", "missed", "difference"),
    [
        (((1,), {}), ((2,), {}), "args[0] was 1, is 2"),
        (((1,), {}), ((1.0,), {}), "args[0] was 1, is 1.0"),
        (((1,), {}), ((1, 2), {}), "args[1] was not passed, is 2"),
        (((1, 2), {}), ((1,), {}), "args[1] was 2, is not passed"),
        (((), {"a": 1}), ((), {}), "kwargs['a'] was 1, is not passed"),
        (((), {}), ((), {"a": 1}), "kwargs['a'] was not passed, is 1"),
        ((({"x": {"y": [1, 2]}},), {}), (({"x": {"y": [1, 3]}},), {}), "['x']['y'][1] was 2, is 3"),
        ((({1: "a"},), {}), (({2: "a"},), {}), 'args[0][1] was "a", is not passed'),
        ((((1, 2),), {}), (([1, 2],), {}), "args[0] was (1, 2), is [1, 2]"),
    ],
)
def test_it_says_which_field_differs(
    hint: Callable[..., str], recorded: Any, missed: Any, difference: str
) -> None:
    assert difference in hint([("read", *recorded)], ("read", *missed))


def test_a_long_difference_is_cut(hint: Callable[..., str]) -> None:
    message = hint([("read", ("a" * 10_000,), {})], ("read", ("b" * 10_000,), {}))

    assert len(message) < 3_000


def test_an_alias_that_was_not_recorded_names_the_one_that_reads_like_it(
    hint: Callable[..., str],
) -> None:
    message = hint([("read order", (), {}), ("send", (), {})], ("read orders", (), {}))

    assert "the nearest recorded alias is 'read order'" in message


def test_an_alias_like_no_other_lists_those_recorded(hint: Callable[..., str]) -> None:
    message = hint([("send", (), {}), ("clock", (), {})], ("xyz", (), {}))

    assert "recorded are clock, send." in message


def test_a_recording_without_inputs_says_so(hint: Callable[..., str]) -> None:
    assert "The recording has no such calls." in hint([], ("read", (), {}))

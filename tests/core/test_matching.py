import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playback_core import InMemoryTapeCassette, Playback, RecordingKeyError, TapeRecorder

Replay = Callable[[Callable[[], Any]], Playback]

# Each branch is the keys it asks for, one after the other.
branches = st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=4)


def taking_turns(order: list[int]) -> Callable[[int], Any]:
    """Return what makes branches go on in a given order, whatever their own would be."""
    waiting = list(order)

    async def turn(branch: int) -> None:
        while waiting and waiting[0] != branch:  # noqa: ASYNC110 - the order is what is tested
            await asyncio.sleep(0)
        if waiting:
            waiting.pop(0)

    return turn


@given(branches, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_whatever_the_interleaving_each_branch_gets_its_own_answers(
    keys: list[list[str]], random: Any
) -> None:
    recorder = TapeRecorder(InMemoryTapeCassette())
    real = iter(range(1_000))
    read = recorder.intercept_input("read")(lambda key: next(real))
    steps = [index for index, own in enumerate(keys) for _ in own]

    def in_some_order() -> list[int]:
        order = steps.copy()
        random.shuffle(order)
        return order

    async def branch(index: int, turn: Callable[[int], Any]) -> list[int]:
        got = []
        for key in keys[index]:
            await turn(index)
            got.append(read(key))
        return got

    @recorder.operation()
    async def execute() -> list[list[int]]:
        turn = taking_turns(in_some_order())
        return await asyncio.gather(*(branch(index, turn) for index in range(len(keys))))

    with recorder.enabled_recording():
        recorded = asyncio.run(execute())
    cassette = recorder.tape_cassette
    assert isinstance(cassette, InMemoryTapeCassette)
    for _ in range(2):
        playback = recorder.play(
            cassette.get_last_recording_id() or "", lambda recording: execute()
        )
        assert playback.playback_outputs[0].value["args"] == [recorded]
        assert playback.moved == playback.repeated == playback.never_consumed == []
    assert next(real) == len(steps)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_calls_in_another_order_each_get_an_answer_of_their_key(
    keys: list[str], random: Any
) -> None:
    recorder = TapeRecorder(InMemoryTapeCassette())
    count: Counter[str] = Counter()

    def answer(key: str) -> str:
        count[key] += 1
        return f"{key}{count[key]}"

    read = recorder.intercept_input("read")(answer)
    order = keys.copy()

    @recorder.operation()
    def execute() -> list[str]:
        return [read(key) for key in order]

    with recorder.enabled_recording():
        execute()
    random.shuffle(order)
    cassette = recorder.tape_cassette
    assert isinstance(cassette, InMemoryTapeCassette)
    playback = recorder.play(cassette.get_last_recording_id() or "", lambda recording: execute())

    again: Counter[str] = Counter()
    expected = []
    for key in order:
        again[key] += 1
        expected.append(f"{key}{again[key]}")
    assert playback.playback_outputs[0].value["args"] == [expected]
    assert playback.never_consumed == []


def test_a_call_that_moved_to_another_branch_is_served_and_listed(
    recorder: TapeRecorder, replay: Replay
) -> None:
    real = iter([1, 2])
    read = recorder.intercept_input("read")(lambda: next(real))
    is_new_code = False

    @recorder.operation()
    def execute() -> list[int]:
        if is_new_code:
            return [read(), read()]
        with ThreadPoolExecutor(1) as pool:
            return [read(), pool.submit(read).result()]

    execute()
    is_new_code = True
    playback = replay(execute)

    assert playback.playback_outputs[0].value["args"] == [[1, 2]]
    assert [(each.alias, each.how) for each in playback.moved] == [("read", "moved branch")]


def test_a_branch_that_takes_what_is_anothers_leaves_it_what_is_its_own(
    recorder: TapeRecorder, replay: Replay
) -> None:
    read = recorder.intercept_input("read")(lambda key: f"answer to {key}")
    is_new_code = False

    @recorder.operation()
    def execute() -> list[str]:
        with ThreadPoolExecutor(1) as pool:
            if is_new_code:
                return [read("a"), read("b"), pool.submit(read, "a").result()]
            return [pool.submit(read, key).result() for key in "aba"]

    execute()
    is_new_code = True
    playback = replay(execute)

    assert playback.playback_outputs[0].value["args"] == [
        ["answer to a", "answer to b", "answer to a"]
    ]
    assert playback.missed == []


@pytest.mark.parametrize(
    ("answers", "is_answered_again"),
    [
        ([1, 1], True),
        ([1, 1.0], False),
        ([[1], [1]], True),
        ([ValueError("x"), ValueError("x")], True),
        ([ValueError("x"), ValueError("y")], False),
        (["x", ValueError("x")], False),
        ([None, None], True),
    ],
)
def test_an_extra_call_is_answered_only_where_all_outcomes_were_the_same(
    recorder: TapeRecorder, replay: Replay, answers: list[Any], is_answered_again: bool
) -> None:
    real = iter(answers)
    times = 2

    @recorder.intercept_input("read")
    def read() -> Any:
        answer = next(real)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @recorder.operation()
    def execute() -> None:
        for _ in range(times):
            try:
                read()
            except ValueError:
                continue
            except RecordingKeyError:
                return

    execute()
    times = 3
    playback = replay(execute)

    assert len(playback.repeated) == is_answered_again
    assert len(playback.missed) == (not is_answered_again)


def test_an_output_is_never_answered_again(recorder: TapeRecorder, replay: Replay) -> None:
    times = 2
    send = recorder.intercept_output("send")(lambda: "sent")

    @recorder.operation()
    def execute() -> None:
        for _ in range(times):
            send()

    execute()
    times = 3
    with pytest.raises(RecordingKeyError, match="send #3"):
        replay(execute)


def test_an_input_and_an_output_of_one_alias_do_not_answer_for_each_other(
    recorder: TapeRecorder, replay: Replay
) -> None:
    reads = False
    read = recorder.intercept_input("both")(lambda: "read")
    send = recorder.intercept_output("both")(lambda: "sent")

    @recorder.operation()
    def execute() -> str:
        return read() if reads else send()

    execute()
    reads = True
    with pytest.raises(RecordingKeyError):
        replay(execute)


def recorded_once(operation: Callable[[], Any]) -> tuple[TapeRecorder, str]:
    recorder = TapeRecorder(InMemoryTapeCassette())
    with recorder.enabled_recording():
        recorder.operation(category="work")(operation)()
    (recording_id,) = recorder.readable_cassette().iter_recording_ids("work")
    return recorder, recording_id


def replayed_strictly(recorder: TapeRecorder, recording_id: str, operation: Any) -> Playback:
    execute = recorder.operation(category="work")(operation)
    return recorder.play(recording_id, lambda recording: execute(), strict=True)


read_key = TapeRecorder().intercept_input("read")(lambda key: len(key))


def test_a_strict_replay_takes_calls_from_their_own_places() -> None:
    recorder, recording_id = recorded_once(lambda: [read_key("a"), read_key("b")])
    playback = replayed_strictly(recorder, recording_id, lambda: [read_key("b"), read_key("a")])
    assert playback.missed == playback.moved == playback.repeated == []


def test_a_strict_replay_misses_what_is_asked_for_once_more() -> None:
    recorder, recording_id = recorded_once(lambda: read_key("a"))
    with pytest.raises(RecordingKeyError, match="there as repeated; a strict replay"):
        replayed_strictly(recorder, recording_id, lambda: [read_key("a"), read_key("a")])


def test_a_strict_replay_misses_what_another_thread_had_asked_for() -> None:
    def in_a_thread() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(read_key, "a").result()

    recorder, recording_id = recorded_once(in_a_thread)
    with pytest.raises(RecordingKeyError, match="there as moved branch; a strict replay"):
        replayed_strictly(recorder, recording_id, lambda: read_key("a"))


def test_a_strict_replay_uses_no_fallback_alias() -> None:
    renamed = TapeRecorder().intercept_input("renamed", fallback_aliases=["read"])(len)
    recorder, recording_id = recorded_once(lambda: read_key("a"))
    with pytest.raises(RecordingKeyError, match="the nearest recorded alias is 'read'"):
        replayed_strictly(recorder, recording_id, lambda: renamed("a"))

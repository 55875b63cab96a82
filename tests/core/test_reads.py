"""Reads as they are stored: exact and small."""

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playback_core.codec import decode, encode
from playback_core.errors import DecodeError
from playback_core.reads import (
    nanoseconds,
    packed_clock,
    packed_random,
    seconds,
    unpacked_clock,
    unpacked_random,
)

anything = st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3))


def exactly(values: Any) -> list[tuple[type, str]]:
    return [(type(value), repr(value)) for value in values]


def stored(reads: dict[str, list[Any]]) -> Any:
    return decode(encode(packed_clock(reads)))


@given(st.lists(st.integers(0, 2**62)), st.lists(st.floats(0, 1e11)))
def test_what_clocks_say_comes_back_exactly(integers: list[int], floats: list[float]) -> None:
    reads = {"time_ns": integers, "time": floats}
    read = unpacked_clock(stored(reads))
    assert exactly(read["time_ns"]) == exactly(integers)
    assert exactly(read["time"]) == exactly(floats)


@given(st.lists(anything), st.lists(anything))
@example([], [-0.0, 0.0])
def test_so_does_whatever_a_clock_says_that_somebody_has_replaced(
    integers: list[Any], floats: list[Any]
) -> None:
    read = unpacked_clock(stored({"time_ns": integers, "time": floats}))
    assert exactly(read["time_ns"]) == exactly(integers)
    assert exactly(read["time"]) == exactly(floats)


@given(st.integers(10**18, 2 * 10**18))
def test_seconds_are_those_of_their_nanoseconds(moment: int) -> None:
    said = moment / 10**9
    assert seconds(nanoseconds(said)) == said


def test_reads_one_after_the_other_take_few_bytes() -> None:
    reads = {"time": [time.time() for _ in range(10_000)]}
    assert len(encode(packed_clock(reads))) < 40_000


def test_drawings_come_back_exactly() -> None:
    drawings = {"urandom(2)": [b"ab", b"cd"], "random()": [0.5], "getrandbits(99)": [2**98]}
    read = unpacked_random(decode(encode(packed_random(drawings))))
    assert read == drawings


@pytest.mark.parametrize("damaged", [None, [], {"time": 1}, {"time": ["x"]}, {"time": [None]}])
def test_damaged_reads_are_named(damaged: Any) -> None:
    with pytest.raises(DecodeError, match="damaged"):
        unpacked_clock(damaged)

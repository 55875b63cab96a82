"""Bounds on what is decoded and encoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playback_core.codec import (
    DEFAULT_LIMITS,
    Limits,
    bounds,
    decode,
    encode,
    encode_key,
    encode_plain,
    snapshot,
    tiers,
)
from playback_core.codec import graph as graph_form
from playback_core.codec.scan import check_parts
from playback_core.errors import CodecError, DecodeError, EncodeError
from tests.core.codec.test_round_trips import VALUES


def nested(depth: int, wrap: Any) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("value", [[0] * 200, [(1,)] * 100, {str(n): n for n in range(100)}])
def test_too_many_parts_are_refused(value: Any) -> None:
    with pytest.raises(DecodeError, match="100 parts"):
        decode(encode(value), Limits(max_nodes=100))
    decode(encode(value), Limits(max_nodes=1000))


def test_parts_within_extensions_are_counted() -> None:
    with pytest.raises(DecodeError, match="parts"):
        decode(encode((tuple(range(200)),)), Limits(max_nodes=100))


def test_large_text_is_one_part() -> None:
    for value in ("x" * 100_000, b"x" * 100_000, "é" * 30, 2**9000, ["x" * 300]):
        assert decode(encode(value), Limits(max_nodes=10)) == value


@pytest.mark.parametrize(
    "value",
    [
        nested(40, lambda inner: [inner]),
        nested(40, lambda inner: (inner,)),
        nested(2_000, lambda inner: [inner]),
    ],
    ids=["native", "tree", "graph"],
)
def test_too_deep_nesting_is_refused(value: Any) -> None:
    with pytest.raises(DecodeError, match="deeper than 30"):
        decode(encode(value), Limits(max_depth=30))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(DecodeError, match="limit is 100"):
        decode(encode("x" * 101), Limits(max_bytes=100))


@given(VALUES)
def test_counting_accepts_what_was_encoded(value: Any) -> None:
    for blob in (encode(value), encode_key(value)):
        check_parts(memoryview(blob)[2 if blob[:1] == b"\xc1" else 0 :], DEFAULT_LIMITS)
        with pytest.raises(DecodeError):
            check_parts(memoryview(b"\x91\xc1"), DEFAULT_LIMITS)


@pytest.mark.parametrize("blob", [b"\xdd\xff\xff\xff\xff", b"\xdc\x00", b"\x91", b"\x92\xa5ab"])
def test_announced_lengths_are_checked_by_counting(blob: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(blob, Limits(max_nodes=1))


def test_too_large_a_value_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_form, "ENCODE_NODES", 1000)
    ring: list[Any] = [[n] for n in range(2000)]
    ring.append(ring)
    with pytest.raises(EncodeError, match="hard limit"):
        encode(ring)


@pytest.mark.parametrize("name", ["max_depth", "max_nodes", "max_bytes"])
def test_limits_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})
    with pytest.raises(TypeError, match=name):
        Limits(**{name: True})


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    limits = Limits(max_nodes=1000, max_bytes=5000, max_depth=2000)
    monkeypatch.setattr(bounds, "DEFAULT_LIMITS", limits)
    monkeypatch.setattr(tiers, "SURELY_WITHIN", limits.max_nodes)
    return limits


@pytest.mark.parametrize("writer", [encode, encode_key, encode_plain], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "value",
    [
        [0] * 1000,
        {str(n): n for n in range(500)},
        [[[0] * 100]] * 10,
        tuple(range(1000)),
        [(n,) for n in range(500)],
        b"x" * 4998,
        "x" * 4998,
        "é" * 2500,
        (b"x" * 5000,),
        {1: "x" * 5000},
    ],
    ids=lambda value: f"{type(value).__name__} of {len(value)}",
)
def test_what_the_reader_would_refuse_is_not_written(
    small_limits: Limits, writer: Any, value: Any
) -> None:
    with pytest.raises(EncodeError, match=rf"^A {type(value).__name__} .* data handler\.$"):
        writer(value)


@pytest.mark.parametrize("writer", [encode, encode_key, encode_plain], ids=lambda f: f.__name__)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_is_written_is_read(small_limits: Limits, writer: Any, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([100, 331, 332, 333, 498, 499, 500, 998, 999, 1000, 4990]))
    value = data.draw(
        st.sampled_from(
            [
                [0.5] * size,
                {str(n): "long enough" for n in range(size)},
                [{"a": [n]} for n in range(size)],
                tuple(["long enough"] * size),
                [(n,) for n in range(size)],
                "x" * size,
                [b"x" * size],
            ]
        )
    )
    try:
        blob = writer(value)
    except EncodeError:
        return
    assert decode(blob, small_limits) == value


@pytest.mark.parametrize(
    "wrap",
    [lambda inner: (inner,), lambda inner: (inner, inner), lambda inner: [inner, {1: inner}]],
    ids=["nested", "doubly", "by turns"],
)
def test_nesting_is_refused_exactly_where_the_reader_would(
    monkeypatch: pytest.MonkeyPatch, wrap: Any
) -> None:
    limits = Limits(max_depth=300)
    outcomes = []
    for depth in (100, *range(147, 153), *range(298, 303)):
        blob = encode(nested(depth, wrap))
        with monkeypatch.context() as patched:
            patched.setattr(bounds, "DEFAULT_LIMITS", limits)
            refused_writing = refusal(lambda depth=depth: encode(nested(depth, wrap)))
        refused_reading = refusal(lambda blob=blob: decode(blob, limits))
        outcomes.append((refused_writing, refused_reading))
    assert {bool(writing) for writing, _ in outcomes} == {True, False}
    assert all(bool(writing) == bool(reading) for writing, reading in outcomes)
    assert all("nested deeper than 300" in writing for writing, _ in outcomes if writing)


def refusal(act: Callable[[], Any]) -> str:
    try:
        act()
    except CodecError as error:
        return str(error)
    return ""


def test_a_list_of_too_many_items_is_not_written() -> None:
    with pytest.raises(EncodeError, match="more than 5,000,000 parts"):
        encode([0] * 5_000_000)


def test_large_bytes_that_cannot_be_read_back_are_not_kept_by_reference() -> None:
    with pytest.raises(EncodeError, match=r"takes 269,484,032 bytes, .* 268,435,456"):
        snapshot(bytes(257 * 1024 * 1024))

"""Readable texts of values."""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec import decode, describe, encode, encode_key
from tests.core.codec import samples
from tests.core.codec.test_keys import DIFFERENT
from tests.core.codec.test_round_trips import VALUES

SAMPLES = "tests.core.codec.samples"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "a"], '[1, "a"]'),
        ({"y": True, "x": None}, '{"x": null, "y": true}'),
        ({"y": (1, 2), "x": 1.5}, '{"x": 1.5, "y": (1, 2)}'),
        ("é\n", '"é\\n"'),
        ("\ud800", '"\\ud800"'),
        ((), "()"),
        ((1,), "(1,)"),
        (b"a\x00", r"b'a\x00'"),
        (bytearray(b"a"), "bytearray(b'a')"),
        ({2, 1}, "{1, 2}"),
        (set(), "set()"),
        (frozenset({1}), "frozenset({1})"),
        ({1: "a", "b": 2}, '{"b": 2, 1: "a"}'),
        (float("nan"), "NaN"),
        ((float("inf"), -float("inf")), "(Infinity, -Infinity)"),
        (1 + 2j, "complex(1.0, 2.0)"),
        (2**70, str(2**70)),
        (Decimal("1.0"), 'Decimal("1.0")'),
        (UUID(int=1), 'UUID("00000000-0000-0000-0000-000000000001")'),
        (datetime(2026, 1, 1), "datetime(2026-01-01T00:00:00)"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime(2026-01-01T00:00:00+00:00)"),
        (
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5))),
            "datetime(2026-01-01T00:00:00-05:00)",
        ),
        (
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris")),
            "datetime(2026-10-25T02:30:00[Europe/Paris], fold=1)",
        ),
        (date(2026, 1, 1), "date(2026-01-01)"),
        (time(1, 2), "time(01:02:00)"),
        (timedelta(1), "timedelta(1, 0, 0)"),
        (UTC, "timezone(UTC)"),
        (range(3), "range(0, 3, 1)"),
        (slice(None, 2), "slice(null, 2, null)"),
        (..., "Ellipsis"),
        (PurePosixPath("/a"), "PurePosixPath('/a')"),
        (OrderedDict(b=1, a=2), 'OrderedDict({"b": 1, "a": 2})'),
        (defaultdict(list, a=1), 'defaultdict(class builtins.list, {"a": 1})'),
        (deque([1], 2), "deque([1], maxlen=2)"),
        (samples.Color.RED, f"{SAMPLES}.Color.RED"),
        (samples.Rights(5), f"{SAMPLES}.Rights.READ|RUN"),
        (samples.Order(1, ["x"]), f'{SAMPLES}.Order(id=1, lines=["x"])'),
        (samples.Point(1, "a"), f'{SAMPLES}.Point(1, "a")'),
        (samples.Text("a"), f'{SAMPLES}.Text("a")'),
        (samples.Line([1], 2), f"{SAMPLES}.Line([1], maxlen=2)"),
        (ValueError("a", 1), 'builtins.ValueError("a", 1)'),
        (samples.double, f"function {SAMPLES}.double"),
        (samples.Order, f"class {SAMPLES}.Order"),
        (object(), "Opaque(builtins.object())"),
        (lambda: 1, f"Opaque(function {__name__}.<lambda>)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_texts(value: Any, text: str) -> None:
    assert describe(value) == text


def test_cause_is_part_of_the_text() -> None:
    error = ValueError("a")
    error.__cause__ = KeyError("k")
    assert describe(error) == 'builtins.ValueError("a", cause=builtins.KeyError("k"))'


def test_cycle_is_shown_as_levels_up() -> None:
    ring: list[Any] = [1]
    ring.append((ring,))
    assert describe(ring) == "[1, (<2 up>,)]"


def test_different_values_have_different_texts() -> None:
    for left, right in itertools.combinations(DIFFERENT, 2):
        assert describe(left) != describe(right), (left, right)


@given(VALUES)
def test_a_decoded_copy_has_the_same_text(value: Any) -> None:
    assert describe(decode(encode(value))) == describe(value)


@given(VALUES, VALUES)
def test_texts_differ_where_keys_do(left: Any, right: Any) -> None:
    if encode_key(left) != encode_key(right):
        assert describe(left) != describe(right)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_json_like_values_read_as_json_alone_and_within_typed_ones(value: Any) -> None:
    text = describe(value, 10**6)
    assert json.loads(text) == value
    assert describe((value,), 10**6) == f"({text},)"


@pytest.mark.parametrize(
    "value",
    [
        "x" * 5000,
        list(range(5000)),
        tuple(range(5000)),
        {n: (n,) for n in range(5000)},
        samples.Plain(a=("x" * 300, samples.Order(1, ["y" * 5000]))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_long_texts_are_cut_and_end_with_a_digest(value: Any) -> None:
    text = describe(value, 200)
    cut, _, digest = text.rpartition("…#")
    assert len(text) <= 200
    assert cut
    assert len(digest) == 12
    assert describe(value, 201)[-12:] == digest
    assert describe([value], 200)[-12:] != digest


def test_texts_with_equal_beginnings_differ() -> None:
    beginning = "x" * 2000
    assert describe((beginning, 1)) != describe((beginning, 2))


def test_deep_and_doubly_shared_values_have_texts() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = (deep,)
    shared: Any = frozenset()
    for number in range(40):
        shared = frozenset({shared, (shared, number)})
    assert describe(deep).endswith(describe(deep)[-14:])
    assert "…#" in describe(shared)


@pytest.mark.parametrize("shared", [lambda part: [part, part], lambda part: {"a": part, "b": part}])
def test_a_value_whose_aliases_multiply_has_a_text_at_once(shared: Any) -> None:
    value: Any = 1
    for _ in range(60):
        value = shared(value)
    text = describe(value, 200)
    assert len(text) <= 200
    assert describe(value, 200) == text


def test_limit_is_checked() -> None:
    with pytest.raises(ValueError, match="32"):
        describe(1, 10)

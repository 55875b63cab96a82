"""Keys are equal if and only if type and value are equal, in every process."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from playback_core.codec import Opaque, decode, encode, encode_key
from tests.core.codec import samples
from tests.core.codec.test_round_trips import VALUES

DIFFERENT = [
    *(1, 1.0, True, 0, False, 0.0, -0.0, None, "", b"", "1", b"1", bytearray(b"1")),
    *([], (), {}, set(), frozenset(), OrderedDict(), Counter(), defaultdict(list)),
    *([1], (1,), {1}, frozenset({1}), {1: 1}, {"1": 1}, {True: 1}, {1.0: 1}),
    *(Decimal("1.0"), Decimal("1.00"), Decimal(1), 1 + 0j, 2**64, float(2**64), -(2**70)),
    *(datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1)),
    *(datetime(2026, 1, 1, fold=1), range(3), range(0, 3, 2), slice(3), "\ud800", "\ud801"),
    *(samples.Level.LOW, samples.Level.HIGH, samples.Word.YES, "yes", samples.Bits(1)),
    *(samples.Rights(3), samples.Rights(1), samples.Text("1"), samples.Number(1)),
    *(samples.Point(1, 2), (1, 2), samples.Typed(1, 2), samples.Money(1), samples.Money(2)),
    *(samples.Plain(a=1), samples.Plain(a=2), samples.Plain(b=1), samples.Slotted(1)),
    *(samples.Plain, samples.Order, OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    *([[1], 2], [[1, 2]], {"a": {"b": 1}}, {"a": {"b": 1.0}}, {(1, 2): 3}, {(1,): 3}),
]


def test_different_values_have_different_keys() -> None:
    for left, right in itertools.combinations(DIFFERENT, 2):
        assert encode_key(left) != encode_key(right), (left, right)


@given(VALUES)
def test_a_decoded_copy_has_the_same_key(value: Any) -> None:
    assert encode_key(decode(encode(value))) == encode_key(value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"é": (1,), "z": 2, "\U0001f600": 3}, {"\U0001f600": 3, "z": 2, "é": (1,)}),
        ({1: "a", "b": 2, (1,): 3}, {(1,): 3, "b": 2, 1: "a"}),
        ({"x": {2: 1, 3: 4}}, {"x": {3: 4, 2: 1}}),
        (Counter("aab"), Counter("baa")),
        (defaultdict(int, a=1, b=2), defaultdict(int, b=2, a=1)),
        (samples.Plain(a=1, b=2), samples.Plain(b=2, a=1)),
        (samples.Table(a=1, b=2), samples.Table(b=2, a=1)),
        (samples.Members(["a", "b"]), samples.Members(["b", "a"])),
        (float("nan"), float("nan")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_order_makes_no_difference(left: Any, right: Any) -> None:
    assert encode_key(left) == encode_key(right)


def test_an_opaque_has_the_key_of_its_type_without_an_address() -> None:
    assert encode_key(samples.Lazy()) == encode_key(samples.Lazy())
    assert encode_key(object()) == encode_key(object())
    assert encode_key(open) != encode_key(object())


def test_a_value_of_an_unknown_type_keeps_its_key() -> None:
    order = samples.Order(1, [{"b": 1, "a": (2,)}])
    opaque = decode(encode(order).replace(b"samples.", b"removed."))
    assert type(opaque) is Opaque
    assert encode_key(opaque) == encode_key(order).replace(b"samples.", b"removed.")


SCRIPT = """
import sys
from collections import Counter
from decimal import Decimal
from tests.core.codec import samples
from playback_core.codec import describe, encode_key
names = [chr(97 + i) * 3 for i in range(9)]
value = {
    "set": set(names), "frozen": {frozenset(names): 1, frozenset(names[:3]): 2},
    "objects": {samples.Money(Decimal(n), c) for n, c in enumerate(names)},
    "members": samples.Members(names), "count": Counter(names), 3: None, 2.5: b"x",
    "plain": samples.Plain(**{name: {name} for name in names}), "rights": samples.Rights(5),
    "function": samples.double, "lambda": lambda: 1, "stream": sys.stdout,
}
sys.stdout.write(encode_key(value).hex() + " " + describe(value, 10_000) + describe(value, 99))
"""


def test_keys_and_texts_are_stable_across_hash_seeds() -> None:
    root = str(Path(__file__).parents[3])
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1

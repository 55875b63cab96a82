"""Every exact type comes back with its type and its value."""

from __future__ import annotations

import collections
import ipaddress
import math
import pathlib
import time
import types
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as dt_time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playback_core.codec import decode, encode, encode_key, holds_opaque
from tests.core.codec import samples

ZONES = st.one_of(
    st.none(),
    st.just(UTC),
    st.sampled_from(["Europe/Paris", "America/New_York", "Asia/Kolkata"]).map(ZoneInfo),
    st.integers(-1400, 1400).map(lambda minutes: timezone(timedelta(minutes=minutes, seconds=1))),
    st.just(timezone(timedelta(hours=2), "CE,ST x")),
)
HASHABLE_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**300), 2**300),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.text(st.characters(categories=["Cs", "Ll"])),
    st.binary(),
    st.dates(),
    st.datetimes(timezones=ZONES, allow_imaginary=False).flatmap(
        lambda moment: st.sampled_from([moment, moment.replace(fold=1)])
    ),
    st.times(timezones=st.sampled_from([None, UTC])),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.ip_addresses(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
    st.sampled_from(
        [
            *(samples.Color.RED, samples.Color.BLUE, samples.Level.HIGH, samples.Word.YES),
            *(samples.Rights.READ | samples.Rights.RUN, samples.Rights(0), samples.Bits(9)),
            *(..., NotImplemented, samples.Plain, int, samples.double),
            *(pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("C:/x"), pathlib.Path("p")),
            *(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_interface("fe80::1%4/64")),
        ]
    ),
)
HASHABLE = st.recursive(
    HASHABLE_LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner),
        st.frozensets(inner, max_size=3),
        st.builds(samples.Point, inner, inner),
        st.builds(samples.Money, inner),
        st.builds(samples.Cached, inner),
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    HASHABLE | st.binary().map(bytearray) | st.builds(slice, st.integers(), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
        st.lists(inner, max_size=3).map(collections.deque),
        st.dictionaries(HASHABLE, inner, max_size=3).map(collections.OrderedDict),
        st.dictionaries(HASHABLE, inner, max_size=3).map(
            lambda names: collections.defaultdict(list, names)
        ),
        st.lists(HASHABLE, max_size=4).map(collections.Counter),
        st.builds(samples.Typed, inner, inner),
        st.builds(samples.Order, st.integers(), st.lists(inner, max_size=2)),
        st.builds(samples.Slotted, inner, inner),
        st.builds(samples.Unslotted, inner),
        st.builds(samples.Model, name=st.text(), parent=inner, other=inner),
        st.builds(types.SimpleNamespace, a=inner),
        st.lists(inner, max_size=2).map(samples.Items),
    ),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Whether two values have the same type and value, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and left == right
    if isinstance(left, list | tuple | collections.deque):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        if left.keys() != right.keys():
            return False
        return all(map(same, left.values(), right.values())) and all(map(same, left, right))
    if isinstance(left, datetime):
        return (left, left.fold, repr(left)) == (right, right.fold, repr(right))
    if isinstance(left, Decimal | complex | dt_time | timezone):
        return repr(left) == repr(right)
    return bool(left == right)


@given(VALUES)
def test_a_value_comes_back_with_its_type(value: Any) -> None:
    blob = encode(value)
    assert same(decode(blob), value)
    assert not holds_opaque(blob)


@given(VALUES)
def test_an_encoded_value_encodes_to_an_equal_one_again(value: Any) -> None:
    assert same(decode(encode(decode(encode(value)))), value)


@given(VALUES)
def test_a_key_can_be_decoded(value: Any) -> None:
    assert decode(encode_key(value)) == value


@given(VALUES)
@settings(max_examples=50)
def test_each_decoding_is_fresh(value: Any) -> None:
    blob = encode([value])
    first, second = decode(blob), decode(blob)
    first.append(1)
    assert len(second) == 1


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        -(2**63),
        2**64 - 1,
        2**64,
        -0.0,
        float("inf"),
        "\ud800 lone",
        {"\ud800": 1},
        Decimal("1.00"),
        Decimal("-0E+7"),
        Fraction(10**5000, 7),
        date.min,
        datetime.max,
        timedelta.min,
        timedelta.max,
        timezone(timedelta(hours=1), "name"),
        UTC,
        ZoneInfo("Europe/Paris"),
        uuid.uuid1(),
        b"",
        "",
        (),
        {},
        frozenset(),
        range(10**30),
        slice([1], None, "x"),
        collections.deque([1], maxlen=3),
        samples.Table(a=1),
        samples.Pair((1, [2])),
        samples.Members({1, 2}),
        samples.Ordered(b=1, a=2),
        samples.Defaults(int, a=1),
        samples.Line([1, 2], 5),
        samples.Text("\ud800"),
        samples.Number(2**80),
        samples.Real(1.5),
        samples.Blob(b"x"),
        samples.Buffer(b"x"),
        samples.Moment(2026, 10, 25, 2, tzinfo=ZoneInfo("Europe/Paris"), fold=1),
        samples.Moment(2026, 1, 1),
        samples.Day(2026, 1, 1),
        samples.Phase(1, -0.0),
        samples.Frozen({1}),
        time.gmtime(0),
        {True: 1, 2: 0, None: 3, 1.5: b"", b"": {}, (1,): [()]},
        [bytearray(b"inside"), b"plain"],
        {"text with the byte of a buffer: \u0105\u0104": bytearray(b"\xc4")},
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_edge_values_come_back(value: Any) -> None:
    back = decode(encode(value))
    assert same(back, value)
    assert getattr(back, "__dict__", None) == getattr(value, "__dict__", None)


def test_nan_comes_back() -> None:
    back = decode(encode([float("nan"), (float("nan"),), Decimal("sNaN12")]))
    assert math.isnan(back[0])
    assert math.isnan(back[1][0])
    assert str(back[2]) == "sNaN12"


def test_ordered_dict_keeps_the_order_of_moves() -> None:
    value = collections.OrderedDict(a=1, b=2)
    value.move_to_end("a")
    assert list(decode(encode(value))) == ["b", "a"]


def test_deque_and_its_subclass_keep_the_maximal_length() -> None:
    assert decode(encode(collections.deque([1], 4))).maxlen == 4
    assert decode(encode(samples.Line([1], 4))).maxlen == 4


def test_default_factory_works_after_loading() -> None:
    assert decode(encode(collections.defaultdict(list)))["new"] == []
    assert decode(encode(samples.Defaults(set)))["new"] == set()


def test_attributes_of_subclass_instances_come_back() -> None:
    text = samples.Text("x")
    text.language = ["en"]
    back = decode(encode(text))
    assert type(back) is samples.Text
    assert back.language == ["en"]


@pytest.mark.parametrize(
    "make",
    [
        *(lambda: samples.Buffer(b"x"), lambda: samples.Moment(2026, 1, 1)),
        lambda: samples.Day(2026, 1, 1),
        *(lambda: samples.Phase(1), lambda: samples.Line([1]), lambda: samples.Ordered(a=1)),
        *(lambda: samples.Members({1}), lambda: samples.Table(a=1), lambda: samples.Defaults(int)),
    ],
)  # fmt: skip
def test_subclass_instances_that_share_a_list_come_back(make: Any) -> None:
    value = make()
    value.shared = shared = [1]
    back = decode(encode([value, shared]))
    assert same(back[0], value)
    assert type(back[0]) is type(value)
    assert back[0].shared is back[1]


SHORT = st.text(max_size=4)
NUMBERS_AND_TEXT = st.recursive(
    st.floats(allow_nan=False) | st.integers(-(2**63), 2**63) | SHORT | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(SHORT, inner, max_size=4),
)


@given(st.lists(NUMBERS_AND_TEXT, max_size=30), st.binary(max_size=9).map(bytearray), st.data())
def test_a_buffer_among_numbers_and_text_stays_one(value: Any, buffer: Any, data: Any) -> None:
    assert same(decode(encode(value)), value)
    value.insert(data.draw(st.integers(0, len(value))), {"buffer": buffer})
    assert same(decode(encode(value)), value)

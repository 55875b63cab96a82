"""Cycles, shared parts and deep nesting."""

from __future__ import annotations

from typing import Any

import pytest

from playback_core.codec import decode, encode, encode_key
from playback_core.codec.format import GRAPH
from tests.core.codec import samples


def test_list_that_holds_itself() -> None:
    value: list[Any] = [1]
    value.append(value)
    back = decode(encode(value))
    assert back[0] == 1
    assert back[1] is back


def test_cycle_through_a_tuple() -> None:
    inner: list[Any] = []
    value = (inner, 1)
    inner.append(value)
    back = decode(encode(value))
    assert back[0][0] is back
    assert type(back) is tuple


def test_cycle_through_objects_of_every_flavour() -> None:
    for value in (samples.Plain(), samples.Order(1), samples.Slotted(1), samples.Items()):
        holder = {"value": value}
        if isinstance(value, list):
            value.append(holder)
            back = decode(encode(value))
            assert back[0]["value"] is back
            continue
        name = "x" if isinstance(value, samples.Slotted) else "lines"
        setattr(value, name, holder)
        back = decode(encode(value))
        assert getattr(back, name)["value"] is back


def test_immutable_subclass_that_holds_itself_as_an_attribute() -> None:
    value = samples.Text("x")
    value.me = value
    back = decode(encode(value))
    assert back == "x"
    assert back.me is back


def test_pair_of_objects_that_hold_each_other_in_sets() -> None:
    left, right = samples.Plain(), samples.Plain()
    left.others, right.others = {right}, {left}
    back = decode(encode(left))
    (other,) = back.others
    assert other.others == {back}


def test_shared_list_stays_shared_where_a_part_is_typed() -> None:
    shared = [1]
    back = decode(encode({"a": shared, "b": shared, "c": (1,)}))
    assert back["a"] is back["b"]


def test_shared_list_becomes_equal_copies_in_a_json_like_value() -> None:
    shared = [1]
    back = decode(encode([shared, shared]))
    assert back == [[1], [1]]
    assert back[0] is not back[1]


def test_shared_object_and_bytearray_stay_shared() -> None:
    order, buffer = samples.Order(1), bytearray(b"x")
    back = decode(encode([order, order, (buffer, order)]))
    assert back[0] is back[1] is back[2][1]


def test_deep_nesting() -> None:
    value: Any = 1
    for _ in range(20_000):
        value = [value]
    back, depth = decode(encode(value)), 0
    while type(back) is list:
        back, depth = back[0], depth + 1
    assert depth == 20_000


def test_deep_nesting_of_typed_parts() -> None:
    value: Any = 1
    for level in range(3_000):
        value = (value,) if level % 2 else samples.Plain(inner=value)
    back, depth = decode(encode(value)), 0
    while back != 1:
        back, depth = (back[0] if type(back) is tuple else back.inner), depth + 1
    assert depth == 3_000


def test_doubly_shared_tuples_do_not_explode() -> None:
    value: Any = ()
    for _ in range(60):
        value = (value, value)
    assert len(encode(value)) < 10_000
    back, depth = decode(encode(value)), 0
    while back:
        back, depth = back[0], depth + 1
    assert depth == 60


def test_aliasing_makes_no_difference_to_a_key() -> None:
    shared = [(1,)]
    assert encode_key([shared, shared]) == encode_key([[(1,)], [(1,)]])


def test_cycles_have_keys() -> None:
    def ring(end: Any) -> list[Any]:
        value: list[Any] = [end]
        value.append({"again": value})
        return value

    assert encode_key(ring(1)) == encode_key(ring(1))
    assert encode_key(ring(1)) != encode_key(ring(2))
    assert decode(encode_key(ring(1)))[0] == 1


def test_deep_and_doubly_shared_values_have_keys() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert encode_key(deep) == encode_key(deep)
    shared: Any = (1,)
    for _ in range(60):
        shared = (shared, shared)
    assert len(encode_key(shared)) < 10_000_000


def test_objects_that_share_nothing_need_no_graph() -> None:
    assert not encode([samples.Order(number) for number in range(100)])[1] & GRAPH
    shared = samples.Order(1)
    assert encode([shared, shared])[1] & GRAPH


@pytest.mark.parametrize(
    "value",
    [
        {number: (rows,) for rows in [[0.5] * 20_000] for number in range(20)},
        {(rows, number) for rows in [tuple(range(5_000))] for number in range(100)},
    ],
    ids=["in the values of a dict", "in the members of a set"],
)
def test_a_large_part_may_be_shared_many_times(value: Any) -> None:
    assert decode(encode(value)) == value

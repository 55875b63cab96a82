import json
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec import json_form

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
)


class Point(NamedTuple):
    x: int


@given(JSON)
def test_what_json_has_stays_as_it_is(value: Any) -> None:
    assert json_form(value) == value


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ((1, [2]), [1, [2]]),
        ({"a": Decimal("1.0")}, {"a": 'Decimal("1.0")'}),
        (float("nan"), "NaN"),
        (2**64, "18446744073709551616"),
        ({1: "a", (2,): None}, {"1": "a", "(2,)": None}),
        ({1: "a", "1": "b"}, [["1", "a"], ["1", "b"]]),
        (b"ab", "b'ab'"),
    ],
)
def test_anything_else_is_its_text(value: Any, form: Any) -> None:
    assert json_form(value) == form


def test_a_type_of_ones_own_names_itself() -> None:
    assert "Point" in json_form([Point(1)])[0]


def test_a_cycle_and_a_deep_value_end() -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    for value in (cycle, deep):
        assert "(nested deeper than 50)" in json.dumps(json_form(value))


def test_references_that_multiply_are_not_followed() -> None:
    value: Any = ["x"]
    for _ in range(40):
        value = [value, value]
    assert json_form([value]) == "(more than 500,000 parts)"

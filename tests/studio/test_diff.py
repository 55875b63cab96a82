import copy
import gc
import math
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import Opaque
from playback_core.codec import UnknownException, decode, encode
from playback_core.studio import DifferenceKind, compare_values

Point = namedtuple("Point", "x y")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=True)
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.decimals(allow_nan=False)
    | st.datetimes()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.integers(0, 3), inner, max_size=4)
        | st.frozensets(st.integers(0, 5), max_size=4)
    ),
    max_leaves=12,
)


@dataclass
class Order:
    total: Decimal
    lines: list[str]


class Plain:
    def __init__(self, name: str) -> None:
        self.name = name


class Tagged(list[int]):
    tag: str


class Slotted:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def lines(recorded: Any, replayed: Any) -> list[str]:
    return compare_values(recorded, replayed).render().splitlines()


@given(values)
def test_a_value_does_not_differ_from_a_copy(value: Any) -> None:
    assert not compare_values(value, copy.deepcopy(value)).differences


@given(values, values)
def test_two_values_differ_in_both_directions_or_in_none(one: Any, other: Any) -> None:
    forth, back = compare_values(one, other), compare_values(other, one)
    assert bool(forth.differences) == bool(back.differences)


@given(st.lists(values, max_size=6), values, st.integers(0, 6))
def test_one_inserted_element_is_one_difference(
    elements: list[Any], inserted: Any, place: int
) -> None:
    longer = [*elements[:place], inserted, *elements[place:]]
    (difference,) = compare_values(elements, longer).differences
    assert difference.kind is DifferenceKind.EXTRA


@given(st.dictionaries(st.text(max_size=3), values, max_size=5))
def test_the_order_of_a_dictionary_does_not_matter(value: dict[str, Any]) -> None:
    assert not compare_values(value, dict(reversed(value.items()))).differences


@pytest.mark.parametrize(
    ("recorded", "replayed"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        (Decimal("1.0"), Decimal("1.00")),
        ((1,), [1]),
        ("a", b"a"),
        ({1}, frozenset({1})),
        ([1, 2], [2, 1]),
        ({"a": None}, {}),
        (Point(1, 2), (1, 2)),
    ],
)
def test_lookalikes_differ(recorded: Any, replayed: Any) -> None:
    assert compare_values(recorded, replayed).found


def test_nan_is_the_same_as_nan() -> None:
    assert not compare_values([math.nan], [math.nan]).differences


@pytest.mark.parametrize(
    ("recorded", "replayed", "expected"),
    [
        ({"total": 10.5}, {"total": 10.49}, "value['total']: 10.5 -> 10.49"),
        ({"total": 1}, {"total": 1.0}, "value['total']: 1 (int) -> 1.0 (float)"),
        ([1, 2, 3], [1, 3], "value[1]: missing, was 2"),
        ([1, 3], [1, 2, 3], "value[1]: not recorded, now 2"),
        ({2: "a"}, {2: "b"}, 'value[2]: "a" -> "b"'),
        ({"a", "b"}, {"a"}, 'value member: missing, was "b"'),
        (Point(1, 2), Point(1, 3), "value.y: 2 -> 3"),
        (Plain("a"), Plain("b"), 'value.name: "a" -> "b"'),
        (Slotted("a"), Slotted("b"), 'value.name: "a" -> "b"'),
        (SimpleNamespace(a=1), SimpleNamespace(a=2), "value.a: 1 -> 2"),
        (ValueError("a"), ValueError("b"), 'value.args[0]: "a" -> "b"'),
        ("a\nb\nc\n", "a\nB\nc\n", 'value line 2: "b\\n" -> "B\\n"'),
    ],
)
def test_the_path_leads_to_what_differs(recorded: Any, replayed: Any, expected: str) -> None:
    assert lines(recorded, replayed) == [expected]


def test_fields_of_a_dataclass_are_compared_one_by_one() -> None:
    recorded = Order(Decimal("10.50"), ["tea"])
    replayed = Order(Decimal("10.49"), ["tea", "milk"])
    assert lines(recorded, replayed) == [
        'value.total: Decimal("10.50") -> Decimal("10.49")',
        'value.lines[1]: not recorded, now "milk"',
    ]


def test_a_cycle_ends() -> None:
    recorded: list[Any] = [1]
    recorded.append(recorded)
    replayed: list[Any] = [2]
    replayed.append(replayed)
    assert lines(recorded, replayed)[0] == "value[0]: 1 -> 2"


def test_a_deep_difference_is_found_without_exhausting_the_stack() -> None:
    recorded: Any = 1
    replayed: Any = 2
    for _ in range(200):
        recorded, replayed = [recorded], [replayed]
    assert len(compare_values(recorded, replayed).found) == 1


def test_the_number_of_differences_is_bounded_and_the_cut_is_told() -> None:
    diff = compare_values([0] * 500, [1] * 500, limit=10)
    assert len(diff.differences) == 10
    assert diff.cut
    assert diff.summary().endswith("and at least 7 more")
    assert diff.render().splitlines()[-1].startswith("…")


def test_the_size_of_a_difference_is_bounded() -> None:
    (difference,) = compare_values({"a": "x" * 100_000}, {"a": None}).differences
    assert len(str(difference)) < 1_000


def test_long_texts_are_shown_where_they_differ() -> None:
    (difference,) = compare_values("x" * 5_000 + "new", "x" * 5_000 + "old").differences
    assert difference.recorded is not None
    assert difference.recorded.endswith('new"')
    assert difference.recorded.startswith('"…')


def test_opaque_values_compare_by_content() -> None:
    assert not compare_values(Opaque("a.B", "B(1)"), Opaque("a.B", "B(1)")).differences
    assert lines(Opaque("a.B", "B(1)"), Opaque("a.B", "B(2)")) == ['value.text: "B(1)" -> "B(2)"']


def test_notes_and_attributes_of_an_exception_count() -> None:
    recorded, replayed = ValueError("a"), ValueError("a")
    recorded.add_note("while ordering")
    assert compare_values(recorded, replayed).found


def test_as_data_is_plain_and_names_the_kind() -> None:
    assert compare_values([1], [2]).as_data() == [
        {"path": "value[0]", "kind": "changed", "recorded": "1", "replayed": "2"}
    ]


def unknown_exception(name: str, text: str) -> BaseException:
    """Return an exception as it is loaded where its class does not exist."""
    blob = encode(type(name, (ValueError,), {})(text))
    gc.collect()
    loaded = decode(blob)
    assert isinstance(loaded, UnknownException)
    return loaded


def test_exceptions_of_unknown_classes_compare_by_class_and_text() -> None:
    recorded = unknown_exception("Gone", "a")
    assert not compare_values(recorded, unknown_exception("Gone", "a")).differences
    assert compare_values(recorded, unknown_exception("Gone", "b")).found
    assert compare_values(recorded, unknown_exception("Lost", "a")).found


def test_keys_and_members_that_come_and_go_are_named() -> None:
    assert lines({"a": 1}, {"b c": 1}) == [
        "value['a']: missing, was 1",
        "value['b c']: not recorded, now 1",
    ]
    assert lines({1}, {1, 2}) == ["value member: not recorded, now 2"]


def test_lines_that_come_and_go_are_named() -> None:
    assert lines("a\nb\nc\n", "a\nc\n") == ['value line 2: missing, was "b\\n"']
    assert lines("a\nc\n", "a\nb\nc\n") == ['value line 2: not recorded, now "b\\n"']


def test_fields_that_come_and_go_are_named() -> None:
    assert lines(SimpleNamespace(a=1), SimpleNamespace(b=1)) == [
        "value.a: missing, was 1",
        "value.b: not recorded, now 1",
    ]


def test_values_of_the_standard_library_are_shown_whole() -> None:
    (line,) = lines(PurePosixPath("/a"), PurePosixPath("/b"))
    assert line.startswith("value: ")


def test_a_list_subclass_with_attributes_is_compared_by_both() -> None:
    recorded, replayed = Tagged([1]), Tagged([1])
    recorded.tag = "a"
    assert compare_values(recorded, replayed).found

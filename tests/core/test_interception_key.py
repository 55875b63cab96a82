import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playback_core import InMemoryTapeCassette, Recording, TapeRecorder

Load = Callable[[], Recording]


@dataclass(frozen=True)
class Query:
    table: str
    limit: int = 10


def input_keys(recorder: TapeRecorder, *calls: tuple[tuple[Any, ...], dict[str, Any]]) -> list[str]:
    read = recorder.intercept_input("read")(lambda *args, **kwargs: 0)

    @recorder.operation(category="keys")
    def execute() -> None:
        for args, kwargs in calls:
            read(*args, **kwargs)

    execute()
    cassette = recorder.tape_cassette
    assert isinstance(cassette, InMemoryTapeCassette)
    recording = cassette.get_recording(cassette.get_last_recording_id() or "")
    return [key for key in recording.get_all_keys() if key.startswith("input: ")]


def test_it_reads_as_the_predecessors_with_arguments_as_json(recorder: TapeRecorder) -> None:
    assert input_keys(recorder, (("a", 1, None, [2.5]), {"b": True, "a": {"x": []}})) == [
        'input: read args=["a", 1, null, [2.5]], kwargs={"a": {"x": []}, "b": true}'
    ]


def test_it_names_the_types_that_json_does_not_have(recorder: TapeRecorder) -> None:
    (key,) = input_keys(recorder, ((Decimal("1.0"), (1, 2), Query("orders")), {}))

    assert 'Decimal("1.0")' in key
    assert "(1, 2)" in key
    assert 'Query(limit=10, table="orders")' in key


def test_keywords_in_another_order_are_one_key(recorder: TapeRecorder) -> None:
    assert len(input_keys(recorder, ((), {"a": 1, "b": 2}), ((), {"b": 2, "a": 1}))) == 1


DISTINCT = [
    1,
    1.0,
    True,
    "1",
    b"1",
    bytearray(b"1"),
    Decimal("1.0"),
    Decimal("1.00"),
    (1,),
    [1],
    {1},
    frozenset({1}),
    {"1": 1},
    {1: 1},
    None,
    "None",
    datetime(2024, 1, 1),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 1, 1, fold=1),
    Query("1"),
    -0.0,
    0.0,
]


def test_values_that_differ_in_type_or_value_have_different_keys(recorder: TapeRecorder) -> None:
    keys = input_keys(recorder, *(((value,), {}) for value in DISTINCT))

    assert len(keys) == len(DISTINCT)


def test_two_long_arguments_that_differ_at_the_end_have_different_keys(
    recorder: TapeRecorder,
) -> None:
    first, second = input_keys(recorder, (("x" * 5_000 + "a",), {}), (("x" * 5_000 + "b",), {}))

    assert first != second
    assert len(first) < 2_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(values, values)
@settings(max_examples=60)
def test_keys_are_the_same_exactly_where_type_and_value_are(one: Any, other: Any) -> None:
    recorder = TapeRecorder(InMemoryTapeCassette())
    with recorder.enabled_recording():
        keys = input_keys(recorder, ((one,), {}), ((other,), {}))

    assert (len(keys) == 1) == (typed(one) == typed(other))


def typed(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, sorted(((key, repr(typed(each))) for key, each in value.items()))
    if isinstance(value, (list, tuple)):
        return type(value), [typed(each) for each in value]
    return type(value), repr(value)


PROGRAM = """
import json, sys
from decimal import Decimal
from playback_core import InMemoryTapeCassette, TapeRecorder

recorder = TapeRecorder(InMemoryTapeCassette())
read = recorder.intercept_input("read")(lambda *args, **kwargs: 0)

@recorder.operation(category="keys")
def execute():
    read({"b", "a", "c"}, frozenset({1, 2, 3}), {"z": 1, "a": {"y", "x"}}, Decimal("1.10"))

with recorder.enabled_recording():
    execute()
recording = recorder.tape_cassette.get_recording(recorder.tape_cassette.get_last_recording_id())
print(json.dumps([recording.get_all_keys()[1], recording.entries[1].arguments.hex()]))
"""


def test_it_is_stable_across_processes_and_hash_seeds() -> None:
    root = Path(__file__).parents[2]
    seen = set()
    for seed in ("1", "2", "3"):
        printed = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        seen.add(tuple(json.loads(printed)))

    assert len(seen) == 1


@pytest.mark.parametrize(
    ("args", "kwargs", "part"),
    [
        (("\ud800",), {}, "ud800"),
        ((10**5_000,), {}, ""),
        ((float("nan"),), {}, "NaN"),
        (([[[[[]]]]],), {}, "[[[[[]]]]]"),
    ],
)
def test_unusual_arguments_have_a_key(
    recorder: TapeRecorder, args: tuple[Any, ...], kwargs: dict[str, Any], part: str
) -> None:
    (key,) = input_keys(recorder, (args, kwargs))

    assert part in key


def test_an_argument_that_holds_itself_has_a_key(recorder: TapeRecorder) -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)

    (key,) = input_keys(recorder, ((cycle,), {}))

    assert key.startswith("input: read args=[[1, ")

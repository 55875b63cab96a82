"""A snapshot is of this moment, whatever other threads do."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from playback_core.codec import Deferred, decode, encode, snapshot
from playback_core.codec import tiers as entry
from playback_core.errors import EncodeError
from tests.core.codec import samples


@pytest.mark.parametrize("value", ["x" * 20_000, b"x" * 20_000])
def test_large_immutable_values_are_kept_by_reference(value: Any) -> None:
    kept = snapshot(value)
    assert isinstance(kept, Deferred)
    assert kept.value is value
    assert len(kept) >= 20_000
    assert kept.encode() == encode(value)


@pytest.mark.parametrize(
    "value", ["short", samples.Text("x" * 20_000), bytearray(20_000), ["x" * 20_000]]
)
def test_other_values_are_encoded_at_once(value: Any) -> None:
    assert snapshot(value) == encode(value)


@pytest.mark.parametrize("typed", [False, True])
def test_later_changes_do_not_reach_the_snapshot(typed: bool) -> None:
    value: dict[str, Any] = {"a": [1], "b": (1,) if typed else 1}
    blob = encode(value)
    value["a"].append(2)
    value.clear()
    assert decode(blob)["a"] == [1]


@pytest.mark.parametrize("part", [1, (1, 2), samples.Order(1), {1: 2}])
def test_containers_changed_by_another_thread_are_encoded_whole(part: Any) -> None:
    values: list[Any] = []
    names: dict[Any, Any] = {}
    members: set[Any] = set()
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            values.append([part])
            names[f"k{number % 50}"] = [part]
            members.add(number % 70)
            if number % 100 == 0:
                values.clear()
                names.clear()
                members.clear()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            back = decode(encode([values, names, members]))
            assert all(item == [part] for item in back[0])
            assert all(item == [part] for item in back[1].values())
            assert back[2] <= set(range(70))
    finally:
        stop.set()
        thread.join()


def test_a_copy_that_fails_is_tried_again() -> None:
    attempts = []

    def write(value: Any) -> bytes:
        attempts.append(value)
        if len(attempts) < 3:
            raise RuntimeError("Set changed size during iteration")
        return b"\x01"

    assert entry._retried(write, "value") == b"\x01"
    assert len(attempts) == 3


def test_a_value_that_never_rests_is_refused() -> None:
    def write(value: Any) -> bytes:
        raise RuntimeError("deque mutated during iteration")

    with pytest.raises(EncodeError, match="another thread"):
        entry._retried(write, [])


def test_without_a_global_lock_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1, {"b": [1, None], "a": "x"}, [b"\xc4"], (1,), {1: 2}]
    expected = [(encode(value), entry.encode_key(value)) for value in values]
    monkeypatch.setattr(entry, "_SNAPSHOT_IS_ATOMIC", False)
    assert [(encode(value), entry.encode_key(value)) for value in values] == expected

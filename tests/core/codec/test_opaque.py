"""What cannot be stored, or is not available, is named and complains when it is used."""

from __future__ import annotations

import copy
import datetime
import functools
import operator
import re
import socket
import sys
import threading
import types
from typing import Any

import pytest

from playback_core.codec import Opaque, decode, describe, encode, encode_key, holds_opaque
from playback_core.errors import OpaqueValueError
from tests.core.codec import samples


def generator() -> Any:
    yield 1


async def coroutine() -> None:
    pass


class Proxy:
    @property
    def __class__(self) -> Any:
        raise AssertionError("evaluated")


class Intercepting:
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("evaluated")


UNSTORABLE = [
    *(generator(), threading.Lock(), sys, sys.stdout, object(), lambda: 1, iter([1])),
    *(samples.Lazy(), Proxy(), Intercepting(), memoryview(b"x"), {}.values(), re.compile("x")),
    *(map(str, [1]), functools.partial(print), types.MappingProxyType({}), [].append),
    *(property(), sys._getframe(), type(None)),
]


# By number, since pytest would look into the values.
@pytest.mark.parametrize("number", range(len(UNSTORABLE)))
def test_unstorable_values_become_opaque(number: int) -> None:
    value = UNSTORABLE[number]
    for nested in (value, [value], {"a": (value,)}):
        blob = encode(nested)
        assert holds_opaque(blob)
        assert type(decode(blob)) is type(nested) or type(decode(blob)) is Opaque
    back = decode(encode([value]))[0]
    assert type(back) is Opaque
    assert " at 0x" not in back.text
    assert encode([back]) == encode([value])


def test_sockets_and_coroutines_become_opaque() -> None:
    running = coroutine()
    with socket.socket() as connection:
        back = decode(encode([connection, running]))
    running.close()
    assert [part.type_path for part in back] == ["socket.socket", "builtins.coroutine"]


def test_moment_in_a_zone_without_a_name_is_opaque() -> None:
    moment = datetime.datetime(2026, 1, 1, tzinfo=samples.Zone())
    for value in (moment, moment.timetz(), [moment, [moment]], {"ring": [moment] * 2}):
        assert holds_opaque(encode(value))
        assert holds_opaque(encode_key(value))
    assert describe(moment) == "Opaque(datetime.datetime())"


def test_class_that_became_abstract_is_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = encode(samples.Shape())
    monkeypatch.setattr(samples.Shape, "__abstractmethods__", frozenset({"area"}))
    assert type(decode(blob)) is Opaque


def test_enum_member_that_is_gone_is_opaque() -> None:
    blob = encode(samples.Color.RED).replace(b"RED", b"TAN")
    assert decode(blob).text == "tests.core.codec.samples.Color.TAN"


def test_stand_ins_inside_a_graph_encode_verbatim() -> None:
    _, color = forgotten(samples.Color.RED)
    _, order = forgotten(samples.Order(1))
    shared: list[Any] = [color, order, decode(encode(object()))]
    back = decode(encode([shared, shared, (1,)]))
    assert back[0] is back[1]
    assert back[0] == shared
    assert encode(back) == encode([shared, shared, (1,)])
    assert encode_key(back[0]) == encode_key(shared)


def test_plain_values_hold_no_opaque() -> None:
    assert not holds_opaque(encode({"a": 1}))
    assert not holds_opaque(encode((1, 2)))


def test_finalisers_are_never_armed_by_loading() -> None:
    blob = encode(samples.Resource("live"))
    samples.Resource.deleted.clear()
    assert type(decode(blob)) is Opaque
    assert samples.Resource.deleted == []


def test_text_shows_public_ids_and_no_strings() -> None:
    back = decode(encode(samples.Lazy()))
    assert back.text == "tests.core.codec.samples.Lazy(pk=5)"


def forgotten(value: Any) -> tuple[bytes, Any]:
    """Decode `value` as it would be where its module is gone."""
    blob = encode(value).replace(b"samples.", b"removed.")
    return blob, decode(blob)


@pytest.mark.parametrize(
    "value",
    [
        samples.Order(1, [(2,)]),
        samples.Color.RED,
        samples.Rights(5),
        samples.Point(1, 2),
        samples.Table(a=1),
        samples.Plain,
        samples.double,
        samples.Model(name="x"),
        [samples.Plain(a={1, 2}), {"k": samples.Money(1)}],
    ],
    ids=lambda value: type(value).__name__,
)
def test_unknown_types_encode_verbatim(value: Any) -> None:
    blob, back = forgotten(value)
    assert encode(back) == blob
    assert not holds_opaque(blob)


def test_unknown_types_in_a_cycle_come_back_when_known_again() -> None:
    order = samples.Order(1)
    order.lines = [order, (1,)]
    blob, back = forgotten(order)
    assert type(back) is Opaque
    again = decode(encode(back).replace(b"removed.", b"samples."))
    assert again.lines[0] is again
    assert back.data != b""
    assert decode(blob) == back


def test_opaques_of_different_content_differ() -> None:
    assert forgotten(samples.Order(1))[1] == forgotten(samples.Order(1))[1]
    assert forgotten(samples.Order(1))[1] != forgotten(samples.Order(2))[1]
    assert len({forgotten(samples.Order(1))[1], forgotten(samples.Order(1))[1]}) == 1


def test_opaque_shows_what_it_stands_for() -> None:
    back = forgotten(samples.Order(1, ["x"]))[1]
    assert back.type_path == "tests.core.codec.removed.Order"
    assert back.text == 'tests.core.codec.removed.Order(id=1, lines=["x"])'
    assert repr(back) == f"<Opaque {back.text}>"
    assert back.data in encode(back)
    assert describe(back) == f"Opaque({back.text})"
    assert forgotten(samples.Color.RED)[1].text == "tests.core.codec.removed.Color.RED"


@pytest.mark.parametrize(
    "use",
    [
        *(lambda it: it.id, lambda it: it(), len, iter, bool, str, int, float, list),
        *(lambda it: it + 1, lambda it: 1 + it, lambda it: it < 1, lambda it: it["a"]),
        "{}".format,
        *(lambda it: 1 in it, operator.index, lambda it: setattr(it, "a", 1)),
        *(lambda it: delattr(it, "a"), lambda it: it.__enter__()),
    ],
)  # fmt: skip
def test_any_use_complains_and_says_what_to_do(use: Any) -> None:
    with pytest.raises(OpaqueValueError, match=r"removed\.Order.*register_type.*alias_type"):
        use(forgotten(samples.Order(1))[1])


def test_use_of_an_unstorable_value_says_so() -> None:
    with pytest.raises(OpaqueValueError, match="cannot be stored"):
        bool(decode(encode(threading.Lock())))


def test_opaque_can_be_copied_and_probed() -> None:
    back = forgotten(samples.Order(1))[1]
    assert copy.copy(back) is back
    assert copy.deepcopy([back]) == [back]
    assert not hasattr(back, "__array__")


def test_unstorable_part_leaves_the_rest_exact() -> None:
    back = decode(encode({"lock": threading.Lock(), "order": samples.Order(1)}))
    assert back["order"] == samples.Order(1)

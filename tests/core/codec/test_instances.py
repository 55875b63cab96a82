"""Objects are built from their state, without running code of their class."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from playback_core.codec import decode, encode, encode_key, holds_opaque, register_type
from tests.core.codec import samples


def test_dataclass_is_built_without_init() -> None:
    calls = []

    @dataclasses.dataclass
    class Counted:
        x: int

        def __post_init__(self) -> None:
            calls.append(self.x)

    back = decode(encode(Counted(1)))
    assert (type(back), back.x, calls) == (Counted, 1, [1])


def test_frozen_slotted_dataclass_comes_back() -> None:
    assert decode(encode(samples.Money(3, "USD"))) == samples.Money(3, "USD")


def test_undeclared_attributes_of_a_dataclass_come_back() -> None:
    order = samples.Order(1)
    order.extra = (1,)  # type: ignore[attr-defined]
    assert decode(encode(order)).extra == (1,)


def test_attrs_hash_is_computed_anew() -> None:
    value = samples.Cached("x")
    hash(value)
    back = decode(encode(value))
    assert hash(back) == hash(samples.Cached("x"))
    assert encode(value) == encode(samples.Cached("x"))


def test_pydantic_model_keeps_fields_set_extra_and_private() -> None:
    model = samples.Model(name="a", colour="red")
    model._secret = 9
    back = decode(encode(model))
    assert back == model
    assert back.model_fields_set == {"name", "colour"}
    assert back.model_extra == {"colour": "red"}
    assert back._secret == 9


def test_pydantic_root_model_comes_back() -> None:
    blob = encode(samples.Root([1, 2]))
    assert decode(blob) == samples.Root([1, 2])
    assert not holds_opaque(blob)


def test_overridden_methods_of_a_container_are_not_run() -> None:
    table = samples.Guarded(a=[1])
    back = decode(encode(table))
    assert dict.items(back) == {"a": [1]}.items()
    assert encode_key(back) == encode_key(table)


def test_slot_behind_a_property_makes_an_object_opaque() -> None:
    class Base:
        __slots__ = ("x",)

    class Hiding(Base):
        __slots__ = ()

        @property
        def x(self) -> Any:  # type: ignore[override]
            raise AssertionError("run")

    assert holds_opaque(encode(Hiding()))


def test_plain_object_comes_back() -> None:
    back = decode(encode(samples.Plain(a=1, b=(2,))))
    assert type(back) is samples.Plain
    assert vars(back) == {"a": 1, "b": (2,)}


def test_private_slots_come_back() -> None:
    back = decode(encode(samples.WithSlots(1, [2])))
    assert (back.a, back.hidden) == (1, [2])


def test_unset_slot_stays_unset() -> None:
    value = samples.Slotted.__new__(samples.Slotted)
    value.x = 1
    back = decode(encode(value))
    assert back.x == 1
    assert not hasattr(back, "y")


def test_generic_class_comes_back() -> None:
    back = decode(encode(samples.Box[int](3)))
    assert type(back) is samples.Box
    assert back.item == 3


def test_setattr_and_properties_of_the_class_are_not_run() -> None:
    class Strict:
        def __init__(self) -> None:
            self.__dict__["price"] = 3

        @property
        def price(self) -> int:
            raise AssertionError("run")

        def __setattr__(self, name: str, value: Any) -> None:
            raise AssertionError("run")

        def __getattr__(self, name: str) -> Any:
            raise AssertionError("run")

    assert vars(decode(encode(Strict()))) == {"price": 3}


def test_a_class_that_lost_a_slot_is_still_built() -> None:
    @dataclasses.dataclass(slots=True)
    class Old:
        kept: int
        gone: int

    @register_type
    @dataclasses.dataclass(slots=True)
    class New:
        kept: int

    back = decode(encode(Old(1, 2)).replace(b"Old", b"New"))
    assert back == New(1)


def test_local_class_is_found_once_encoded() -> None:
    class Local:
        pass

    assert type(decode(encode(Local()))) is Local


def test_encoding_keeps_no_class_alive() -> None:
    import gc
    import weakref

    def make() -> weakref.ref[type]:
        @dataclasses.dataclass(slots=True)
        class Local:
            x: int

        encode(Local(1))
        register_type(Local)
        return weakref.ref(Local)

    reference = make()
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("value", [samples.Color, int, samples.double, samples.Plain])
def test_classes_and_functions_are_stored_by_name(value: Any) -> None:
    assert decode(encode([value]))[0] is value


def test_lambda_is_opaque() -> None:
    assert holds_opaque(encode(lambda: 1))

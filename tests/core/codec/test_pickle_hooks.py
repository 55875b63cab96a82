"""Classes whose pickles are made in a way of their own, and those that are stored all the same."""

from typing import Any

from playback_core.codec import Opaque, decode, encode, store_by_fields


class Hooked:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return (Hooked, (self.name,))


class Versioned:
    """Stored by its fields, as `store_by_fields` says of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "version": 1}


class Named(Versioned):
    pass


class HookedBelow(Versioned):
    def __reduce__(self) -> Any:
        return (HookedBelow, (self.name,))


store_by_fields(Versioned)


def test_a_class_with_a_way_of_its_own_is_not_stored():
    assert type(decode(encode(Hooked("tea")))) is Opaque


def test_one_that_is_stored_by_its_fields_comes_back_with_them_and_nothing_else():
    for value in (Versioned("tea"), Named("tea")):
        again = decode(encode(value))
        assert type(again) is type(value)
        assert vars(again) == {"name": "tea"}


def test_a_way_of_its_own_in_a_class_below_counts():
    assert type(decode(encode(HookedBelow("tea")))) is Opaque


def test_a_class_that_was_known_before_is_stored_from_then_on():
    class Late:
        def __init__(self) -> None:
            self.name = "tea"

        def __reduce__(self) -> Any:
            return (Late, ())

    assert type(decode(encode(Late()))) is Opaque
    store_by_fields(Late)
    assert vars(decode(encode(Late()))) == {"name": "tea"}

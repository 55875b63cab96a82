"""What a kind of value is: its code beside how it is taken apart, put together and shown."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from playback_core.codec.layout import Flavour, Layout, layout_of
from playback_core.codec.opaque import Encoded, Opaque
from playback_core.codec.registry import find_type

Show = Callable[[Any], str]


class NotStorable(Exception):
    """This very value has no faithful encoding: it is stored as an Opaque."""


class Unavailable(Exception):
    """The type (or function) at a path is not here, or is not what the encoding fits."""

    def __init__(self, path: str, text: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.text = text or path


class Order(enum.Enum):
    """What the order of a node's children means."""

    KEPT = "part of the value"
    FREE = "nothing: the children are a set"
    PAIRS = "nothing: the children are the keys and values of a mapping by turns"


class Leaf:
    """A value without parts: bytes and back."""

    code: int
    is_leaf = True

    def pack(self, value: Any) -> bytes:
        """Return bytes; runs no code of the value's class. Raises NotStorable."""
        raise NotStorable

    def unpack(self, payload: bytes) -> Any:
        """Raise Unavailable, or ValueError and its like for bytes that no `pack` returned."""
        raise ValueError(f"{type(self).__name__} is never stored")

    def text(self, value: Any) -> str:
        raise NotStorable


class Node:
    """A value with parts: a header of plain data, and children that are any values."""

    code: int
    name: str = ""
    is_leaf = False
    has_identity = True
    """Whether two references to one value must stay two references to one value."""
    children_are_state = False
    """Whether all children are dictionaries that `take` has made for its caller alone."""
    order = Order.KEPT
    hashes_every = 0
    """Of how many children one is hashed when the value is put together; 0 where none is."""

    def take(self, value: Any) -> tuple[Any, list[Any]]:
        """Return (header, children); runs no code of the value's class."""
        raise TypeError(f"{type(self).__name__} takes nothing apart")

    def shell(self, header: Any) -> Any:
        """Return an empty value to be filled, or None if the children are needed first."""
        return None

    def build(self, header: Any, children: list[Any]) -> Any:
        """Return the value itself; `fill` follows."""
        return self.shell(header)

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        """Set what `shell` or `build` left out."""

    def stand_in(self, encoded: Encoded, header: Any, missing: Unavailable) -> Any:
        """Return what replaces a value whose type is unavailable; `fill_stand_in` follows."""
        return Opaque(missing.path, missing.text, encoded=encoded)

    def fill_stand_in(self, value: Any, header: Any, children: list[Any]) -> None:
        """Set what the stand-in shows of the children."""

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"{self.name}({', '.join(map(show, children))})"


def available(path: Any, *flavours: Flavour) -> tuple[type, Layout]:
    """Return the type at `path` if its instances have one of the flavours, else Unavailable."""
    if type(path) is not str:
        raise ValueError("the name of a type is not text")
    found = find_type(path)
    if found is None:
        raise Unavailable(path)
    layout = layout_of(found)
    if layout.flavour not in flavours:
        raise Unavailable(path)
    return found, layout


def show_state(state: list[Any], show: Show) -> list[str]:
    """Return `name=value` for the names of an instance's state."""
    return [
        f"{name}={show(part)}"
        for names in state
        if type(names) is dict
        for name, part in sorted(names.items(), key=lambda item: str(item[0]))
    ]

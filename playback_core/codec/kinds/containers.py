"""Containers of the language and of `collections`."""

from __future__ import annotations

import collections
from types import SimpleNamespace
from typing import Any

from playback_core.codec.kinds.base import Node, Order, Show
from playback_core.codec.kinds.references import default_factory


class List(Node):
    code = 30
    name = "list"

    def take(self, value: list[Any]) -> tuple[Any, list[Any]]:
        return None, value.copy()

    def shell(self, header: Any) -> list[Any]:
        return []

    def fill(self, value: list[Any], header: Any, children: list[Any]) -> None:
        value.extend(children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"[{', '.join(map(show, children))}]"


class Tuple(Node):
    code = 31
    has_identity = False

    def take(self, value: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        return None, list(value)

    def build(self, header: Any, children: list[Any]) -> tuple[Any, ...]:
        return tuple(children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        comma = "," if len(children) == 1 else ""
        return f"({', '.join(map(show, children))}{comma})"


class Set(Node):
    code = 32
    order = Order.FREE
    hashes_every = 1

    def take(self, value: set[Any]) -> tuple[Any, list[Any]]:
        return None, list(value)

    def shell(self, header: Any) -> set[Any]:
        return set()

    def fill(self, value: set[Any], header: Any, children: list[Any]) -> None:
        value.update(children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"{{{', '.join(sorted(map(show, children)))}}}" if children else "set()"


class Frozenset(Node):
    code = 33
    order = Order.FREE
    hashes_every = 1
    has_identity = False

    def take(self, value: frozenset[Any]) -> tuple[Any, list[Any]]:
        return None, list(value)

    def build(self, header: Any, children: list[Any]) -> frozenset[Any]:
        return frozenset(children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"frozenset({{{', '.join(sorted(map(show, children)))}}})"


class Mapping(Node):
    """A dict with any keys; the children are keys and values by turns."""

    code = 34
    order = Order.PAIRS
    hashes_every = 2

    def take(self, value: dict[Any, Any]) -> tuple[Any, list[Any]]:
        return None, flat_pairs(value.copy().items())

    def shell(self, header: Any) -> dict[Any, Any]:
        return {}

    def fill(self, value: dict[Any, Any], header: Any, children: list[Any]) -> None:
        value.update(pairs(children))

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        shown = sorted(f"{show(key)}: {show(part)}" for key, part in pairs(children))
        return f"{{{', '.join(shown)}}}"


class OrderedMapping(Mapping):
    code = 35
    order = Order.KEPT

    def take(self, value: dict[Any, Any]) -> tuple[Any, list[Any]]:
        return None, flat_pairs(value.items())

    def shell(self, header: Any) -> collections.OrderedDict[Any, Any]:
        return collections.OrderedDict()

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        shown = (f"{show(key)}: {show(part)}" for key, part in pairs(children))
        return f"OrderedDict({{{', '.join(shown)}}})"


class Count(Node):
    """The child is the plain dict of counts."""

    code = 36
    name = "Counter"

    def take(self, value: collections.Counter[Any]) -> tuple[Any, list[Any]]:
        return None, [dict.copy(value)]

    def shell(self, header: Any) -> collections.Counter[Any]:
        return collections.Counter()

    def fill(self, value: dict[Any, Any], header: Any, children: list[Any]) -> None:
        dict.update(value, children[0])  # Counter.update would count the values


class DefaultMapping(Node):
    """The children are the default factory and the plain dict."""

    code = 37
    name = "defaultdict"

    def take(self, value: collections.defaultdict[Any, Any]) -> tuple[Any, list[Any]]:
        return None, [value.default_factory, dict.copy(value)]

    def shell(self, header: Any) -> collections.defaultdict[Any, Any]:
        return collections.defaultdict()

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        value.default_factory = default_factory(children[0])
        value.update(children[1])


class Deque(Node):
    """The header is the maximal length."""

    code = 38

    def take(self, value: collections.deque[Any]) -> tuple[Any, list[Any]]:
        return value.maxlen, list(value)

    def shell(self, header: Any) -> collections.deque[Any]:
        return collections.deque(maxlen=header)

    def fill(self, value: collections.deque[Any], header: Any, children: list[Any]) -> None:
        value.extend(children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        bound = "" if header is None else f", maxlen={header}"
        return f"deque([{', '.join(map(show, children))}]{bound})"


class Range(Node):
    code = 39
    name = "range"
    has_identity = False

    def take(self, value: range) -> tuple[Any, list[Any]]:
        return None, [value.start, value.stop, value.step]

    def build(self, header: Any, children: list[Any]) -> range:
        if any(type(child) is not int for child in children):
            raise ValueError("the ends of a range are not whole numbers")
        return range(*children)


class Slice(Node):
    code = 40
    name = "slice"
    has_identity = False

    def take(self, value: slice) -> tuple[Any, list[Any]]:
        return None, [value.start, value.stop, value.step]

    def build(self, header: Any, children: list[Any]) -> slice:
        return slice(*children)


class Namespace(Node):
    """A SimpleNamespace; the child is its dictionary."""

    code = 41

    def take(self, value: SimpleNamespace) -> tuple[Any, list[Any]]:
        return None, [vars(value).copy()]

    def shell(self, header: Any) -> SimpleNamespace:
        return SimpleNamespace()

    def fill(self, value: SimpleNamespace, header: Any, children: list[Any]) -> None:
        vars(value).update(children[0])

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        shown = (f"{name}={show(part)}" for name, part in sorted(children[0].items()))
        return f"SimpleNamespace({', '.join(shown)})"


def pairs(children: list[Any]) -> list[tuple[Any, Any]]:
    """Return the (key, value) pairs of keys and values by turns."""
    return list(zip(children[::2], children[1::2], strict=True))


def flat_pairs(items: Any) -> list[Any]:
    """Return keys and values by turns; each pair is read in one step."""
    return [part for pair in list(items) for part in pair]

"""Instances of subclasses of built-in types, named tuples and structure sequences."""

from __future__ import annotations

import collections
import datetime
from collections.abc import Callable
from typing import Any

from playback_core.codec.kinds.base import Node, Show, available, show_state
from playback_core.codec.kinds.containers import flat_pairs, pairs
from playback_core.codec.kinds.references import default_factory
from playback_core.codec.layout import BASES, Flavour, layout_of
from playback_core.codec.state import read_state, write_state

_FULL = slice(None)
_BASE_NAMES = {base: base.__name__ for base in BASES}
_BASES = {base.__name__: base for base in BASES}
_maxlen: Callable[[Any], int | None] = vars(collections.deque)["maxlen"].__get__
_factory: Any = vars(collections.defaultdict)["default_factory"]
_FILLED_LATER = (dict, list, set, collections.OrderedDict, collections.defaultdict)


class Subclass(Node):
    """Header: path, name of the base, `maxlen`. Children: the base's value, then the state."""

    code = 60

    def take(self, value: Any) -> tuple[Any, list[Any]]:
        layout = layout_of(type(value))
        base = layout.base
        bound = _maxlen(value) if base is collections.deque else None
        content = _contents(value, base)
        return [layout.path, _BASE_NAMES[base], bound], [content, *read_state(value, layout)]

    def shell(self, header: Any) -> Any:
        cls, base, bound = self._target(header)
        if base is collections.deque:
            value = base.__new__(cls)
            base.__init__(value, (), bound)
            return value
        return base.__new__(cls) if base in _FILLED_LATER else None

    def build(self, header: Any, children: list[Any]) -> Any:
        shell = self.shell(header)
        if shell is not None:
            return shell
        cls, base, _ = self._target(header)
        content = children[0]
        if base is bytearray:
            value = base.__new__(cls)
            base.__init__(value, content)
            return value
        if base is datetime.datetime:
            return _moment(cls, content)
        if base is datetime.date:
            return base.__new__(cls, content.year, content.month, content.day)
        if base is complex:
            return base.__new__(cls, content.real, content.imag)
        return base.__new__(cls, content)

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        layout = layout_of(type(value))
        _fill(value, layout.base, children[0])
        write_state(value, layout, children[1:])

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        shown = [show(children[0]), *show_state(children[1:], show)]
        if header[2] is not None:
            shown.append(f"maxlen={header[2]}")
        return f"{header[0]}({', '.join(shown)})"

    def _target(self, header: Any) -> tuple[Any, Any, Any]:
        path, name, bound = header
        cls, layout = available(path, Flavour.SUBCLASS)
        if layout.base is not _BASES.get(name):
            raise ValueError(f"{path} is not derived from {name}")
        return cls, layout.base, bound


class NamedTuple(Node):
    """Header: the path. Children: the items."""

    code = 61
    has_identity = False

    def take(self, value: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        return layout_of(type(value)).path, list(tuple.__iter__(value))

    def build(self, header: Any, children: list[Any]) -> Any:
        cls, _ = available(header, Flavour.NAMEDTUPLE)
        return tuple.__new__(cls, children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"{header}({', '.join(map(show, children))})"


class StructSequence(Node):
    """Header: the path. Children: all fields, the hidden ones too."""

    code = 62
    has_identity = False

    def take(self, value: Any) -> tuple[Any, list[Any]]:
        reduced = value.__reduce__()[1]
        visible, hidden = reduced if len(reduced) == 2 else (reduced[0], {})
        return layout_of(type(value)).path, [tuple(visible), dict(hidden)]

    def build(self, header: Any, children: list[Any]) -> Any:
        cls, _ = available(header, Flavour.STRUCTSEQ)
        return cls(*children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        hidden = show_state(children[1:], show)
        return f"{header}({', '.join([show(children[0]), *hidden])})"


def _contents(value: Any, base: Any) -> Any:
    if base in (set, frozenset):
        return base(value)  # copies the table; an overridden `__iter__` is not asked
    if base is collections.deque:
        return list(base.__iter__(value))
    if base is collections.OrderedDict:
        return flat_pairs(base.items(value))
    if base is collections.defaultdict:
        return [_factory.__get__(value), _entries(value)]
    if base is dict:
        return _entries(value)
    if base in (str, int, float):
        return getattr(base, f"__{base.__name__}__")(value)
    if base is complex:
        return complex.__complex__(value)
    if base in (datetime.date, datetime.datetime):
        return _plain_moment(value, base)
    return base.__getitem__(value, _FULL)


def _entries(value: dict[Any, Any]) -> dict[Any, Any]:
    # `dict.copy` asks an overridden `__iter__`, `keys` and `__getitem__`; the view does not.
    return dict(list(dict.items(value)))


def _plain_moment(value: Any, base: Any) -> Any:
    ordinal = datetime.date.toordinal(value)
    day = datetime.date.fromordinal(ordinal)
    if base is datetime.date:
        return day
    return datetime.datetime.combine(day, datetime.datetime.timetz(value))


def _moment(cls: Any, content: Any) -> Any:
    if type(content) is not datetime.datetime:
        raise ValueError("the value of a datetime is not one")
    date = (content.year, content.month, content.day)
    clock = (content.hour, content.minute, content.second, content.microsecond)
    return datetime.datetime.__new__(cls, *date, *clock, content.tzinfo, fold=content.fold)


def _fill(value: Any, base: Any, content: Any) -> None:
    if base in (list, collections.deque):
        base.extend(value, content)
    elif base is set:
        set.update(value, content)
    elif base is dict:
        dict.update(value, content)
    elif base is collections.OrderedDict:
        for key, part in pairs(content):
            collections.OrderedDict.__setitem__(value, key, part)
    elif base is collections.defaultdict:
        _factory.__set__(value, default_factory(content[0]))
        dict.update(value, content[1])

"""Instances of classes written in Python: dataclasses, attrs, pydantic, plain objects, and those
that have a form.
"""

from __future__ import annotations

from typing import Any

from playback_core.codec.forms import Form
from playback_core.codec.kinds.base import Node, Show, Unavailable, available, show_state
from playback_core.codec.layout import Flavour, Layout, layout_of
from playback_core.codec.state import read_state, write_state


class Instance(Node):
    """The header is the path; the children are the instance dictionary and the slots.

    Built without `__init__`, `__setstate__` or `__reduce__`.
    """

    children_are_state = True

    def __init__(self, code: int, flavour: Flavour) -> None:
        self.code = code
        self.flavour = flavour

    def take(self, value: Any) -> tuple[Any, list[dict[str, Any]]]:
        layout = layout_of(type(value))
        return layout.path, read_state(value, layout)

    def shell(self, header: Any) -> Any:
        cls, _ = available(header, self.flavour)
        try:
            return object.__new__(cls)
        except TypeError as error:  # the class is abstract here
            raise Unavailable(header) from error

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        write_state(value, layout_of(type(value)), children)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"{header}({', '.join(show_state(children, show))})"


class Formed(Node):
    """The header is the path; the one child is what the form has for fields."""

    code = 84
    children_are_state = True

    def take(self, value: Any) -> tuple[Any, list[dict[str, Any]]]:
        layout = layout_of(type(value))
        return layout.path, [_form(layout).fields(value)]

    def shell(self, header: Any) -> Any:
        cls, layout = available(header, Flavour.FORMED)
        return _form(layout).empty(cls)

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        (fields,) = children
        if type(fields) is not dict:
            raise ValueError("the fields of an object are not names and values")
        _form(layout_of(type(value))).fill(value, fields)

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        return f"{header}({', '.join(show_state(children, show))})"


def _form(layout: Layout) -> Form:
    assert layout.form is not None
    return layout.form

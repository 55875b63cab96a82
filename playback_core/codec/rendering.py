"""Values as readable text, within a budget."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from playback_core.codec.format import NATIVE, fits_natively
from playback_core.codec.kinds import MAPPING, STAND_IN, UNKNOWN, kind_of
from playback_core.codec.kinds.base import Node, NotStorable, Order

_DEPTH = 60
_STEPS = 200_000
_BRIEF = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


class OverBudget(Exception):
    """The text is longer than asked for."""


class Renderer:
    """Renders one value; stops with OverBudget soon after `budget` characters."""

    def __init__(self, budget: int) -> None:
        self._limit = self._budget = budget
        self._steps = 0
        self._shown: list[str] = []
        self._open: dict[int, int] = {}

    def show(self, value: Any) -> str:
        """Return the text of a value or of a part of one."""
        self._steps += 1
        if self._budget < 0 or self._steps > _STEPS:
            raise OverBudget
        cls = type(value)
        if cls is str or (cls in NATIVE and fits_natively(value)):
            return self._spend(native_text(value))
        kind = kind_of(cls)
        if kind.is_leaf:
            return self._spend(_leaf_text(kind, value))
        if kind is STAND_IN:
            return self._spend(stand_in_text(value))
        if id(value) in self._open:
            return f"<{len(self._open) - self._open[id(value)]} up>"
        if len(self._open) >= _DEPTH:
            raise OverBudget
        self._budget -= 2
        self._open[id(value)] = len(self._open)
        try:
            return self._node(kind, value)
        finally:
            del self._open[id(value)]

    def beginning(self, value: Any) -> str:
        """Return what was shown before OverBudget, the same in every process."""
        shown = "" if self._steps > _STEPS else ", ".join(self._shown)
        return f"{type(value).__name__}({shown}"

    def _node(self, kind: Any, value: Any) -> str:
        if kind is MAPPING and all(type(key) is str for key in value.copy()):
            pairs = (f"{self.show(k)}: {self.show(v)}" for k, v in sorted(value.copy().items()))
            return f"{{{', '.join(pairs)}}}"
        header, children = kind.take(value)
        show = self.show if kind.order is Order.KEPT else self._show_alone
        return str(kind.text(header, children, show))

    def _show_alone(self, value: Any) -> str:
        # Parts without an order must not share a budget: which one exceeds it would be chance.
        outer = self._budget, self._shown
        self._budget, self._shown = self._limit, []
        try:
            return self.show(value)
        except OverBudget:
            if self._steps > _STEPS:
                raise
            return f"{self.beginning(value)}…"
        finally:
            self._budget, self._shown = outer

    def _spend(self, text: str) -> str:
        self._budget -= len(text)
        self._shown.append(text)
        return text


def native_text(value: Any) -> str:
    """Return the text of None, a bool, number, str or bytes; JSON where JSON has one."""
    if type(value) is str:
        text = json.dumps(value, ensure_ascii=False)
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if type(value) is float and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return {None: "null", True: "true", False: "false"}[value] if _is_word(value) else repr(value)


def stand_in_text(value: Any) -> str:
    """Return the text of an Opaque or an UnknownException."""
    return f"Opaque({value.text})" if hasattr(type(value), "text") else repr(value)


def render_node(node: Node, header: Any, children: list[Any]) -> str:
    """Return a brief text of a value that is there only as its parts."""
    try:
        text = node.text(header, children, Renderer(_BRIEF).show)
    except OverBudget:
        path = header[0] if type(header) is list else header
        return f"{path}(…)"
    return text if len(text) <= _BRIEF else text[: _BRIEF - 1] + "…"


def _leaf_text(kind: Any, value: Any) -> str:
    try:
        return str(kind.text(value)) if kind is not UNKNOWN else f"Opaque({kind.text(value)})"
    except NotStorable:
        return f"Opaque({UNKNOWN.text(value)})"


def _is_word(value: Any) -> bool:
    return value is None or value is True or value is False

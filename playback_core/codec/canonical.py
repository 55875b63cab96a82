"""Canonical bytes of values, for keys: equal if and only if type and value are equal.

The order of dicts and sets, aliasing, hash seeds and Python versions make no difference.
Floats compare by their 64 bits: 0.0 and -0.0 differ, a NaN equals itself.
"""

from __future__ import annotations

from typing import Any

from ormsgpack import Ext, packb

from playback_core.codec.format import (
    DEEP,
    HOLDS_OPAQUE,
    NATIVE,
    REFERENCE,
    SORTED,
    fits_natively,
    typed,
)
from playback_core.codec.graph import write_graph_body
from playback_core.codec.kinds import NODES, STAND_IN, UNKNOWN, kind_of
from playback_core.codec.kinds.base import NotStorable, Order
from playback_core.codec.limits import TREE_NODES
from playback_core.codec.opaque import OPAQUE_CODE
from playback_core.codec.tree import parts_of

_DEPTH = 150


def write_key(value: Any) -> bytes:
    """Return the canonical bytes of any value; those of a JSON-like one are plain MessagePack."""
    writer = _KeyWriter()
    body = packb(writer.rewrite(value), None, SORTED)
    if not writer.typed:
        return body
    return typed(body, HOLDS_OPAQUE if writer.lossy else 0)


class _KeyWriter:
    def __init__(self) -> None:
        self.typed = False
        self.lossy = False
        self._nodes = 0
        self._open: dict[int, int] = {}

    def rewrite(self, value: Any) -> Any:
        cls = type(value)
        if cls in NATIVE and fits_natively(value):
            return value
        kind = kind_of(cls)
        if kind.is_leaf:
            return self._leaf(kind, value)
        level = self._open.get(id(value))
        if level is not None:
            return self._extension(REFERENCE, (len(self._open) - level).to_bytes(4, "little"))
        if len(self._open) >= _DEPTH or self._nodes > TREE_NODES:
            return self._deep(value)
        self._open[id(value)] = len(self._open)
        try:
            return self._stand_in(value) if kind is STAND_IN else self._node(kind, value)
        finally:
            del self._open[id(value)]

    def _node(self, kind: Any, value: Any) -> Any:
        if type(value) is list:
            return self._parts(value.copy())
        if type(value) is dict:
            copied = value.copy()
            if all(type(key) is str and fits_natively(key) for key in copied):
                return dict(zip(copied, self._parts(list(copied.values())), strict=True))
        header, children = kind.take(value)
        return self._assemble(kind, header, children)

    def _assemble(self, kind: Any, header: Any, children: list[Any]) -> Ext:
        parts = self._parts(children)
        if kind.order is Order.FREE:
            parts.sort(key=_packed)
        elif kind.order is Order.PAIRS:
            rows = sorted(zip(parts[::2], parts[1::2], strict=True), key=_packed)
            parts = [part for row in rows for part in row]
        return self._extension(kind.code, packb([header, *parts], None, SORTED))

    def _parts(self, children: list[Any]) -> list[Any]:
        self._nodes += len(children)
        return [self.rewrite(part) for part in children]

    def _leaf(self, kind: Any, value: Any) -> Ext:
        try:
            payload = kind.pack(value)
        except NotStorable:
            kind = UNKNOWN
            payload = kind.pack(value)
        if kind is UNKNOWN:
            self.lossy = True
        return self._extension(kind.code, payload)

    def _stand_in(self, value: Any) -> Ext:
        encoded = value._encoded
        if encoded.code == OPAQUE_CODE:
            return self._leaf(UNKNOWN, value)
        if encoded.code not in NODES:
            return self._extension(encoded.code, encoded.payload)
        return self._assemble(NODES[encoded.code], *parts_of(encoded))

    def _deep(self, value: Any) -> Ext:
        body, lossy = write_graph_body(value)
        self.lossy = self.lossy or lossy
        return self._extension(DEEP, body)

    def _extension(self, code: int, payload: bytes) -> Ext:
        self.typed = True
        return Ext(code, payload)


def _packed(part: Any) -> bytes:
    return packb(list(part) if type(part) is tuple else part, None, SORTED)

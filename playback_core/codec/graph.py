"""The graph form: one row for each part, so that parts may be shared, cyclic or very deep.

The third tier of `encode`. Neither direction recurses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ormsgpack import Ext, packb

from playback_core.codec.bounds import check_depth, too_many_parts
from playback_core.codec.format import (
    GRAPH,
    HOLDS_OPAQUE,
    NATIVE,
    OPTIONS,
    REFERENCE,
    fits_natively,
    typed,
)
from playback_core.codec.kinds import NODES, STAND_IN, UNKNOWN, kind_of
from playback_core.codec.kinds.base import NotStorable, Unavailable
from playback_core.codec.limits import DEFAULT_LIMITS, ENCODE_NODES, Limits
from playback_core.codec.opaque import OPAQUE_CODE, Encoded, Opaque
from playback_core.codec.rendering import render_node
from playback_core.codec.tree import DAMAGE, TreeReader, parts_of
from playback_core.errors import DecodeError

# Parts that are hashed on the way, shared ones each time: about a second of it.
_MOST_HASHED = 50_000_000
_NOT_BUILT: Any = object()


def write_graph(value: Any) -> bytes:
    """Return the graph form of `value`; raises EncodeError over the hard limit."""
    body, lossy = write_graph_body(value)
    return typed(body, GRAPH | (HOLDS_OPAQUE if lossy else 0))


def write_graph_body(value: Any) -> tuple[bytes, bool]:
    """Return the rows and the token of the whole, and whether an Opaque is among them."""
    writer = _GraphWriter()
    root = writer.token(value)
    rows = writer.rows()
    check_depth(value, writer.below)
    return packb([root, *rows], None, OPTIONS), writer.lossy


class _GraphWriter:
    def __init__(self) -> None:
        self.lossy = False
        self._numbers: dict[int, int] = {}
        self._waiting: deque[tuple[Any, Any]] = deque()
        self._kept: list[Any] = []
        self.below: list[list[int]] = []

    def rows(self) -> list[Any]:
        rows = []
        parts = 0
        while self._waiting:
            kind, value = self._waiting.popleft()
            code, header, children = self._take(kind, value)
            self._kept.append(children)
            parts += len(children) + 1
            if parts > ENCODE_NODES:
                raise too_many_parts(value)
            self.below.append([])
            rows.append([code, header, *map(self.token, children)])
        return rows

    def token(self, value: Any) -> Any:
        cls = type(value)
        if cls in NATIVE and fits_natively(value):
            return value
        kind = kind_of(cls)
        if kind.is_leaf:
            return self._leaf(kind, value)
        if kind is STAND_IN:
            encoded = value._encoded
            if encoded.code == OPAQUE_CODE:
                return self._leaf(UNKNOWN, value)
            if encoded.code not in NODES:
                return Ext(encoded.code, encoded.payload)
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._numbers)
            self._kept.append(value)
            self._waiting.append((kind, value))
        if self.below:
            self.below[-1].append(number)
        return Ext(REFERENCE, number.to_bytes(4, "little"))

    def _take(self, kind: Any, value: Any) -> tuple[int, Any, list[Any]]:
        if kind is STAND_IN:
            header, children = parts_of(value._encoded)
            return value._encoded.code, header, children
        header, children = kind.take(value)
        return kind.code, header, children

    def _leaf(self, kind: Any, value: Any) -> Ext:
        try:
            payload = kind.pack(value)
        except NotStorable:
            kind = UNKNOWN
            payload = kind.pack(value)
        if kind is UNKNOWN:
            self.lossy = True
        return Ext(kind.code, payload)


class _Reference:
    __slots__ = ("number",)

    def __init__(self, payload: bytes) -> None:
        self.number = int.from_bytes(payload, "little")


def read_graph(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Return the value; raises DecodeError."""
    parts = TreeReader({REFERENCE: _Reference}).read(body)
    if type(parts) is not list or not parts:
        raise DecodeError("An encoded value is damaged: a graph without rows.")
    try:
        return _GraphReader(parts[1:], limits).read(parts[0])
    except DAMAGE as error:
        raise DecodeError(f"An encoded value is damaged: {error}.") from error


class _GraphReader:
    """Builds children before parents, as far as cycles allow.

    A mutable value exists, empty, as soon as it is met, so that its parts may refer to it. What
    still lacks a part when its turn comes is filled at the end, in the order of its turn.
    """

    def __init__(self, rows: list[Any], limits: Limits) -> None:
        self._rows = rows
        self._max_depth = limits.max_depth
        self._values: list[Any] = [_NOT_BUILT] * len(rows)
        self._weights = [0] * len(rows)
        self._hashed = 0
        self._met = bytearray(len(rows))
        self._late: dict[int, None] = {}
        self._stand_ins: dict[int, list[Any]] = {}

    def read(self, root: Any) -> Any:
        if type(root) is not _Reference:
            return root
        stack = [(root.number, self._enter(root.number))]
        while stack:
            number, pending = stack[-1]
            for child in pending:
                if not self._met[child]:
                    stack.append((child, self._enter(child)))
                    break
            else:
                stack.pop()
                self._leave(number)
            if len(stack) > self._max_depth:
                raise DecodeError(
                    f"An encoded value is nested deeper than {self._max_depth:,}, the limit."
                )
        for number in self._late:
            self._fill(number, self._resolved(number))
        return self._values[root.number]

    def _enter(self, number: int) -> Iterator[int]:
        self._met[number] = 1
        code, header, *children = self._rows[number]
        if code not in NODES:
            raise DecodeError(f"An encoded value has the unknown kind {code}.")
        try:
            shell = NODES[code].shell(header)
        except Unavailable as missing:
            self._stand_in(number, missing)
        else:
            if shell is not None:
                self._values[number] = shell
        return iter([part.number for part in children if type(part) is _Reference])

    def _leave(self, number: int) -> None:
        code, header, *tokens = self._rows[number]
        below = [token.number for token in tokens if type(token) is _Reference]
        missing = any(self._values[child] is _NOT_BUILT for child in below)
        self._weights[number] = 1 + len(tokens) + sum(self._weights[child] for child in below)
        if NODES[code].hashes_every:
            self._count_hashed(tokens[:: NODES[code].hashes_every])
        late = missing or any(child in self._late for child in below)
        if self._values[number] is _NOT_BUILT:
            if missing:
                raise DecodeError("An encoded value is damaged: an immutable part holds itself.")
            try:
                self._values[number] = NODES[code].build(header, self._resolved(number))
            except Unavailable as error:
                self._stand_in(number, error)
        if late:
            self._late[number] = None
        else:
            self._fill(number, self._resolved(number))

    def _count_hashed(self, tokens: list[Any]) -> None:
        self._hashed += len(tokens)
        self._hashed += sum(self._weights[one.number] for one in tokens if type(one) is _Reference)
        if self._hashed > _MOST_HASHED:
            raise DecodeError("An encoded value has keys too large to be hashed in fair time.")

    def _resolved(self, number: int) -> list[Any]:
        return [
            self._values[token.number] if type(token) is _Reference else token
            for token in self._rows[number][2:]
        ]

    def _fill(self, number: int, children: list[Any]) -> None:
        code, header = self._rows[number][:2]
        if number in self._stand_ins:
            self._stand_ins[number].extend(children)
            value = self._values[number]
            NODES[code].fill_stand_in(value, header, children)
            if type(value) is Opaque:
                value.retitle(render_node(NODES[code], header, children))
        else:
            NODES[code].fill(self._values[number], header, children)

    def _stand_in(self, number: int, missing: Unavailable) -> None:
        code, header = self._rows[number][:2]
        parts = self._stand_ins[number] = []
        encoded = Encoded(code, None, (header, parts))
        self._values[number] = NODES[code].stand_in(encoded, header, missing)

"""The tree form: JSON-like parts stay native, typed ones become extensions.

The second tier of `encode`. Containers are copied before anything is packed, and the native
encoder gets no hook: with one, a list that another thread shrinks crashed the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ormsgpack import Ext, packb, unpackb

from playback_core.codec.format import HOLDS_OPAQUE, NATIVE, OPTIONS, REFERENCE, typed
from playback_core.codec.kinds import (
    LEAVES,
    LIST,
    MAPPING,
    NODES,
    PACKERS,
    STAND_IN,
    TUPLE,
    UNKNOWN,
    kind_of,
)
from playback_core.codec.kinds.base import NotStorable, Unavailable
from playback_core.codec.limits import TREE_DEPTH, TREE_NODES
from playback_core.codec.opaque import OPAQUE_CODE, Encoded, Opaque
from playback_core.codec.rendering import render_node
from playback_core.errors import DecodeError

DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What building a value from bytes that no encoder wrote may raise."""

_ONLY_TEXT = {str}
_READ_DEPTH = TREE_DEPTH + 190


class NeedsGraph(Exception):
    """The value shares or contains itself, or is too deep or too large for a tree."""


def write_tree(value: Any) -> bytes:
    """Return the tree form of `value`; raises NeedsGraph, or TypeError as `packb` does."""
    writer = _TreeWriter()
    body = packb(writer.parts([value], 0)[0], None, OPTIONS)
    if not writer.typed:
        return body
    return typed(body, HOLDS_OPAQUE if writer.lossy else 0)


class _TreeWriter:
    __slots__ = ("kept", "lossy", "nodes", "seen", "typed")

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.kept: list[Any] = []
        self.nodes = 0
        self.lossy = False
        self.typed = False

    def rewrite(self, value: Any, depth: int) -> Any:
        cls = type(value)
        packer = PACKERS.get(cls)
        if packer is not None:
            self.typed = True
            pack, code = packer
            try:
                return Ext(code, pack(value))
            except NotStorable:
                return self.leaf(UNKNOWN, value)
        if cls is tuple and depth <= TREE_DEPTH:
            self.typed = True
            return self.node(TUPLE.code, None, value, depth + 1)
        kind = LIST if cls is list else MAPPING if cls is dict else kind_of(cls)
        if kind.is_leaf or kind is STAND_IN:
            self.typed = True
            return self.leaf(kind, value) if kind.is_leaf else self.stand_in(value, depth)
        if depth > TREE_DEPTH:
            raise NeedsGraph
        if kind.has_identity:
            identity = id(value)
            if identity in self.seen:
                raise NeedsGraph
            self.seen.add(identity)
        if kind.children_are_state:
            return self.instance(kind, value, depth + 2)
        return self.branch(kind, value, depth + 1)

    def branch(self, kind: Any, value: Any, depth: int) -> Any:
        if kind is LIST:
            return self.parts(value.copy(), depth)
        if kind is MAPPING:
            copied = value.copy()
            if _has_only_text(copied):
                return self.names(copied, depth)
            self.count(copied)
        self.typed = True
        header, children = kind.take(value)
        # The children may be copies made just now: kept, so that no id is seen twice.
        self.kept.append(children)
        return self.node(kind.code, header, children, depth)

    def instance(self, kind: Any, value: Any, depth: int) -> Ext:
        self.typed = True
        header, children = kind.take(value)
        # The slots come after the dictionary, and their names are text.
        if not children or not _has_only_text(children[0]):
            self.kept.append(children)
            return self.node(kind.code, header, children, depth - 1)
        self.nodes += len(children)
        state = [self.names(names, depth) if names else names for names in children]
        return Ext(kind.code, packb([header, *state], None, OPTIONS))

    def names(self, copied: dict[str, Any], depth: int) -> dict[str, Any]:
        self.count(copied)
        for name, part in copied.items():
            if type(part) not in NATIVE:
                copied[name] = self.rewrite(part, depth)
        return copied

    def leaf(self, kind: Any, value: Any) -> Ext:
        try:
            payload = kind.pack(value)
        except NotStorable:
            kind = UNKNOWN
            payload = kind.pack(value)
        if kind is UNKNOWN:
            self.lossy = True
        return Ext(kind.code, payload)

    def node(self, code: int, header: Any, children: Sequence[Any], depth: int) -> Ext:
        return Ext(code, packb([header, *self.parts(children, depth)], None, OPTIONS))

    def parts(self, children: Sequence[Any], depth: int) -> list[Any]:
        self.count(children)
        if NATIVE.issuperset(map(type, children)):
            return list(children)
        return [part if type(part) in NATIVE else self.rewrite(part, depth) for part in children]

    def count(self, children: Any) -> None:
        self.nodes += len(children)
        if self.nodes > TREE_NODES:
            raise NeedsGraph

    def stand_in(self, value: Any, depth: int) -> Ext:
        encoded = value._encoded
        if encoded.code == OPAQUE_CODE:
            return self.leaf(UNKNOWN, value)
        if encoded.payload is not None:
            return Ext(encoded.code, encoded.payload)
        header, children = encoded.parts
        return self.node(encoded.code, header, children, depth + 1)


def _has_only_text(copied: dict[Any, Any]) -> bool:
    return not copied or _ONLY_TEXT.issuperset(map(type, copied))


class TreeReader:
    """Reads the tree form; `specials` maps further extension codes to their readers."""

    def __init__(self, specials: Mapping[int, Callable[[bytes], Any]] | None = None) -> None:
        self._specials = specials or {}
        self._depth = 0
        self._failure: BaseException | None = None

    def read(self, body: bytes) -> Any:
        """Return the value; raises DecodeError."""
        try:
            return unpackb(body, ext_hook=self.extension)
        except ValueError as error:
            # The native decoder hides what a hook raised.
            failure = self._failure or error
            if isinstance(failure, DecodeError) or not isinstance(failure, Exception):
                raise failure from None
            raise DecodeError(f"An encoded value is damaged: {failure}.") from failure

    def extension(self, code: int, payload: bytes) -> Any:
        """Return the value of one extension; the hook of the native decoder."""
        try:
            leaf = LEAVES.get(code)
            if leaf is not None:
                return self._leaf(leaf, payload)
            if code in self._specials:
                return self._specials[code](payload)
            if code == REFERENCE:
                return _repeated(payload)
            return self._node(code, payload)
        except BaseException as error:
            self._failure = self._failure or error
            raise

    def parts(self, payload: bytes) -> tuple[Any, list[Any]]:
        """Return the header and the children in the payload of a node."""
        parts = self.read(payload)
        if type(parts) is not list or not parts:
            raise DecodeError("An encoded value is damaged: a value with parts has none.")
        return parts[0], parts[1:]

    def _leaf(self, leaf: Any, payload: bytes) -> Any:
        try:
            return leaf.unpack(payload)
        except Unavailable as missing:
            return Opaque(missing.path, missing.text, encoded=Encoded(leaf.code, payload))

    def _node(self, code: int, payload: bytes) -> Any:
        node = NODES.get(code)
        if node is None:
            raise DecodeError(
                f"An encoded value has the unknown kind {code}: the data is damaged, or written"
                " by a newer release."
            )
        if self._depth >= _READ_DEPTH:
            raise DecodeError("An encoded value is nested deeper than any encoder writes.")
        self._depth += 1
        header, children = self.parts(payload)
        self._depth -= 1
        try:
            value = node.build(header, children)
            node.fill(value, header, children)
        except Unavailable as missing:
            missing.text = render_node(node, header, children)
            value = node.stand_in(Encoded(code, payload), header, missing)
            node.fill_stand_in(value, header, children)
        return value


def parts_of(encoded: Encoded) -> tuple[Any, list[Any]]:
    """Return the header and the children of what a stand-in of a node was decoded from."""
    if encoded.parts is not None:
        return encoded.parts
    return TreeReader().parts(encoded.payload or b"")


def _repeated(payload: bytes) -> Opaque:
    levels = int.from_bytes(payload, "little")
    return Opaque("cycle", f"the value {levels} levels up", encoded=Encoded(REFERENCE, payload))

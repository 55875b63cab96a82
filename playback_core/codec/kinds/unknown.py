"""Values that can't be stored: named, described as far as is safe, and nothing more."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from ormsgpack import packb, unpackb

from playback_core.codec.kinds.base import Leaf, Node
from playback_core.codec.layout import Flavour, layout_of
from playback_core.codec.opaque import OPAQUE_CODE, Encoded, Opaque
from playback_core.codec.registry import object_path, type_path

_TEXT_LIMIT = 200
_TELLING = (int, bool, type(None), UUID)


class Unknown(Leaf):
    """Path and text of a value of a type that has no encoding.

    No `__repr__` written in Python is run: it may load a row, run a query or evaluate something
    lazy. The text names the type and its public numbers and ids (not its strings, which may be
    secrets that redaction looks for by field); it never holds an address.
    """

    code = OPAQUE_CODE

    def pack(self, value: Any) -> bytes:
        if type(value) is Opaque:
            return packb([value.type_path, value.text])
        path = type_path(type(value))
        try:
            return packb([path, self.text(value)])
        except TypeError:  # a name with lone surrogates
            return packb([ascii(path), ascii(path)])

    def unpack(self, payload: bytes) -> Opaque:
        path, text = unpackb(payload)
        if type(path) is not str or type(text) is not str:
            raise ValueError("the name of a type is not text")
        return Opaque(path, text, encoded=Encoded(self.code, payload))

    def text(self, value: Any) -> str:
        if type(value) is Opaque:
            return value.text
        cls = type(value)
        if cls is re.Pattern:
            return repr(value)
        if layout_of(cls).flavour is Flavour.FUNCTION:
            return f"function {object_path(value.__module__, value.__qualname__)}"
        shown = f"{type_path(cls)}({', '.join(self._telling(value))})"
        return shown if len(shown) <= _TEXT_LIMIT else shown[: _TEXT_LIMIT - 1] + "…"

    def _telling(self, value: Any) -> list[str]:
        try:
            names = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return []
        if type(names) is not dict:
            return []
        return sorted(
            f"{name}={part}"
            for name, part in names.copy().items()
            if type(name) is str and name[:1] != "_" and type(part) in _TELLING
        )


class StandIn(Node):
    """An Opaque or UnknownException: encoders write again what it was decoded from."""

    code = -1

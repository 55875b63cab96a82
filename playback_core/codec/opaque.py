"""Stand-ins for values whose type cannot be stored, or is not available here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from playback_core.errors import OpaqueValueError

OPAQUE_CODE = 2
"""The extension code of values that could not be stored at all."""

_listeners: list[Callable[[str, str], None]] = []


def on_refused_use(listener: Callable[[str, str], None]) -> None:
    """Call `listener(type_path, message)` whenever a stand-in was used as if it were the value.

    The error that is raised may be swallowed; whoever must know of it listens.
    """
    _listeners.append(listener)


class Encoded:
    """What a stand-in was decoded from, so that it encodes to the same again.

    `payload` are the bytes of a value stored as a tree; `parts` the header and the children of
    one stored as a graph, where the children may share and contain one another.
    """

    __slots__ = ("code", "parts", "payload")

    def __init__(
        self,
        code: int,
        payload: bytes | None = None,
        parts: tuple[Any, list[Any]] | None = None,
    ) -> None:
        self.code = code
        self.payload = payload
        self.parts = parts


class Opaque:
    """A value that could be named but not rebuilt.

    `type_path` is the dotted name of its type, `text` a readable rendering, `data` its encoded
    bytes, or None where the value could not be stored. It encodes to what it was decoded from.
    Comparing, hashing and `repr` work; any other use raises OpaqueValueError.
    """

    __slots__ = ("_encoded", "_text", "_type_path")
    _encoded: Encoded
    _text: str
    _type_path: str

    def __init__(self, type_path: str, text: str = "", *, encoded: Encoded | None = None) -> None:
        put = object.__setattr__
        put(self, "_type_path", type_path)
        put(self, "_text", text or type_path)
        put(self, "_encoded", encoded or Encoded(OPAQUE_CODE))

    @property
    def type_path(self) -> str:
        return self._type_path

    @property
    def text(self) -> str:
        return self._text

    @property
    def data(self) -> bytes | None:
        encoded = self._encoded
        if encoded.code == OPAQUE_CODE:
            return None
        if encoded.payload is None:
            from playback_core.codec.graph import write_graph

            return write_graph(encoded.parts)
        return encoded.payload

    def retitle(self, text: str) -> None:
        """Set the text of a stand-in whose parts were not there yet when it was made."""
        object.__setattr__(self, "_text", text)

    def __repr__(self) -> str:
        return f"<Opaque {self._text}>"

    def __eq__(self, other: object) -> bool:
        if type(other) is not Opaque:
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((self._type_path, self._encoded.code))

    def __copy__(self) -> Opaque:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Opaque:
        return self

    def _identity(self) -> tuple[Any, ...]:
        encoded = self._encoded
        if encoded.code == OPAQUE_CODE:
            return self._type_path, self._text
        # Canonical, since the same value may come from a tree and from a graph. Late, because
        # the writer needs the kinds, which need this module.
        from playback_core.codec.canonical import write_key

        return self._type_path, write_key(self)

    def __getattr__(self, name: str) -> Any:
        # Protocol probes such as `__array__` or `__html__` expect AttributeError for "no".
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._complain(f"read attribute {name!r} of")

    def _complain(self, use: str) -> NoReturn:
        if self._encoded.code == OPAQUE_CODE:
            advice = (
                "A value of this type cannot be stored. Record plain data instead, for example"
                " with a data handler."
            )
        else:
            advice = (
                "Its type was not available when the recording was loaded. Import its module"
                " before loading (on the command line: --app), call register_type(cls), or"
                " alias_type(old_path, cls) if it was renamed or moved."
            )
        message = f"Cannot {use} a recorded {self._type_path}: {self._text}. {advice}"
        for listener in _listeners:
            listener(self._type_path, message)
        raise OpaqueValueError(message)


_BINARY_OPERATORS = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "or", "xor"),
)
_REFUSED = {
    "call": ("__call__", "__await__", "__enter__", "__exit__", "__aenter__", "__aexit__"),
    "iterate over": ("__iter__", "__next__", "__reversed__", "__aiter__", "__anext__"),
    "look into": ("__len__", "__contains__", "__getitem__"),
    "change": ("__setattr__", "__delattr__", "__setitem__", "__delitem__"),
    "test": ("__bool__",),
    "order": ("__lt__", "__le__", "__gt__", "__ge__"),
    "convert": (
        *("__str__", "__format__", "__bytes__", "__int__", "__float__", "__complex__"),
        *("__index__", "__fspath__", "__round__", "__trunc__", "__floor__", "__ceil__"),
    ),
    "calculate with": (
        *(f"__{name}__" for name in _BINARY_OPERATORS),
        *(f"__r{name}__" for name in _BINARY_OPERATORS),
        *("__neg__", "__pos__", "__abs__", "__invert__"),
    ),
}


def _refusal(use: str) -> Any:
    def refuse(self: Opaque, *_: Any, **__: Any) -> NoReturn:
        self._complain(use)

    return refuse


for _use, _names in _REFUSED.items():
    for _name in _names:
        setattr(Opaque, _name, _refusal(_use))


class UnknownException(Exception):
    """An exception whose class is not available here; it is raised and printed as recorded.

    `type_path` is the dotted name of the class. The instance also derives from the built-in
    exception the class derived from, so that `except ValueError` still catches it. Its text,
    notes and cause are the recorded ones, and it encodes to what it was decoded from.
    """

    type_path: str = ""
    recorded_text: str | None = None
    _encoded: Encoded | None = None

    def __str__(self) -> str:
        return super().__str__() if self.recorded_text is None else self.recorded_text

    def __repr__(self) -> str:
        return f"<UnknownException {self.type_path}: {self}>"


_unknown_by_base: dict[type[BaseException], type[UnknownException]] = {Exception: UnknownException}


def unknown_exception_class(base: type[BaseException]) -> type[UnknownException]:
    """Return the stand-in class that `except base` catches."""
    known = _unknown_by_base.get(base)
    if known is None:
        names = {"__module__": __name__, "__doc__": UnknownException.__doc__}
        known = _unknown_by_base[base] = type("UnknownException", (UnknownException, base), names)
    return known

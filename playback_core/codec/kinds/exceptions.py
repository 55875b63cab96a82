"""Exceptions: type, arguments, attributes, notes and cause.

`__context__` and the traceback are not kept: raising sets them anew, and both hold on to frames
and values that belong to the process.
"""

from __future__ import annotations

import builtins
from typing import Any

from playback_core.codec.kinds.base import Node, Show, Unavailable, available, show_state
from playback_core.codec.layout import Flavour, Layout, layout_of
from playback_core.codec.opaque import Encoded, unknown_exception_class
from playback_core.codec.state import read_state, write_state

_TEXT_LIMIT = 10_000
_set_args = vars(BaseException)["args"].__set__
_set_cause = vars(BaseException)["__cause__"].__set__
_set_suppressed = vars(BaseException)["__suppress_context__"].__set__
_NATIVE_FIELDS: dict[type[BaseException], tuple[str, ...]] = {
    OSError: ("errno", "strerror", "filename", "filename2"),
    UnicodeDecodeError: ("encoding", "object", "start", "end", "reason"),
    UnicodeEncodeError: ("encoding", "object", "start", "end", "reason"),
    UnicodeTranslateError: ("object", "start", "end", "reason"),
    SyntaxError: ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset"),
    ImportError: ("msg", "name", "path"),
    StopIteration: ("value",),
    SystemExit: ("code",),
    NameError: ("name",),
    AttributeError: ("name",),  # not `obj`: it may hold the whole application
}


class ExceptionKind(Node):
    """Header: path, built-in base, whether the context is suppressed.

    Children: arguments, cause, fields of the built-in base, text, then the state. An exception
    is always stored as one; where it can't be built it is replaced by its stand-in.
    """

    code = 70

    def take(self, value: BaseException) -> tuple[Any, list[Any]]:
        layout = layout_of(type(value))
        suppressed = _get(value, "__suppress_context__")
        header = [layout.path, layout.base.__name__, suppressed]
        children = [_get(value, "args"), _get(value, "__cause__"), native_fields(value)]
        return header, [*children, _own_text(value), *read_state(value, layout)]

    def shell(self, header: Any) -> Any:
        cls, layout = _target(header, Flavour.EXCEPTION)
        base: Any = layout.base
        return base.__new__(cls)

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        _fill(value, header, children)
        write_state(value, layout_of(type(value)), children[4:])

    def stand_in(self, encoded: Encoded, header: Any, missing: Unavailable) -> Any:
        base: Any = vars(builtins).get(header[1])
        if not (type(base) is type and BaseException in base.__mro__):
            base = Exception
        if BaseExceptionGroup in base.__mro__:
            base = Exception
        value = base.__new__(unknown_exception_class(base))
        value.type_path, value._encoded = missing.path, encoded
        return value

    def fill_stand_in(self, value: Any, header: Any, children: list[Any]) -> None:
        """Give a stand-in the arguments, notes and cause of the recorded exception."""
        _fill(value, header, children)
        value.recorded_text = children[3] if type(children[3]) is str else None
        notes = children[4].get("__notes__") if len(children) > 4 else None
        if type(notes) is list:
            value.__notes__ = notes

    def text(self, header: Any, children: list[Any], show: Show) -> str:
        shown = [show(part) for part in children[0]]
        shown += show_state([children[2], *children[4:]], show)
        if children[1] is not None:
            shown.append(f"cause={show(children[1])}")
        return f"{header[0]}({', '.join(shown)})"


class GroupKind(ExceptionKind):
    """An exception group, which can't exist before its exceptions do."""

    code = 71

    def take(self, value: BaseException) -> tuple[Any, list[Any]]:
        header, children = super().take(value)
        children[2] = {"message": _group(value, "message"), "parts": _group(value, "exceptions")}
        children[3] = children[3] or BaseExceptionGroup.__str__(value)
        return header, children

    def shell(self, header: Any) -> Any:
        return None

    def build(self, header: Any, children: list[Any]) -> Any:
        cls, _ = _target(header, Flavour.GROUP)
        fields = children[2]
        return BaseExceptionGroup.__new__(cls, fields["message"], fields["parts"])

    def fill(self, value: Any, header: Any, children: list[Any]) -> None:
        super().fill(value, header, [*children[:2], {}, *children[3:]])

    def fill_stand_in(self, value: Any, header: Any, children: list[Any]) -> None:
        super().fill_stand_in(value, header, [*children[:2], {}, *children[3:]])


def _target(header: Any, flavour: Flavour) -> tuple[Any, Layout]:
    if type(header) is not list or len(header) != 3:
        raise ValueError("the header of an exception is not one")
    cls, layout = available(header[0], flavour)
    if not layout.buildable:
        raise Unavailable(header[0])
    return cls, layout


def _fill(value: BaseException, header: Any, children: list[Any]) -> None:
    args, cause, fields = children[:3]
    if type(args) is not tuple or not (cause is None or isinstance(cause, BaseException)):
        raise ValueError("the arguments or the cause of an exception are not such")
    _set_args(value, args)
    for base, names in _NATIVE_FIELDS.items():
        if base in type(value).__mro__:
            for name in names:
                if name in fields:
                    vars(base)[name].__set__(value, fields[name])
    _set_cause(value, cause)
    _set_suppressed(value, bool(header[2]))


def native_fields(value: BaseException) -> dict[str, Any]:
    """Return the fields of an exception that only its built-in base has."""
    found = {}
    for base, names in _NATIVE_FIELDS.items():
        if base in type(value).__mro__:
            for name in names:
                try:
                    part = vars(base)[name].__get__(value)
                except (AttributeError, TypeError):  # created without its arguments
                    continue
                if part is not None:
                    found[name] = part
    return found


def _own_text(value: BaseException) -> str | None:
    # The one place where code of a value's class is run: without the class, nothing else could
    # tell the text. A built-in `__str__` is repeated from the arguments by the stand-in.
    owner = next(cls for cls in type(value).__mro__ if "__str__" in vars(cls))
    if vars(builtins).get(owner.__name__) is owner:
        return None
    try:
        text = vars(owner)["__str__"](value)
    except Exception as error:  # noqa: BLE001 - the text is not worth losing the value
        return f"<no text: {type(error).__name__}>"
    return text[:_TEXT_LIMIT] if type(text) is str else None


def _get(value: BaseException, name: str) -> Any:
    return vars(BaseException)[name].__get__(value)


def _group(value: BaseException, name: str) -> Any:
    return vars(BaseExceptionGroup)[name].__get__(value)

"""Classes and functions, stored by name only, and enum members."""

from __future__ import annotations

import enum
import sys
from types import BuiltinFunctionType, FunctionType
from typing import Any

from ormsgpack import packb, unpackb

from playback_core.codec.kinds.base import Leaf, NotStorable, Unavailable, available
from playback_core.codec.layout import Flavour
from playback_core.codec.opaque import Opaque
from playback_core.codec.registry import find_object, find_type, object_path, type_path

_SAFE_FACTORIES = frozenset(
    {bool, bytearray, bytes, complex, dict, float, frozenset, int, list, set, str, tuple}
)


class Class(Leaf):
    """A class itself; unavailable where no class of this name is loaded."""

    code = 50

    def pack(self, value: type) -> bytes:
        return _class_path(value).encode("utf-8", "surrogatepass")

    def unpack(self, payload: bytes) -> type:
        path = payload.decode("utf-8", "surrogatepass")
        found = find_type(path)
        if found is None:
            raise Unavailable(path)
        return found

    def text(self, value: type) -> str:
        return f"class {_class_path(value)}"


class Function(Leaf):
    """A function of a module, by name.

    Functions of the standard library are stored, but not given back: a hostile file could name
    `os.system` where the application calls what it finds.
    """

    code = 51

    def pack(self, value: Any) -> bytes:
        return _function_path(value).encode("utf-8", "surrogatepass")

    def unpack(self, payload: bytes) -> Any:
        path = payload.decode("utf-8", "surrogatepass")
        found = find_object(path)
        if type(found) not in (FunctionType, BuiltinFunctionType) or _of_stdlib(found):
            raise Unavailable(path)
        return found

    def text(self, value: Any) -> str:
        return f"function {_function_path(value)}"


class EnumMember(Leaf):
    """An enum member: path, name, and the number of a combination of flags."""

    code = 52

    def pack(self, value: enum.Enum) -> bytes:
        cls = type(value)
        name = value._name_
        if cls._member_map_.get(name) is value:
            return packb([type_path(cls), name, None])
        if enum.Flag not in cls.__mro__ or type(value._value_) is not int:
            raise NotStorable
        return packb([type_path(cls), None, value._value_])

    def unpack(self, payload: bytes) -> Any:
        path, name, number = unpackb(payload)
        if type(name) not in (str, type(None)):
            raise ValueError("the name of an enum member is not text")
        try:
            cls, _ = available(path, Flavour.ENUM)
        except Unavailable as missing:
            raise Unavailable(path, f"{path}.{name}") from missing
        named: Any = vars(cls)["_member_map_"]
        member = _combined(cls, number) if name is None else named.get(name)
        if member is None:
            raise Unavailable(path, f"{path}.{name if name is not None else number}")
        return member

    def text(self, value: enum.Enum) -> str:
        name = value._name_ if value._name_ is not None else value._value_
        return f"{type_path(type(value))}.{name}"


def _class_path(value: type) -> str:
    path = type_path(value)
    # NoneType and its like say `builtins` but are not found there.
    if value.__module__ == "builtins" and find_type(path) is not value:
        raise NotStorable
    return path


def _function_path(value: Any) -> str:
    path = object_path(value.__module__, value.__qualname__)
    if find_object(path) is not value:
        raise NotStorable  # a lambda, a local function, a bound method
    return path


def default_factory(found: Any) -> Any:
    """Return what may stand as a default factory: it is called by the mere use of the dict."""
    if found is None or type(found) is Opaque or found in _SAFE_FACTORIES:
        return found
    if not callable(found):
        raise ValueError("a default factory that can't be called")
    if _of_stdlib(found):
        path = object_path(getattr(found, "__module__", None), getattr(found, "__name__", "?"))
        return Opaque(path, f"the default factory {path}, which is not called from a recording")
    return found


def _combined(cls: type, number: Any) -> Any:
    # Only the standard `_missing_` is run, and only to combine flags.
    hook = getattr(cls._missing_, "__func__", None)  # type: ignore[attr-defined]
    if type(number) is not int or hook is not enum.Flag._missing_.__func__:  # type: ignore[attr-defined]
        return None
    try:
        return cls(number)
    except ValueError:  # a flag of the combination is gone
        return None


def _of_stdlib(found: Any) -> bool:
    module = getattr(found, "__module__", None)
    return not isinstance(module, str) or module.split(".")[0] in sys.stdlib_module_names

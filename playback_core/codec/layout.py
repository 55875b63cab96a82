"""What a class is to the codec: its flavour, and where its instances keep their state.

One classification serves both directions, so that decoding builds exactly the classes that
encoding would have taken apart, and a hostile file can't have any other instantiated.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import enum
import typing
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any

from playback_core.codec.forms import Form, add_form, find_form
from playback_core.codec.opaque import UnknownException
from playback_core.codec.pickle_hooks import is_finalised, is_hooked, pass_hooks_of
from playback_core.codec.registry import register_type, type_path

_HEAP_TYPE = 1 << 9
_C_PARTS = (
    *(MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType),
    *(GetSetDescriptorType, MemberDescriptorType),
)
_NEUTRAL: frozenset[type] = frozenset({object, typing.Generic})
# Its one part in C is a `__str__` that reads the fields of an OSError.
_SSL_ERROR = ("ssl", "SSLError")
CACHED_HASH = "_attrs_cached_hash"

BASES: tuple[type, ...] = (
    *(collections.OrderedDict, collections.defaultdict, collections.deque),
    *(dict, list, set, frozenset, tuple, str, bytes, bytearray, int, float, complex),
    *(datetime.datetime, datetime.date),
)
"""Built-in types whose subclasses are stored, the more special first."""


class Flavour(enum.Enum):
    """How instances of a class are encoded."""

    CLASS = "a class itself"
    FUNCTION = "a function"
    ENUM = "an enum member"
    EXCEPTION = "an exception"
    GROUP = "an exception group"
    NAMEDTUPLE = "a named tuple"
    STRUCTSEQ = "a structure of the standard library, such as time.struct_time"
    SUBCLASS = "a subclass of a built-in type"
    DATACLASS = "a dataclass"
    ATTRS = "an attrs class"
    PYDANTIC = "a pydantic model"
    PLAIN = "a plain object"
    FORMED = "an object that has a form"
    STAND_IN = "a stand-in for an unknown exception"
    OPAQUE = "not stored"

    # Members are looked up for each value; the hash of `Enum` is written in Python.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Layout:
    """The flavour of a class, the path it is stored under and its instances' state."""

    flavour: Flavour
    path: str
    base: type = object
    has_dict: bool = False
    slots: tuple[str, ...] = ()
    read_slots: Callable[[Any], tuple[Any, ...]] | None = None
    """Reads all slots at once; raises AttributeError where one is empty."""
    buildable: bool = True
    """False for an exception that is stored, but not to be made from data."""
    form: Form | None = None


_layouts: dict[int, tuple[weakref.ref[type], Layout]] = {}


def store_by_fields(cls: type) -> None:
    """Have instances of a class be stored by their fields, whatever it does for pickles itself.

    It is for adapters, whose frameworks' classes only add to a pickle what its loading checks. What
    a class below it does for pickles counts as ever.
    """
    pass_hooks_of(cls)
    _layouts.clear()


def store_by_form(cls: type, form: Form) -> None:
    """Have instances of a class, and of those below it, be stored as a form says.

    It is for adapters, of whose frameworks' classes the state does not say what a value is.
    """
    add_form(cls, form)
    _layouts.clear()


def is_put_off(value: Any) -> bool:
    """Tell whether a decoded value had not been computed when it was recorded."""
    form = layout_of(type(value)).form
    return form is not None and form.is_put_off(value)


def layout_of(cls: type) -> Layout:
    """Return the layout of `cls`, found once and kept while `cls` lives."""
    known = _layouts.get(id(cls))
    if known is not None:
        return known[1]
    layout = _find_layout(cls)
    key = id(cls)
    # By id and weakly: a table keyed by the class would keep local classes alive.
    _layouts[key] = weakref.ref(cls, lambda _: _layouts.pop(key, None)), layout
    if layout.flavour is not Flavour.OPAQUE:
        register_type(cls)
    return layout


def _find_layout(cls: type) -> Layout:
    mro = cls.__mro__
    form = find_form(mro)
    if form is not None:
        return Layout(Flavour.FORMED, type_path(form.named(cls)), form=form)
    path = type_path(cls)
    flavour, base = _flavour(cls, mro)
    slots = _slots(mro)
    # A slot behind a property can't be read without running it; one behind None holds nothing.
    hidden = [name for name in slots if type(lookup(mro, name)) is not MemberDescriptorType]
    slots = tuple(name for name in slots if name not in hidden)
    unreadable = any(lookup(mro, name) is not None for name in hidden)
    if unreadable and flavour not in (Flavour.CLASS, Flavour.ENUM):
        return Layout(Flavour.OPAQUE, path)
    has_dict = lookup(mro, "__dict__") is not None
    read_slots = _slot_reader(mro, slots)
    return Layout(flavour, path, base, has_dict, slots, read_slots, _is_buildable(mro, base))


def _slot_reader(
    mro: tuple[type, ...], slots: tuple[str, ...]
) -> Callable[[Any], tuple[Any, ...]] | None:
    # Reading an attribute runs these, where a class has its own.
    runs_code = (
        lookup(mro, "__getattribute__") is not object.__getattribute__
        or lookup(mro, "__getattr__") is not None
    )
    # Of one name, `attrgetter` gives no tuple.
    if runs_code or len(slots) < 2 or CACHED_HASH in slots:
        return None
    return attrgetter(*slots)


def _flavour(cls: type, mro: tuple[type, ...]) -> tuple[Flavour, type]:
    if type in mro:
        return Flavour.CLASS, object
    if cls in (FunctionType, BuiltinFunctionType):
        return Flavour.FUNCTION, object
    if UnknownException in mro:
        return Flavour.STAND_IN, object
    if _is_proxy(mro):
        return Flavour.OPAQUE, object
    if BaseException in mro:
        base = next(part for part in mro if vars(builtins).get(part.__name__) is part)
        return (Flavour.GROUP if BaseExceptionGroup in mro else Flavour.EXCEPTION), base
    if cls is object or is_finalised(mro):
        return Flavour.OPAQUE, object
    if enum.Enum in mro:
        return Flavour.ENUM, object
    for base in BASES:
        if base in mro:
            return _subclass_flavour(mro, base), base
    return _object_flavour(cls, mro), object


def _is_buildable(mro: tuple[type, ...], base: type) -> bool:
    own = tuple(cls for cls in mro if cls not in base.__mro__ and not _is_plain_exception(cls))
    return lookup(mro, "__del__") is None and _written_in_python(own)


def _is_plain_exception(cls: type) -> bool:
    # Such as the second base in `class BadKey(OSError, ValueError)`: it holds nothing of its own.
    if vars(builtins).get(cls.__name__) is cls:
        return bool(cls.__basicsize__ == Exception.__basicsize__)
    return (cls.__module__, cls.__name__) == _SSL_ERROR


def _subclass_flavour(mro: tuple[type, ...], base: type) -> Flavour:
    if mro[0] is base:
        return Flavour.OPAQUE  # has an encoding of its own
    if base is tuple and not _written_in_python(mro[:1]):
        return Flavour.STRUCTSEQ if "n_sequence_fields" in vars(mro[0]) else Flavour.OPAQUE
    if not _written_in_python(tuple(cls for cls in mro if cls not in base.__mro__)):
        return Flavour.OPAQUE
    plain_fields = base is tuple and type(lookup(mro, "_fields")) is tuple
    if plain_fields and lookup(mro, "__dict__") is None:
        return Flavour.NAMEDTUPLE
    return Flavour.SUBCLASS


def _object_flavour(cls: type, mro: tuple[type, ...]) -> Flavour:
    if not _written_in_python(mro):
        return Flavour.OPAQUE
    if all(lookup(mro, name) for name in ("__pydantic_fields_set__", "__pydantic_decorators__")):
        return Flavour.PYDANTIC
    if lookup(mro, "__dataclass_fields__") is not None:
        return Flavour.DATACLASS
    if lookup(mro, "__attrs_attrs__") is not None:
        return Flavour.ATTRS
    return Flavour.OPAQUE if is_hooked(mro) else Flavour.PLAIN


def _is_proxy(mro: tuple[type, ...]) -> bool:
    for cls in mro:
        own = vars(cls)
        if cls.__flags__ & _HEAP_TYPE and (
            type(own.get("__getattribute__")) not in (type(None), WrapperDescriptorType)
            or "__class__" in own
            or type(own.get("__dict__")) not in (type(None), GetSetDescriptorType)
        ):
            return True
    return False


def _written_in_python(classes: tuple[type, ...]) -> bool:
    return all(cls in _NEUTRAL or _has_no_c_parts(cls) for cls in classes)


def _has_no_c_parts(cls: type) -> bool:
    if not cls.__flags__ & _HEAP_TYPE:
        return False
    declares_slots = "__slots__" in vars(cls)
    for name, part in vars(cls).items():
        kind = type(part)
        if kind in _C_PARTS and part.__objclass__ is cls:
            is_slot = kind is MemberDescriptorType and declares_slots
            if not is_slot and name not in ("__dict__", "__weakref__"):
                return False
        if name == "__new__" and kind is BuiltinFunctionType and part.__self__ is cls:
            return False
    return True


def _slots(mro: tuple[type, ...]) -> tuple[str, ...]:
    return tuple(
        name
        for cls in reversed(mro)
        if cls.__flags__ & _HEAP_TYPE and "__slots__" in vars(cls)
        for name, part in vars(cls).items()
        if type(part) is MemberDescriptorType
    )


def lookup(mro: tuple[type, ...], name: str) -> Any:
    """Return what the first class that has a name has under it, None where none has."""
    for cls in mro:
        if name in vars(cls):
            return vars(cls)[name]
    return None

"""Functions of ours in the place of somebody else's, and how they are known and undone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from functools import update_wrapper
from types import FunctionType, ModuleType
from typing import Any, Final

_MARK: Final = "__playback_replaces__"

_OURS: Final = frozenset({"playback_core", "playback_flask", "playback_django", "playback_celery"})

Function = Callable[..., Any]


def is_ours(function: Any) -> bool:
    """Tell whether a function is one that `marked` returned, and not a wrapper around it."""
    return getattr(function, _MARK, None) is function


def original_of(ours: Function) -> Function:
    """Return the function that one of ours wraps."""
    original: Function = ours.__wrapped__  # type: ignore[attr-defined]
    return original


def marked(function: Function, original: Function) -> Function:
    """Return what stands for the original, and is known as ours."""
    ours = standing_for(function, original)
    setattr(ours, _MARK, ours)
    return ours


def standing_for(function: Function, original: Function) -> Function:
    """Return what stands for the original: it has its name.

    What is no Python function is never bound as a method, so neither is what stands for it: an
    application may have it as an attribute of a class.
    """
    if not isinstance(original, FunctionType):
        function = type(_Builtin.__name__, (_Builtin,), {"__call__": staticmethod(function)})()
    update_wrapper(function, original)
    return function


def names_of(functions: Collection[Function]) -> Iterator[tuple[ModuleType, str, Function]]:
    """Yield the names that modules have for one of some functions: `from time import time`.

    The modules of the standard library and our own are left out.
    """
    wanted = set(map(id, functions))
    for key, module in list(sys.modules.items()):
        # First: most names of a process are in the standard library.
        if _is_left_alone(key) or not issubclass(type(module), ModuleType):
            continue
        # Not by the module's own look-up, at which one that is loaded lazily would be.
        namespace = ModuleType.__getattribute__(module, "__dict__")
        # Nearly all of them have none: a process has tens of thousands of names.
        if wanted.isdisjoint(map(id, list(namespace.values()))):
            continue
        for name, value in list(namespace.items()):
            if id(value) in wanted:
                yield module, name, value


def _is_left_alone(module: str) -> bool:
    package = module.partition(".")[0]
    return package in sys.stdlib_module_names or package in _OURS


class _Builtin:
    __call__: Function

    def __reduce__(self) -> Any:
        # By name where it is found by that, as a function of a module is; else what it stands for.
        original = original_of(self)
        module = sys.modules.get(original.__module__)
        is_found = getattr(module, original.__name__, None) is self
        return original.__reduce__() if is_found else (_itself, (original,))

    def __copy__(self) -> _Builtin:
        return self

    def __deepcopy__(self, memo: object) -> _Builtin:
        return self


def _itself(function: Function) -> Function:
    return function

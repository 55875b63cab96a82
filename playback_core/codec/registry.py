"""Names of types: the path a type is stored under, and the type a path means here."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar
from weakref import WeakValueDictionary

_T = TypeVar("_T", bound=type)
_MAIN = ("__main__", "__mp_main__")
_module_namespace: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__
_class_namespace: Callable[[Any], Mapping[str, Any]] = vars(type)["__dict__"].__get__

_known: WeakValueDictionary[str, type] = WeakValueDictionary()
_aliases: dict[str, type] = {}


def register_type(cls: _T) -> _T:
    """Make `cls` findable when a recording that names it is loaded; return it.

    Needed only for what can't be found by its module: types defined in a function. Usable as a
    class decorator. The reference is weak; of two types of one path the latest counts.
    """
    if not _is_type(cls):
        raise TypeError(f"register_type takes a class, not {type(cls).__name__}")
    _known[type_path(cls)] = cls
    return cls


def alias_type(old_path: str, cls: type) -> None:
    """Load what was recorded as `old_path` ("old.module.Class") as `cls`, its new name."""
    if type(old_path) is not str or not old_path:
        raise TypeError("alias_type takes the old dotted path of the type as a string")
    if not _is_type(cls):
        raise TypeError(f"alias_type takes a class, not {type(cls).__name__}")
    _aliases[old_path] = cls


def known_types() -> tuple[type, ...]:
    """Return the types that are findable without their module, to keep them so for a while."""
    found = [reference() for reference in _known.valuerefs()]
    return tuple(cls for cls in found if cls is not None)


def type_path(cls: type) -> str:
    """Return the dotted path `cls` is stored under.

    A type of the running script is named by the script's file, so that another process, which
    imports that file, finds it.
    """
    return object_path(cls.__module__, cls.__qualname__)


def object_path(module: Any, qualified_name: Any) -> str:
    """Return the dotted path of an object from its `__module__` and `__qualname__`."""
    if not isinstance(module, str):
        module = "builtins"
    return f"{importable_name(module)}.{qualified_name}"


def importable_name(module: Any) -> Any:
    """Return the name of a module, for the running script that of its file."""
    return main_module_name() if module in _MAIN else module


def find_type(path: str) -> type | None:
    """Return the type that `path` means in this process, or None; imports nothing."""
    found: Any = _known.get(path)
    if found is None:
        found = _aliases.get(path)
    if found is None:
        found = find_object(path)
    return found if found is not None and _is_type(found) else None


def find_object(path: str) -> Any:
    """Return what stands at `path` in the loaded modules, or None; runs no code.

    Namespaces are read directly, since `getattr` may run a module's `__getattr__`, a property
    or a descriptor.
    """
    names = path.split(".")
    for cut in range(len(names) - 1, 0, -1):
        module = loaded_module(".".join(names[:cut]))
        if module is not None:
            return _walk(_module_namespace(module), names[cut:])
    return None


def main_module_name() -> str:
    """Return the name under which another process would import the running script."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and isinstance(spec.name, str):
        return spec.name.removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    if not isinstance(file, str):
        return "__main__"
    return os.path.splitext(os.path.basename(file))[0]


def loaded_module(name: str) -> ModuleType | None:
    """Return an imported module, the running script by the name of its file; None otherwise."""
    module = sys.modules.get(name)
    if module is None and name == main_module_name():
        module = sys.modules.get("__main__")
    return module if issubclass(type(module), ModuleType) else None


def _walk(namespace: Any, names: list[str]) -> Any:
    found: Any = None
    for position, name in enumerate(names):
        if position:
            if not _is_type(found):
                return None
            namespace = _class_namespace(found)
        found = namespace.get(name)
        if found is None:
            return None
    return found


def _is_type(value: Any) -> bool:
    # `isinstance` would believe a proxy's `__class__`.
    return issubclass(type(value), type)

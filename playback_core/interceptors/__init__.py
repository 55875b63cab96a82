"""Interceptors, one file for a library, named as the module whose import brings it in.

A file has an `INTERCEPTOR` and is imported with its library, never before. Other packages give
theirs by the entry-point group `playback.interceptors`: the name is that of the module, the value
the `Interceptor`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Any, Final

from playback_core import interceptor as _interceptor
from playback_core.interceptor import Interceptor

GROUP: Final = "playback.interceptors"

OPT_IN: Final = frozenset({"files", "pymongo", "subprocess"})
"""Those that `*` does not choose: they have to be named."""

_IMPORTED_BY: Final = {"files": "builtins", "http": "http.client"}

_OPTION: Final = ":"
_WITH_OPTIONS: Final = frozenset({"files"})

_registered: Final[set[str]] = set()


def available() -> dict[str, Callable[[], Interceptor]]:
    """Return what gives each interceptor, by name: those of the folder, and those of others."""
    others = {point.name: partial(_of_entry_point, point) for point in _entry_points()}
    own = {
        module.name: partial(_of_folder, module.name)
        for module in iter_modules(__path__)
        if not module.name.startswith("_")
    }
    return {**others, **own}


@cache
def _entry_points() -> tuple[EntryPoint, ...]:
    # A file is read for each package that is installed.
    return tuple(entry_points(group=GROUP))


def chosen(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the interceptors that are meant: `*` all but the opt-in ones, `-redis` one less.

    Each has its options: `files:/etc/shop/*.json` means `files`, for such paths. The last word on
    a name counts. Raise KeyError for a name that there is none of, and for `files` without a path.
    """
    known = available()
    meant: dict[str, list[str]] = {}
    for text in names:
        name, has_option, option = text.partition(_OPTION)
        if text == "*":
            meant.update((each, []) for each in known if each not in OPT_IN)
        elif name.removeprefix("-") not in known or bool(has_option) != (name in _WITH_OPTIONS):
            raise KeyError(text)
        elif name.startswith("-"):
            meant.pop(name[1:], None)
        else:
            meant.setdefault(name, []).extend([option] if has_option else [])
    return meant


def install_interceptors(names: Sequence[str] = ("*",)) -> None:
    """Intercept the libraries that are meant, each when it is imported; idempotent.

    No library is imported by this. Raise KeyError for a name that there is none of.
    """
    known = available()
    with _interceptor.names_at_once():
        for name, options in chosen(names).items():
            if options:
                _module_of(name).take_options(options)
            if name not in _registered:
                _registered.add(name)
                hook = partial(_install, name, known[name])
                _interceptor.when_imported(_IMPORTED_BY.get(name, name), hook)


def uninstall_interceptors() -> None:
    """Put the originals of all libraries back, but where somebody else has replaced ours since."""
    for name in _WITH_OPTIONS & _registered:
        _module_of(name).take_options([])
    _registered.clear()
    _interceptor.uninstall_all()


def _install(name: str, load: Callable[[], Interceptor], module: Any) -> None:
    # Not one that was given up before its library was imported.
    if name in _registered:
        _interceptor.install(load())


def _of_folder(name: str) -> Interceptor:
    found: Interceptor = _module_of(name).INTERCEPTOR
    return found


def _module_of(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


def _of_entry_point(point: EntryPoint) -> Interceptor:
    found: Interceptor = point.load()
    return found

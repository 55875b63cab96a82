"""Interceptor: the interceptions of one library; how they come into it, and out again."""

from __future__ import annotations

import inspect
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, ClassVar, Final

from playback_core.drivers import drive
from playback_core.entry import EntryKind
from playback_core.interception import Args, Kwargs
from playback_core.library_interception import (
    INPUT,
    OUTPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
)
from playback_core.replacing import Function, is_ours, marked, names_of

_logger: Final = logging.getLogger("playback")

Fields = Callable[..., Mapping[str, Any]]
"""Gives the fields of a call by its arguments, the receiver first."""


class Target(ABC):
    """A place of a library where a function is replaced: `requests.adapters`, `HTTPAdapter.send`.

    One that is `optional` may be missing: the rest of its interceptor does without it. Of one
    that is `by_name`, modules that have imported the function by its name are given the other one.
    """

    by_name: ClassVar[bool] = False

    def __init__(self, module: str, attribute: str, *, optional: bool = False) -> None:
        self.module = module
        self.attribute = attribute
        self.optional = optional

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"

    @abstractmethod
    def replacement(self, original: Function) -> Function:
        """Return what goes in the place of the original function."""


class CallTarget(Target, LibraryCalls):
    """A place whose calls are inputs or outputs, as `describe` tells of each."""

    def replacement(self, original: Function) -> Function:
        return drive(original, LibraryInterception(str(self), self))


class _OneKind(CallTarget):
    kind: EntryKind

    def __init__(
        self, module: str, attribute: str, *, alias: str, fields: Fields, optional: bool = False
    ) -> None:
        super().__init__(module, attribute, optional=optional)
        self.alias = alias
        self._fields = fields

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(self.kind, self.alias, dict(self._fields(*args, **kwargs)))


class InputTarget(_OneKind):
    """A place all of whose calls are inputs; `fields(*args, **kwargs)` makes their key."""

    kind = INPUT


class OutputTarget(_OneKind):
    """A place all of whose calls are outputs; `fields(*args, **kwargs)` is what they send."""

    kind = OUTPUT


@dataclass(frozen=True, kw_only=True, slots=True)
class Interceptor:
    """The interceptions of one library.

    `library` is the module whose import brings it in; `distribution` the name it is installed by,
    where that is another one.
    """

    library: str
    targets: Sequence[Target]
    distribution: str | None = None

    def version(self) -> str:
        """Return the version of the library that is installed; of Python where it is part of it."""
        if self.library.partition(".")[0] in sys.stdlib_module_names:
            return sys.version.partition(" ")[0]
        try:
            return version(self.distribution or self.library)
        except PackageNotFoundError:
            return "of unknown version"


@dataclass(slots=True)
class _Installation:
    """What of an interceptor is in place; nothing more comes in once it is `off`."""

    interceptor: Interceptor
    replaced: list[tuple[Any, str, Any, Any]] = field(default_factory=list)
    off: bool = False


_MISSING: Final[Any] = object()
_installations: Final[dict[str, _Installation]] = {}

_Names = dict[Any, tuple[_Installation, Any]]
"""By an original function, whose it is and what names of it are given instead."""

_gathered: Final[ContextVar[_Names | None]] = ContextVar("playback_gathered_names", default=None)


def install(interceptor: Interceptor) -> None:
    """Put the interceptions of a library in place, of each module when it is imported; idempotent.

    Without a session each of them is one check. Where a place is missing, because the library
    has changed, one line names it and the whole interceptor is off.
    """
    if interceptor.library in _installations:
        return
    installation = _installations[interceptor.library] = _Installation(interceptor)
    by_module: dict[str, list[Target]] = {}
    for target in interceptor.targets:
        by_module.setdefault(target.module, []).append(target)
    for module, targets in by_module.items():
        if not _exists(module):
            _note_missing(installation, targets)
        when_imported(module, partial(_replace_all, installation, targets))


@contextmanager
def names_at_once() -> Iterator[None]:
    """Look for the names that modules have for functions once, for all that a block installs."""
    by_original: _Names = {}
    token = _gathered.set(by_original)
    try:
        yield
    finally:
        _gathered.reset(token)
        _guarded(partial(_replace_names, by_original), "functions by the names of modules")


def uninstall(library: str) -> None:
    """Put the originals of a library back, but where somebody else has replaced ours since."""
    installation = _installations.pop(library, None)
    if installation is not None:
        _switch_off(installation)


def uninstall_all() -> None:
    """Do so for every library."""
    for library in tuple(_installations):
        uninstall(library)


def installed() -> list[str]:
    """Return the libraries whose interceptors are installed and not switched off."""
    return [name for name, each in _installations.items() if not each.off]


def is_installed(library: str) -> bool:
    """Tell whether the interceptor of a library is, for what outlives it in the library."""
    installation = _installations.get(library)
    return installation is not None and not installation.off


def when_imported(module: str, hook: Callable[[Any], None]) -> None:
    """Call a hook with a module, now if it is imported, else as soon as it is."""
    from wrapt import register_post_import_hook

    def called(imported: Any) -> None:
        name = getattr(imported, "__name__", imported)
        _guarded(partial(hook, imported), f"module {name}")

    register_post_import_hook(called, module)


def _guarded(install: Callable[[], None], what: str) -> None:
    try:
        install()
    except Exception as fault:
        _logger.warning("Intercepting %s failed: %r", what, fault, exc_info=fault)


def _exists(module: str) -> bool:
    # Its packages may be imported by that, and one of the standard library is; the module not.
    if module in sys.modules or "." not in module:
        return True
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def _replace_all(installation: _Installation, targets: Sequence[Target], module: Any) -> None:
    by_name: _Names = {}
    for target in targets:
        if installation.off:
            return
        try:
            owner, name, own = _place(module, target.attribute)
        except AttributeError:
            _note_missing(installation, [target])
            continue
        if not is_ours(getattr(own, "__func__", own)):
            ours = _replace(installation, target, owner, name, own)
            if target.by_name and owner is module:
                by_name[own] = installation, ours
    gathered = _gathered.get()
    if gathered is None:
        _replace_names(by_name)
    else:
        # One function may have two places, of which the first has its names.
        gathered.update(by_name | gathered)


def _replace_names(by_original: _Names) -> None:
    if not by_original:
        return
    for module, name, original in list(names_of(by_original)):
        installation, ours = by_original[original]
        if not installation.off:
            setattr(module, name, ours)
            installation.replaced.append((module, name, original, ours))


def _place(module: Any, attribute: str) -> tuple[Any, str, Any]:
    """Return who has the attribute, its last name and what is there, descriptors as they are."""
    *path, name = attribute.split(".")
    owner = module
    for part in path:
        owner = getattr(owner, part)
    return owner, name, inspect.getattr_static(owner, name)


def _replace(installation: _Installation, target: Target, owner: Any, name: str, own: Any) -> Any:
    before = vars(owner).get(name, _MISSING)
    if isinstance(own, (classmethod, staticmethod)):
        inner = own.__func__
        ours: Any = type(own)(marked(target.replacement(inner), inner))
    else:
        ours = marked(target.replacement(own), own)
    setattr(owner, name, ours)
    installation.replaced.append((owner, name, before, ours))
    return ours


def _note_missing(installation: _Installation, targets: Sequence[Target]) -> None:
    needed = [target for target in targets if not target.optional]
    if needed and not installation.off:
        interceptor = installation.interceptor
        _logger.warning(
            "The interceptor of %s is off: %s %s has no %s; its calls are not recorded. Leave it"
            " out by INTERCEPTORS, or update playback.",
            *(interceptor.library, interceptor.library, interceptor.version(), needed[0]),
        )
        _switch_off(installation)


def _switch_off(installation: _Installation) -> None:
    installation.off = True
    while installation.replaced:
        owner, name, before, ours = installation.replaced.pop()
        if vars(owner).get(name) is not ours:
            continue
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

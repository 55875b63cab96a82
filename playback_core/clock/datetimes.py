"""`datetime.now` and `utcnow` in a replay: the methods of the type itself, which stays the same.

Whoever has the type, by whatever name, and its subclasses, find them; `isinstance`, pickling and
the objects are what they always are. The type belongs to the interpreter, so this is for processes
that replay, never for one that only records. `date.today` and `datetime.today` ask `time.time`.
"""

from __future__ import annotations

import ctypes
import gc
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from playback_core.clock.recorded import replayed_reads
from playback_core.replayed_reads import BranchReads

_SECOND: Final = 10**9

_originals: Final[dict[str, Any]] = {}


def is_installed() -> bool:
    """Tell whether both methods are replaced."""
    return bool(_originals)


def install() -> None:
    """Replace both methods; idempotent."""
    if not _originals:
        methods = _methods()
        for name, function in (("now", _now), ("utcnow", _utcnow)):
            _originals[name] = methods[name]
            methods[name] = classmethod(function)
        _forget_cached_methods()


def uninstall() -> None:
    """Put the interpreter's own methods back."""
    if _originals:
        _methods().update(_originals)
        _originals.clear()
        _forget_cached_methods()


def _now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    reads = replayed_reads()
    if reads is None or not (tz is None or isinstance(tz, tzinfo)):
        moment: datetime = _original("now", cls)(tz)
        return moment
    return _moment(cls, reads, tz)


def _utcnow(cls: type[datetime]) -> datetime:
    reads = replayed_reads()
    if reads is None:
        moment: datetime = _original("utcnow", cls)()
        return moment
    return _moment(cls, reads, UTC).replace(tzinfo=None)


def _original(name: str, cls: type[datetime]) -> Any:
    # Another thread may have begun its call before the methods were put back.
    method = _originals.get(name) or _methods()[name]
    return method.__get__(None, cls)


def _moment(cls: type[datetime], reads: BranchReads, tz: tzinfo | None) -> datetime:
    seconds, rest = divmod(reads.now(), _SECOND)
    return cls.fromtimestamp(seconds, tz).replace(microsecond=rest // 1_000)


def _methods() -> dict[str, Any]:
    # The one thing a type's `__dict__`, which is read-only, refers to.
    (methods,) = gc.get_referents(datetime.__dict__)
    found: dict[str, Any] = methods
    return found


def _forget_cached_methods() -> None:
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))

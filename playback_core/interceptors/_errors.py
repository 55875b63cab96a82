"""Exceptions of libraries as they can be stored: without the connections and requests they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_PLAIN: Final = frozenset({type(None), bool, int, float, bytes})
_DEEPEST: Final = 8
_OS_FIELDS: Final = ("errno", "strerror", "filename", "filename2")

Shown = Callable[[str], str]
"""Gives a text of an exception without its secrets."""


def plain_error(error: BaseException, shown: Shown = str) -> BaseException:
    """Return a copy of an exception that has of its arguments and attributes what is plain.

    Exceptions within it, and its cause, are such copies; anything else is None.
    """
    return _copied(error, shown, 0)


def _copied(error: BaseException, shown: Shown, depth: int) -> BaseException:
    if isinstance(error, BaseExceptionGroup):
        return error
    # Made as its built-in base is: its own class may want arguments.
    base: Any = next(cls for cls in type(error).__mro__ if cls.__module__ == "builtins")
    copy: BaseException = base.__new__(type(error))
    copy.args = tuple(_plain(part, shown, depth) for part in error.args)
    for name, value in vars(error).items():
        if name != "__notes__":
            vars(copy)[name] = _plain(value, shown, depth)
    if isinstance(error, OSError) and isinstance(copy, OSError):
        for name in _OS_FIELDS:
            value = getattr(error, name, None)
            if value is not None:
                setattr(copy, name, _plain(value, shown, depth))
    if error.__cause__ is not None and depth < _DEEPEST:
        copy.__cause__ = _copied(error.__cause__, shown, depth + 1)
    copy.__suppress_context__ = error.__suppress_context__
    return copy


def _plain(value: Any, shown: Shown, depth: int) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is str:
        return shown(value)
    if depth >= _DEEPEST:
        return None
    if isinstance(value, BaseException):
        return _copied(value, shown, depth + 1)
    if kind in (tuple, list):
        return kind(_plain(part, shown, depth + 1) for part in value)
    return None

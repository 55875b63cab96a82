"""Parameters of statements as plain data: what drivers wrap values into is taken off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PLAIN: Final = frozenset((type(None), bool, int, float, str, bytes))


def plain_parameters(params: Any) -> Any:
    """Return the parameters of one statement; None where it has none."""
    if params is None:
        return None
    if isinstance(params, Mapping):
        return {name: _plain(value) for name, value in params.items()}
    return list(params if _PLAIN.issuperset(map(type, params)) else map(_plain, params))


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, str):
        # As it is sent: a text that is marked as safe, a member of an enumeration.
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, (list, tuple)):
        return kind(map(_plain, value)) if kind in (list, tuple) else [*map(_plain, value)]
    return _of_driver(value) if kind.__module__.startswith("psycopg") else value


def _of_driver(value: Any) -> Any:
    if kind_of(value) in ("Json", "Jsonb"):
        return {"json": getattr(value, "adapted", None) if _is_old(value) else value.obj}
    if hasattr(value, "lower_inc"):
        bounds = value.bounds if hasattr(value, "bounds") else value._bounds
        return {"range": [_plain(value.lower), _plain(value.upper), bounds]}
    if kind_of(value) == "Multirange":
        return {"ranges": [*map(_of_driver, value)]}
    return value.obj if hasattr(value, "obj") else value


def kind_of(value: Any) -> str:
    return type(value).__name__


def _is_old(value: Any) -> bool:
    return type(value).__module__.startswith("psycopg2")

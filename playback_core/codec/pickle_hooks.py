"""Whether a class makes or ends its instances in a way of its own: fields may not tell then."""

from __future__ import annotations

from weakref import WeakSet

_HOOKS = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")

_passed: WeakSet[type] = WeakSet()


def pass_hooks_of(cls: type) -> None:
    """Have the hooks of a class itself, and its `__del__`, not count; those below it do."""
    _passed.add(cls)


def is_hooked(mro: tuple[type, ...]) -> bool:
    """Tell whether a class of this order of resolution has such hooks."""
    return any(_is_counted(mro, name) for name in _HOOKS)


def is_finalised(mro: tuple[type, ...]) -> bool:
    """Tell whether instances run code when they go."""
    return _is_counted(mro, "__del__")


def _is_counted(mro: tuple[type, ...], name: str) -> bool:
    owner = next((cls for cls in mro if name in vars(cls)), object)
    return owner is not object and owner not in _passed

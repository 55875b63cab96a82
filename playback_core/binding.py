"""What is decorated: function, method, class or static method, property; found at decoration."""

import inspect
from collections.abc import Callable
from functools import cached_property, partial, partialmethod, singledispatchmethod
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
)
from typing import Any, Final
from weakref import WeakKeyDictionary

from playback_core.errors import SettingsError
from playback_core.packing import Redaction

_RECEIVER_NAMES: Final = frozenset({"self", "cls", "mcs"})
_METHODS: Final = (
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    MethodType,
    MemberDescriptorType,
    classmethod,
    staticmethod,
)

Make = Callable[[Callable[..., Any], "Binding"], Callable[..., Any]]


class Binding:
    """Tells how many of a call's first arguments are the receiver: 0 or 1.

    `fixed` is that number where the declaration tells it, None where only a call can.
    """

    def __init__(self, target: Callable[..., Any], *, static: bool = False) -> None:
        self.target = target
        self.wrapper: Callable[..., Any] | None = None
        self.fixed = 0 if static else _declared_receivers(target)
        self._secret: tuple[Redaction | None, frozenset[int]] = (None, frozenset())
        self._by_type: WeakKeyDictionary[type, int] = WeakKeyDictionary()

    def receivers(self, args: tuple[Any, ...]) -> int:
        """Return how many of the arguments are the receiver."""
        if self.fixed is not None:
            return self.fixed
        if not args:
            return 0
        owner = args[0] if isinstance(args[0], type) else type(args[0])
        known = self._by_type.get(owner)
        if known is None:
            known = self._by_type[owner] = int(self._is_method_of(owner))
        return known

    def receiver(self, args: tuple[Any, ...]) -> Any:
        """Return the instance or class a method was called on, or None for a function."""
        return args[0] if args and self.receivers(args) else None

    def concealed(self, args: tuple[Any, ...], redaction: Redaction) -> tuple[Any, ...]:
        """Return the arguments with those of secret parameters as pseudonyms.

        Keyword arguments are told by their names wherever they are stored; positions are not.
        """
        if self._secret[0] is not redaction:
            names = enumerate(_parameter_names(self.target))
            self._secret = (redaction, frozenset(i for i, name in names if redaction.names(name)))
        positions = self._secret[1]
        if not positions:
            return args
        return tuple(
            redaction.concealed(value) if position in positions else value
            for position, value in enumerate(args)
        )

    def _is_method_of(self, owner: type) -> bool:
        within, _, name = getattr(self.target, "__qualname__", "").rpartition(".")
        for base in owner.__mro__:
            for attribute in vars(base).values():
                if _function_in(attribute) is self.wrapper:
                    return not isinstance(attribute, staticmethod)
            # A decorator outside ours hides the wrapper; what it made has the name all the same.
            if base.__qualname__ == within and base.__module__ == self.target.__module__:
                return name in vars(base) and not isinstance(vars(base)[name], staticmethod)
        return False


def decorate(target: Any, make: Make, subject: str, *, static: bool = False) -> Any:
    """Return the same kind of thing with the function inside it wrapped by `make`.

    `subject` is the declaration, for its errors: SettingsError where nothing can be wrapped.
    """

    def wrap(function: Any, *, static: bool = static) -> Callable[..., Any]:
        if not callable(function):
            raise _not_decoratable(target, subject)
        return _wrap(function, make, static)

    if isinstance(target, property):
        return property(wrap(target.fget), target.fset, target.fdel, target.__doc__)
    if isinstance(target, cached_property):
        return cached_property(wrap(target.func))
    if isinstance(target, classmethod):
        return classmethod(wrap(target.__func__))
    if isinstance(target, staticmethod):
        return staticmethod(wrap(target.__func__, static=True))
    if isinstance(target, partialmethod):
        inner = decorate(target.func, make, subject, static=static)
        return partialmethod(inner, *target.args, **target.keywords)
    return wrap(target)


def _not_decoratable(target: Any, subject: str) -> SettingsError:
    if isinstance(target, singledispatchmethod):
        hint = "a singledispatchmethod: put the decorator below it, on each implementation"
    elif isinstance(target, property):
        hint = "a property without a getter"
    else:
        hint = (
            f"{target!r}; a function, method or property can be. Is a decorator used without its"
            " parentheses?"
        )
    return SettingsError(f"What cannot be declared {subject} is {hint}.")


def _wrap(function: Callable[..., Any], make: Make, static: bool) -> Callable[..., Any]:
    binding = Binding(function, static=static)
    wrapper = make(function, binding)
    binding.wrapper = wrapper
    _forward_attributes(function, wrapper)
    return wrapper


def _forward_attributes(target: Callable[..., Any], wrapper: Callable[..., Any]) -> None:
    # Such as cache_clear of a function with a cache. A property is left out: to read it runs code
    # of the target, and its value of now would not be that of later.
    if isinstance(target, FunctionType):
        return
    for name in dir(target):
        if name.startswith("_") or hasattr(wrapper, name):
            continue
        found = inspect.getattr_static(target, name, None)
        if isinstance(found, _METHODS) or not hasattr(type(found), "__get__"):
            setattr(wrapper, name, getattr(target, name, found))


def _function_in(attribute: Any) -> Any:
    if isinstance(attribute, partialmethod):
        return _function_in(attribute.func)
    if isinstance(attribute, (classmethod, staticmethod)):
        return attribute.__func__
    if isinstance(attribute, property):
        return attribute.fget
    return attribute.func if isinstance(attribute, cached_property) else attribute


def _parameter_names(target: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return []


def _declared_receivers(target: Callable[..., Any]) -> int | None:
    """Return 0 or 1 where the declaration tells, None where only a call can."""
    if isinstance(target, partial) or inspect.ismethod(target) or inspect.isclass(target):
        return 0
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    if not parameters:
        return 0
    first = parameters[0]
    if first.kind is first.VAR_POSITIONAL:
        return None
    if first.name in _RECEIVER_NAMES:
        return 1
    within, _, _ = getattr(target, "__qualname__", "").rpartition(".")
    is_free = not within or within.endswith("<locals>")
    return 0 if is_free else None

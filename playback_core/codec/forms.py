"""Forms: how values of a framework's classes are stored whose own state does not say what they are.

An adapter makes one for a class. What it does with fields that were recorded must run nothing that
they name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Form(ABC):
    """The fields of values of one class and of those below it, and the way back."""

    @abstractmethod
    def fields(self, value: Any) -> dict[str, Any]:
        """Return what a value is now, by name, in a dictionary that is the caller's.

        What the value puts off, such as a query, stays undone. Of a value that `fill` has filled
        these are the same fields again.
        """

    @abstractmethod
    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        """Make an empty value what its fields say; they may hold the value itself."""

    def empty(self, cls: type) -> Any:
        """Return an instance of a class that is to be filled."""
        return object.__new__(cls)

    def named(self, cls: type) -> type:
        """Return the class by whose name instances of `cls` are stored."""
        return cls

    def is_put_off(self, value: Any) -> bool:
        """Tell whether a value that was filled had not been computed when it was recorded."""
        return False


_forms: dict[type, Form] = {}


def add_form(cls: type, form: Form) -> None:
    """Have instances of a class and of those below it be stored by a form."""
    _forms[cls] = form


def find_form(mro: tuple[type, ...]) -> Form | None:
    """Return the form for a class of this order of resolution."""
    for cls in mro:
        if cls in _forms:
            return _forms[cls]
    return None

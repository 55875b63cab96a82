"""Checks of what decorators are given, and the errors that name option, value and choices."""

from functools import cached_property, partialmethod
from typing import Any

from playback_core.errors import SettingsError


def wrong_option(subject: str, option: str, value: Any, expected: str) -> SettingsError:
    """Return the error for an option of a declaration that has a wrong value."""
    return SettingsError(f"{option} of {subject} is {value!r}; it must be {expected}.")


def check_alias(noun: str, alias: Any) -> None:
    """Raise SettingsError unless an alias is a name."""
    if isinstance(alias, str) and alias:
        return
    message = f"The alias of an {noun} is {alias!r}; it must be a name."
    if not isinstance(alias, str) and is_decoratable(alias):
        message += f" The decorator takes one in parentheses: @recorder.intercept_{noun}('name')."
    raise SettingsError(message)


def check_flag(subject: str, option: str, value: Any) -> None:
    """Raise SettingsError unless an option is a bool: a text such as 'no' would count as true."""
    if not isinstance(value, bool):
        raise wrong_option(subject, option, value, "True or False")


def check_callable(subject: str, option: str, value: Any) -> None:
    """Raise SettingsError unless an option is a callable or None."""
    if value is not None and not callable(value):
        raise wrong_option(subject, option, value, "a function or None")


def check_data_handler(subject: str, value: Any, handler: type) -> None:
    """Raise SettingsError unless a data handler is an instance of its class, or None."""
    if value is None or isinstance(value, handler):
        return
    expected = f"an instance of {handler.__name__} or None"
    if isinstance(value, type):
        expected += f", and this is a class: give {value.__name__}()"
    raise wrong_option(subject, "data_handler", value, expected)


def is_decoratable(target: Any) -> bool:
    """Tell whether a decorator can be given this."""
    kinds = (property, cached_property, classmethod, staticmethod, partialmethod)
    return callable(target) or isinstance(target, kinds)

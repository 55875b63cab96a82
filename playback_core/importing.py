"""Imports what a setting or an option names as `module:attribute`."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from playback_core.errors import PlaybackError, SettingsError


def import_named(name: str, subject: str) -> tuple[ModuleType, Any]:
    """Import `module:attribute` and return the module and the attribute, which may be dotted.

    Without an attribute it is the module twice. `subject` says in an error what was to be loaded.
    Raise SettingsError, caused by whatever the module raised.
    """
    module_name, _, path = name.partition(":")
    with loading(subject):
        module = import_module(module_name)
        found: Any = module
        for part in filter(None, path.split(".")):
            found = getattr(found, part)
    return module, found


@contextmanager
def loading(
    subject: str, *, passing: tuple[type[BaseException], ...] = (PlaybackError,)
) -> Iterator[None]:
    """Run a user's code in a block; whatever it raises becomes a SettingsError with that cause.

    Errors of the types `passing` say it all themselves. SystemExit is caught as well: a script that
    ends itself when it is imported must not end a command, least of all with 0.
    """
    try:
        yield
    except passing:
        raise
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"{subject} cannot be loaded: {type(error).__name__}: {error}. --verbose, or"
            " PLAYBACK_DEBUG=1, shows the traceback."
        ) from error

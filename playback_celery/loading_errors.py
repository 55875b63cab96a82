"""A wrong setting while `celery -A` loads its application: one line in place of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from playback_core.errors import SettingsError
from playback_core.settings import shows_tracebacks


class _WrongSetting(click.ClickException):
    exit_code = click.UsageError.exit_code


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Let the command `celery` tell a SettingsError that leaves the block in one line.

    It is raised all the same, so that an application may catch it.
    """
    try:
        yield
    except SettingsError as error:
        context = click.get_current_context(silent=True)
        if context is not None and _is_loading(context) and not shows_tracebacks():
            _let_tell(context, str(error))
        raise


def _is_loading(context: click.Context) -> bool:
    return context.command.name == "celery" and context.obj is None


def _let_tell(context: click.Context, told: str) -> None:
    # Celery catches whatever the application raises, and fails with its traceback as the message.
    teller = _teller(context)
    fail_otherwise = teller.fail

    def fail(message: str) -> NoReturn:
        if told not in message:
            fail_otherwise(message)
        raise _WrongSetting(told)

    teller.fail = fail


def _teller(context: click.Context) -> Any:
    """Return what fails: the context, before Celery 5.5 the type of the option that it loads."""
    option = next(each for each in context.command.params if each.name == "app")
    return context if option.type is click.UNPROCESSED else option.type

"""Runs a recorded request again, through the project's middlewares and URLs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_resolver

from playback_core import Recording
from playback_core.adapters import made_for_commands
from playback_core.asgi.replay import run_recorded as run_recorded_asgi
from playback_core.errors import PlaybackError
from playback_core.exchanges.replay import request_of
from playback_core.exchanges.replayed_errors import replayed_errors_muted
from playback_core.importing import loading
from playback_core.session import unintercepted
from playback_core.wsgi.replay import run_recorded
from playback_django.project_playback import playback_of_project
from playback_django.translate import KIND, SETTINGS, mark_of_secret_key

_logger: Final = logging.getLogger("playback")
_LOGGERS: Final = ("django.request", "django.security.csrf")


def players() -> dict[str, Callable[[Recording], None]]:
    """Return what a `DefaultTuner` needs to replay the recordings of this project."""
    return {KIND: playback_function}


def playback_function(recording: Recording) -> None:
    """Run a recorded request through the project again; it is for `TapeRecorder.play`.

    It goes to a handler of Django, by WSGI or ASGI as it was recorded, under the recorded `DEBUG`,
    `DEBUG_PROPAGATE_EXCEPTIONS` and `ALLOWED_HOSTS`; these are the project's while it runs, so that
    replays can't run at the same time. Exceptions that Django logs go to the logger
    `playback.django` as DEBUG. Raise SettingsError where the project has no playback or can't be
    loaded.
    """
    request = request_of(recording, "Django")
    _say_of_another_secret(request["app"])
    is_asgi = request["app"].get("interface") == "asgi"
    handler = load_project(by_asgi=is_asgi)
    muted = replayed_errors_muted(*_LOGGERS, into="playback.django")
    with _recorded_settings(request["app"]), muted:
        (run_recorded_asgi if is_asgi else run_recorded)(handler, request, recording)


def load_project(*, by_asgi: bool = False) -> Any:
    """Return a handler of the project, with its URLs imported; made once in a process.

    As a server does it before the first request: what is imported here is of no operation.
    """
    playback_of_project()
    with unintercepted(), made_for_commands(), loading("The project", passing=(PlaybackError,)):
        return _handler(ASGIHandler if by_asgi else WSGIHandler)


@cache
def _handler(kind: type[Any]) -> Any:
    handler = kind()
    _ = get_resolver().url_patterns
    return handler


def _say_of_another_secret(recorded: Mapping[str, Any]) -> None:
    then, now = recorded.get("secret_key_mark"), mark_of_secret_key()
    if None not in (then, now) and then != now:
        _log_once(
            "The SECRET_KEY of this project is not the one it was recorded with: what replayed code"
            " signs by it is different."
        )


@cache
def _log_once(text: str) -> None:
    _logger.warning(text)


@contextmanager
def _recorded_settings(recorded: Mapping[str, Any]) -> Iterator[None]:
    wanted = {name: recorded[name] for name in SETTINGS if name in recorded}
    before = {name: getattr(settings, name) for name in wanted}
    for name, value in wanted.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)

"""Runs a recorded request again: plain data back to a WSGI environment, through the same app."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from io import BytesIO
from typing import Any, Final

from flask import Flask
from werkzeug.test import run_wsgi_app

from playback_core import (
    OperationExceptionDuringPlayback,
    Recording,
    RecordingKeyError,
    TapeRecorder,
    TapeRecorderException,
)
from playback_core.http_exchange import RecordedRequest
from playback_core.interception_key import output_key
from playback_core.playback_session import PlaybackSession
from playback_core.session import current, current_session, enter
from playback_flask.app_playback import playback_of
from playback_flask.exchange import STOP_AFTER
from playback_flask.hooks import KIND
from playback_flask.replayed_errors import replayed_errors_muted

PlaybackFunction = Callable[[Recording], None]

_STAND_IN_SECRET: Final = "a replay verifies no signature"


def players(app: Flask) -> dict[str, PlaybackFunction]:
    """Return what a `DefaultTuner` needs to replay the recordings of an application."""
    return {KIND: playback_function(app)}


def playback_function(app: Flask) -> PlaybackFunction:
    """Return the function that runs a recorded request through an application again.

    It is for `TapeRecorder.play`. The application answers at the place where it was recorded,
    behind whatever wraps it since, under the recorded `TESTING`, `DEBUG` and
    `PROPAGATE_EXCEPTIONS`; these are the application's while it runs, so that replays of one
    application can't run at the same time. Exceptions that it logs go to the logger
    `playback.flask` as DEBUG. Raise SettingsError where it has no playback.
    """
    run = playback_of(app).hooks.replaying(app)

    def play(recording: Recording) -> None:
        request = _request_of(recording)
        stop_after = _bytes_of_partial(recording)
        environ = _environ_of(request, recording)
        if stop_after is not None:
            environ[STOP_AFTER] = stop_after
        with _recorded_settings(app, request["app"]), replayed_errors_muted(app):
            try:
                _as_a_server_does(run, environ, stop_after)
            except TapeRecorderException:
                raise
            except Exception as error:
                raise OperationExceptionDuringPlayback(
                    f"The replayed request raised {type(error).__name__}: {error}"
                ) from error

    return play


class UnreadBody:
    """The recorded part of a body that was not read to its end; the rest is not there.

    Reading on is a miss, as no recording can answer it; or it fails, as it did then.
    """

    def __init__(self, content: bytes, recording: Recording, *, is_broken: bool = False) -> None:
        self._content = BytesIO(content)
        self._is_broken = is_broken
        self._recording = recording

    def read(self, size: int = -1, /) -> bytes:
        if size is None or size < 0:
            raise self._missing()
        return self._present(self._content.read(size), size)

    def readline(self, size: int = -1, /) -> bytes:
        line = self._content.readline(size)
        if size < 0 and not line.endswith(b"\n"):
            raise self._missing()
        return self._present(line, size)

    def readlines(self, hint: int = -1, /) -> list[bytes]:
        raise self._missing()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _present(self, data: bytes, size: int) -> bytes:
        if not data and size != 0:
            raise self._missing()
        return data

    def _missing(self) -> RecordingKeyError | OSError:
        if self._is_broken:
            return OSError("Reading the body of the recorded request failed here.")
        read = len(self._content.getvalue())
        hint = (
            f"This is an unrecorded input: the recorded code read {read} bytes of the request's"
            " body and this code reads more. Record the request again with this code."
        )
        session = current_session()
        if isinstance(session, PlaybackSession):
            return session.miss("request body", "request body", hint)
        return RecordingKeyError(f"Not in recording {self._recording.id}: request body. {hint}")


def _request_of(recording: Recording) -> RecordedRequest:
    try:
        request = recording.get_data(TapeRecorder.OPERATION_REQUEST)
    except RecordingKeyError as error:
        raise TapeRecorderException(
            f"Recording {recording.id} holds no request; its kind is"
            f" {recording.get_metadata().get(TapeRecorder.KIND)!r}."
        ) from error
    if not isinstance(request, dict) or not RecordedRequest.__required_keys__ <= request.keys():
        raise TapeRecorderException(f"The request of recording {recording.id} is not one of Flask.")
    found: RecordedRequest = request  # type: ignore[assignment]
    return found


def _environ_of(request: RecordedRequest, recording: Recording) -> dict[str, Any]:
    whole = request["body_complete"]
    body = (
        BytesIO(request["body"])
        if whole
        else UnreadBody(request["body"], recording, is_broken=request.get("body_broken", False))
    )
    return {
        **request["environ"],
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.input": body,
    }


def _bytes_of_partial(recording: Recording) -> int | None:
    key = output_key(TapeRecorder.OPERATION_OUTPUT_ALIAS, 1, "output")
    try:
        (response,) = recording.get_data(key)["args"]
    except RecordingKeyError:
        return None
    if isinstance(response, dict) and response.get("partial"):
        return len(response["body"])
    return None


def _as_a_server_does(
    run: Callable[..., Iterable[bytes]], environ: dict[str, Any], stop_after: int | None
) -> None:
    branch = current()

    def answer() -> None:
        enter(branch)
        _drain(run_wsgi_app(run, environ)[0], stop_after)

    # Flask takes an application context that is there for the request's own: `g` would outlive
    # it, and nothing be torn down.
    Context().run(answer)


def _drain(answer: Iterable[bytes], stop_after: int | None) -> None:
    steps = iter(answer)
    try:
        received = 0
        while stop_after is None or received < stop_after:
            chunk = next(steps, None)
            if chunk is None:
                break
            received += len(chunk)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()


@contextmanager
def _recorded_settings(app: Flask, recorded: Mapping[str, Any]) -> Iterator[None]:
    wanted = {
        "TESTING": recorded.get("testing"),
        "DEBUG": recorded.get("debug"),
        "PROPAGATE_EXCEPTIONS": recorded.get("propagate_exceptions"),
    }
    if recorded.get("has_secret_key") and not app.config["SECRET_KEY"]:
        wanted["SECRET_KEY"] = _STAND_IN_SECRET
    before = {name: app.config[name] for name in wanted}
    app.config.update(wanted)
    try:
        yield
    finally:
        app.config.update(before)

"""Runs a recorded call of a WSGI application again: plain data back to an environment."""

import sys
from collections.abc import Callable, Iterator
from contextvars import Context
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper

from playback_core.errors import (
    OperationExceptionDuringPlayback,
    RecordingKeyError,
    TapeRecorderException,
)
from playback_core.exchanges.exchange import STOP_AFTER
from playback_core.exchanges.replay import bytes_of_partial, unread_body
from playback_core.http_exchange import RecordedRequest
from playback_core.recording import Recording
from playback_core.session import current, current_session, enter
from playback_core.wsgi.exchange import WsgiApp


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
        return unread_body(len(self._content.getvalue()), self._recording, current_session())


def run_recorded(run: WsgiApp, request: RecordedRequest, recording: Recording) -> None:
    """Call an application with a recorded request, as a server does, and read its answer.

    An exception of the application is raised as OperationExceptionDuringPlayback.
    """
    environ, stop_after = _environ_of(request, recording), bytes_of_partial(recording)
    if stop_after is not None:
        environ[STOP_AFTER] = stop_after
    branch = current()

    def answer() -> None:
        enter(branch)
        _Answer().read(run, environ, stop_after)

    try:
        # A context of its own, as a server gives: what an application finds in the caller's, such
        # as an application context of Flask, it would take for its own.
        Context().run(answer)
    except TapeRecorderException:
        raise
    except Exception as error:
        raise OperationExceptionDuringPlayback(
            f"The replayed request raised {type(error).__name__}: {error}"
        ) from error


def _environ_of(request: RecordedRequest, recording: Recording) -> dict[str, Any]:
    body: Any = BytesIO(request["body"])
    if not request["body_complete"]:
        body = UnreadBody(request["body"], recording, is_broken=request.get("body_broken", False))
    return {
        **request["environ"],
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.input": body,
        # A server's own, which is no plain value; what it gives is the same.
        "wsgi.file_wrapper": FileWrapper,
    }


class _Answer:
    """What a server has of an answer while it reads it: whether the headers are out."""

    def __init__(self) -> None:
        self._headers_sent = False

    def read(self, run: WsgiApp, environ: dict[str, Any], stop_after: int | None) -> None:
        steps = run(environ, self._start_response)
        try:
            received = 0
            iterator = iter(steps)
            while stop_after is None or received < stop_after:
                chunk = next(iterator, None)
                if chunk is None:
                    break
                self._headers_sent = self._headers_sent or bool(chunk)
                received += len(chunk)
        finally:
            close = getattr(steps, "close", None)
            if close is not None:
                close()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        # PEP 3333: what is out cannot be taken back, the server raises what it is told of.
        if exc_info is not None and self._headers_sent:
            raise exc_info[1]
        return self._write

    def _write(self, data: bytes) -> None:
        self._headers_sent = self._headers_sent or bool(data)

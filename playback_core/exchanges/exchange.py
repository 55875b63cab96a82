"""Exchange: one request being recorded or replayed, from what came in to its last byte."""

import atexit
import os
import threading
import time
from functools import lru_cache
from typing import Any, ClassVar, Final, Protocol

from playback_core.exchanges.rules import ExchangeRules
from playback_core.guard import FailingOpen
from playback_core.http_exchange import (
    BodyCapture,
    CutBody,
    HttpExchange,
    RecordedException,
    header_value,
    recorded_exception,
)
from playback_core.metadata import NOT_REPLAYABLE
from playback_core.operation import OpenOperation
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import RecordingSession

STOP_AFTER: Final = "playback.stop_after"
"""In the environment of a replay: how many bytes the client of the recorded request waited for."""

UNMATCHED: Final = "unmatched"
"""The category of a request that failed before it was routed; of others it is the beginning."""


class RequestBody(Protocol):
    """The body of a request, kept as the application reads it."""

    capture: BodyCapture
    is_broken: bool
    refusal: str | None

    @property
    def is_complete(self) -> bool:
        """Tell whether the body was read to its end."""


class Exchange:
    """What is known of one request and its response so far; `finish` hands it to the operation.

    Every method that runs within the server's calls leaves the application's answer alone: a fault
    of ours goes to the session, which drops the recording, or raises in a replay.
    """

    _data: ClassVar[type[HttpExchange]] = HttpExchange

    __slots__ = (
        "_environ",
        "_error",
        "_exceptions",
        "_finished",
        "_guard",
        "_headers",
        "_is_broken",
        "_is_ending",
        "_is_exhausted",
        "_named",
        "_operation",
        "_path",
        "_request_body",
        "_response_body",
        "_rules",
        "_session",
        "_status",
        "scope",
    )

    def __init__(
        self,
        rules: ExchangeRules,
        operation: OpenOperation,
        environ: dict[str, Any],
        path: str,
        stop_after: int | None,
    ) -> None:
        self.scope = operation.scope
        self._session = operation.scope.session
        self._operation = operation
        self._rules = rules
        self._path = path
        # One for all of our work on this exchange: there is some with each piece of a body.
        self._guard = FailingOpen(self._session, "Recording the request", path)
        limit = rules.settings.body_limit
        self._response_body = BodyCapture(limit if stop_after is None else stop_after)
        self._environ = environ
        self._request_body: RequestBody | None = None
        self._named = False
        self._status: str | None = None
        self._headers: list[tuple[str, str]] = []
        self._exceptions: list[RecordedException] = []
        self._error: BaseException | None = None
        self._is_exhausted = False
        self._is_broken = False
        self._is_ending = False
        self._finished = False
        # Last: nothing may fail from here on until the application is called.
        _unfinished.add(self)

    def select(self, category: str) -> None:
        """Take the category, which decides whether to record."""
        rules = self._rules
        if rules.selects(category, self._path):
            self._named = True
            self._operation.name(category, rules.parameters_of(category))
        else:
            self._operation.exclude()

    def name_by(self, status: str) -> None:
        """Take the beginning of the answer, where nothing else tells the category before."""
        if not self._named and self._session.open:
            with self._guard:
                self.select(self._category(parsed_status(status)[0]))

    def note(self, error: BaseException, how: str) -> None:
        """Keep an exception of the application that is, or is not yet, seen in its answer."""
        with self._guard:
            self._exceptions.append(self._told(error, how))
            if isinstance(self._session, PlaybackSession):
                self._session.note_exception(error)

    def _told(self, error: BaseException, how: str) -> RecordedException:
        return recorded_exception(error, how)

    def take(self, chunk: bytes) -> None:
        """Keep a piece of the body."""
        with self._guard:
            self._response_body.add(chunk)

    def exhaust(self) -> None:
        """Note that the application has given all of its body."""
        self._is_exhausted = True

    def fail(self, error: BaseException, how: str) -> None:
        """Take an exception that leaves the application."""
        self._is_broken = True
        if self._status is None or not isinstance(error, Exception):
            self._error = error
        else:
            self.note(error, how)

    def finish(self) -> None:
        """Close the operation, once."""
        if self._finished:
            return
        self._finished = True
        try:
            self._close()
        except BaseException:
            # What tells the process to end came amid our own work, which is done when it ends.
            self._finished = not self._session.open
            raise
        _unfinished.discard(self)

    def finish_late(self) -> None:
        """Close the operation of a request that has not ended when its process does."""
        if not self._is_ending:
            self.fail(SystemExit("the process ended before the request did"), "unfinished")
        self.finish()

    def _close(self) -> None:
        self._is_ending = True
        operation = self._operation
        if self._session.open:
            with self._guard:
                if not self._named:
                    self.select(self._category(None))
                status, reason = parsed_status(self._status or "")
                operation.add_metadata(self._metadata(status))
                exchanged = self._exchanged(status, reason)
                if self._error is None:
                    operation.answer(exchanged)
                    return
                operation.set_request(exchanged.request())
        operation.close(Outcome(exception=self._error))

    def _category(self, status: int | None) -> str:
        return UNMATCHED

    def _with_recording_id(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        name, session = self._rules.settings.response_header, self._session
        if name is None or session.recording is None or not session.open:
            return headers
        if not (isinstance(session, RecordingSession) and session.is_sampled()):
            return headers
        return [*headers, (name, session.recording.id)]

    def _exchanged(self, status: int, reason: str) -> HttpExchange:
        body = self._request_body
        return self._data(
            redactor=self._rules.redactor,
            app=self._app_settings(),
            environ=self._environ,
            request_body=b"" if body is None else body.capture.content(),
            request_complete=body is None or body.is_complete,
            request_broken=body is not None and body.is_broken,
            status=status,
            reason=reason,
            headers=self._headers,
            body=self._response_body.content(),
            partial=not (self._is_exhausted or self._is_broken or self._is_whole()),
            exceptions=[*self._exceptions],
            session_cookie=self._session_cookie(),
        )

    def _app_settings(self) -> dict[str, Any]:
        return {}

    def _session_cookie(self) -> str | None:
        return None

    def _is_whole(self) -> bool:
        # Clients and servers that know the length need not ask whether there is more.
        return header_value(self._headers, "content-length") == str(self._response_body.size)

    def _metadata(self, status: int) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "method": self._method(),
            "path": self._path,
            "status": status or None,
        }
        reason = self._refusal() or self._cut()
        if reason is not None:
            metadata[NOT_REPLAYABLE] = str(reason)
        return metadata

    def _method(self) -> Any:
        return self._environ.get("REQUEST_METHOD")

    def _refusal(self) -> str | None:
        refusal = None if self._request_body is None else self._request_body.refusal
        if refusal is None:
            return None
        return f"reading the request body {refusal}, which no replay can give again"

    def _cut(self) -> CutBody | None:
        limit = self._rules.settings.body_limit
        body = self._request_body
        if body is not None and body.capture.is_cut:
            return CutBody("request", body.capture.size, limit)
        if self._response_body.is_cut:
            return CutBody("response", self._response_body.size, limit)
        return None


@lru_cache(maxsize=64)
def parsed_status(line: str) -> tuple[int, str]:
    """Return a status line's code, 0 where there is none, and its reason."""
    code, _, reason = line.partition(" ")
    return (int(code) if code.isascii() and code.isdigit() else 0), reason


_unfinished: Final[set[Exchange]] = set()

# A forked child has none of its own: they are the parent's.
os.register_at_fork(after_in_child=_unfinished.clear)


@atexit.register
def _close_unfinished() -> None:
    # Registered after the writer's own end, and so called before it; what is closed before Python
    # waits for threads, the writer stores meanwhile.
    for exchange in list(_unfinished):
        exchange.finish_late()


def _close_those_that_hang() -> None:
    # One whose answer is out needs but a moment more of its own thread to end in order.
    deadline = time.monotonic() + _MOMENT_SECONDS
    while _unfinished and time.monotonic() < deadline:
        time.sleep(0.01)
    _close_unfinished()


_MOMENT_SECONDS: Final = 0.2

# Python waits for the threads of pools before it comes to `atexit`: for ever, where one hangs.
_before_threads: Final = getattr(threading, "_register_atexit", None)
if _before_threads is not None:
    _before_threads(_close_those_that_hang)

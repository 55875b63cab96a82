"""Exchange: one request being recorded or replayed, from its environment to its last byte."""

import atexit
import os
from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from werkzeug.exceptions import HTTPException

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
from playback_core.recording_session import RecordingParameters
from playback_flask.request_body import record_body
from playback_flask.rules import ExchangeRules
from playback_flask.translate import (
    UNMATCHED,
    category_of_request,
    parsed_status,
    recorded_app,
    recorded_environ,
)

STOP_AFTER: Final = "playback_flask.stop_after"
"""In the environment of a replay: how many bytes the client of the recorded request waited for."""

StartResponse = Callable[..., Any]


class Exchange:
    """What is known of one request and its response so far; `finish` hands it to the operation.

    Every method that runs within the server's calls leaves the application's answer alone: a fault
    of ours goes to the session, which drops the recording, or raises in a replay.
    """

    __slots__ = (
        "_app",
        "_endpoint",
        "_environ",
        "_error",
        "_exceptions",
        "_finished",
        "_guard",
        "_headers",
        "_is_broken",
        "_is_exhausted",
        "_named",
        "_operation",
        "_path",
        "_request_body",
        "_response_body",
        "_rule",
        "_rules",
        "_session",
        "_status",
        "scope",
    )

    def __init__(
        self, app: Flask, rules: ExchangeRules, operation: OpenOperation, environ: dict[str, Any]
    ) -> None:
        self.scope = operation.scope
        self._session = operation.scope.session
        self._operation = operation
        self._app = app
        self._rules = rules
        limit = rules.settings.body_limit
        self._path = str(environ.get("PATH_INFO", ""))
        # One for all of our work on this exchange: there is some with each piece of a body.
        self._guard = FailingOpen(self._session, "Recording the request", self._path)
        self._response_body = BodyCapture(environ.pop(STOP_AFTER, limit))
        self._environ = recorded_environ(environ)
        self._request_body = record_body(environ, limit)
        self._named = False
        self._rule: str | None = None
        self._endpoint: str | None = None
        self._status: str | None = None
        self._headers: list[tuple[str, str]] = []
        self._exceptions: list[RecordedException] = []
        self._error: BaseException | None = None
        self._is_exhausted = False
        self._is_broken = False
        self._finished = False
        _unfinished.add(self)

    def match(self, request: Any) -> None:
        """Take what the routing found: it makes the category, and decides whether to record."""
        with self._guard:
            rules, category = self._rules, category_of_request(request)
            path = self._path = request.path
            rule = request.url_rule
            self._endpoint = request.endpoint
            self._rule = rule.rule if rule is not None else None
            if rules.selects(category, path):
                self._name(category, rules.parameters_of(category))
            else:
                self._operation.exclude()

    def note(self, error: BaseException, how: str) -> None:
        """Keep an exception of the application that is, or is not yet, seen in its answer."""
        with self._guard:
            if not isinstance(error, HTTPException):
                self._exceptions.append(recorded_exception(error, how))
                if isinstance(self._session, PlaybackSession):
                    self._session.note_exception(error)

    def starting(self, start_response: StartResponse) -> StartResponse:
        """Return the `start_response` to give to the application."""
        header = self._rules.settings.response_header

        def started(
            status: str, headers: list[tuple[str, str]], *exc_info: Any, **named: Any
        ) -> Any:
            shown = headers if header is None else self._with_recording_id(header, headers)
            write = start_response(status, shown, *exc_info, **named)
            self._status, self._headers = status, list(headers)
            return self._writing(write)

        return started

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
        _unfinished.discard(self)
        operation = self._operation
        if self._session.open:
            with self._guard:
                if not self._named:
                    self._name(UNMATCHED, None)
                status, reason = parsed_status(self._status or "")
                operation.add_metadata(self._metadata(status))
                exchanged = self._exchanged(status, reason)
                if self._error is None:
                    operation.answer(exchanged)
                    return
                operation.set_request(exchanged.request())
        operation.close(Outcome(exception=self._error))

    def _name(self, category: str, parameters: RecordingParameters | None) -> None:
        self._named = True
        self._operation.name(category, parameters)

    def _with_recording_id(
        self, name: str, headers: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        session = self._session
        if session.recording is None or session.replaying or not session.open:
            return headers
        return [*headers, (name, session.recording.id)]

    def _writing(self, write: Any) -> Any:
        def written(data: bytes) -> Any:
            self.take(data)
            return write(data)

        return written if callable(write) else write

    def _exchanged(self, status: int, reason: str) -> HttpExchange:
        body = self._request_body
        return HttpExchange(
            redactor=self._rules.redactor,
            app=recorded_app(self._app),
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
            session_cookie=self._app.config["SESSION_COOKIE_NAME"],
        )

    def _is_whole(self) -> bool:
        # Clients and servers that know the length need not ask whether there is more.
        return header_value(self._headers, "content-length") == str(self._response_body.size)

    def _metadata(self, status: int) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "method": self._environ.get("REQUEST_METHOD"),
            "path": self._path,
            "endpoint": self._endpoint,
            "rule": self._rule,
            "status": status or None,
        }
        cut = self._cut()
        if cut is not None:
            metadata[NOT_REPLAYABLE] = str(cut)
        return metadata

    def _cut(self) -> CutBody | None:
        limit = self._rules.settings.body_limit
        body = self._request_body
        if body is not None and body.capture.is_cut:
            return CutBody("request", body.capture.size, limit)
        if self._response_body.is_cut:
            return CutBody("response", self._response_body.size, limit)
        return None


_unfinished: Final[set[Exchange]] = set()

# A forked child has none of its own: they are the parent's.
os.register_at_fork(after_in_child=_unfinished.clear)


@atexit.register
def _close_unfinished() -> None:
    # Registered after the writer's own end, and so called before it.
    for exchange in list(_unfinished):
        exchange.fail(SystemExit("the process ended before the request did"), "unfinished")
        exchange.finish()

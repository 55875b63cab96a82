"""Where Flask calls us: the WSGI callable, signals, the handling of exceptions, sessions."""

from collections.abc import Iterable
from contextvars import ContextVar
from functools import partial
from threading import Lock
from typing import Any, Final

from flask import Flask, got_request_exception, request_started
from flask.globals import request_ctx
from flask.sessions import SessionInterface

from playback_core import TapeRecorder
from playback_core.exchanges.rules import ExchangeRules
from playback_core.guard import FailingOpen
from playback_core.operation import OpenOperation, OperationStart
from playback_core.provenance import standing_metadata
from playback_core.session import current
from playback_core.shed_operation import ShedOperation
from playback_core.wsgi.answer import run_shed, run_within
from playback_core.wsgi.exchange import StartResponse, WsgiApp, is_websocket
from playback_flask.exchange import FlaskExchange, ShedFlaskExchange
from playback_flask.method_hooks import MethodHook, Ours, Run, method_hook
from playback_flask.sessions import recorded_sessions

KIND: Final = "flask"

_exchange: Final[ContextVar[FlaskExchange | None]] = ContextVar("playback_exchange", default=None)


class Hooks:
    """The hooks into one application; `install` and `uninstall` mirror each other.

    The application refers to them, and they not to it: it is freed as it is without them.
    """

    def __init__(self, recorder: TapeRecorder, rules: ExchangeRules, *, enabled: bool) -> None:
        self.enabled = enabled
        self.ours: dict[MethodHook, Ours] = {}
        self._recorder = recorder
        self._rules = rules
        metadata = standing_metadata(KIND, rules.settings.service)
        # One for all requests: what differs is told later, and nobody changes it.
        self._start = OperationStart(category=None, metadata=dict(metadata))
        self._follows_testing = rules.settings.enabled is None
        self._sessions_lock = Lock()
        self._original_sessions: SessionInterface | None = None
        self._recorded_sessions: SessionInterface | None = None

    def install(self, app: Flask) -> None:
        """Take the places; the sessions' one is taken with each request, as it may be set later."""
        self.ours = {
            method_hook(app, "wsgi_app"): Hooks._wsgi_app,
            method_hook(app, "handle_user_exception"): Hooks._handle_user_exception,
        }
        for hook in self.ours:
            hook.add(app)
        request_started.connect(_note_match, app)
        got_request_exception.connect(_note_unhandled, app)

    def uninstall(self, app: Flask) -> None:
        """Give the places back; one that somebody else has wrapped since stays, and passes on."""
        self.enabled = False
        got_request_exception.disconnect(_note_unhandled, app)
        request_started.disconnect(_note_match, app)
        for hook in self.ours:
            hook.remove(app)
        self.ours = {}
        if self._original_sessions is not None and app.session_interface is self._recorded_sessions:
            app.session_interface = self._original_sessions

    def replaying(self, app: Flask) -> WsgiApp:
        """Return the application as it answers at its hook, within whatever is around that."""
        hook = next(hook for hook, ours in self.ours.items() if ours is Hooks._wsgi_app)
        return partial(self._wsgi_app, app, hook.run_of(app))

    def _wsgi_app(
        self, app: Flask, run: Run, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        operation = self._open_operation(app, environ)
        if isinstance(operation, ShedOperation):
            shed = ShedFlaskExchange(self._rules, operation, environ)
            return _untouched(partial(run_shed, shed, run), environ, start_response)
        exchange: FlaskExchange | None = None
        if operation is not None:
            with FailingOpen(operation.scope.session, "Beginning request of app", app.name):
                self._record_sessions(app)
                exchange = FlaskExchange(app, self._rules, operation, environ)
        if exchange is None:
            return _untouched(run, environ, start_response)
        return _within(exchange, run, environ, start_response)

    def _open_operation(self, app: Flask, environ: dict[str, Any]) -> OpenOperation | None:
        if "HTTP_UPGRADE" in environ and is_websocket(environ):
            return None
        recorder = self._recorder
        is_outermost = current() is None
        if is_outermost and not (recorder.recording_enabled and self.enabled):
            return None
        if is_outermost and self._follows_testing and app.testing:
            return None
        return recorder.open_operation(self._start)

    def _record_sessions(self, app: Flask) -> None:
        if app.session_interface is self._recorded_sessions:
            return
        with self._sessions_lock:
            interface = app.session_interface
            if interface is not self._recorded_sessions:
                own = recorded_sessions(self._recorder, interface, self._rules.redactor)
                self._original_sessions, self._recorded_sessions = interface, own
                app.session_interface = own

    def _handle_user_exception(self, app: Flask, run: Run, error: Exception) -> Any:
        answer = run(error)
        exchange = _exchange.get()
        if exchange is not None:
            exchange.note(error, "handled")
        return answer


def _note_match(sender: Flask, **extra: Any) -> None:
    exchange = _exchange.get()
    if exchange is not None:
        # Reading an attribute through the proxy takes several times as long.
        context = request_ctx._get_current_object()  # type: ignore[attr-defined]
        exchange.match(context.request)


def _note_unhandled(sender: Flask, *, exception: Exception, **extra: Any) -> None:
    exchange = _exchange.get()
    if exchange is not None:
        exchange.note(exception, "unhandled")


def _within(
    exchange: FlaskExchange, run: WsgiApp, environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    outer = _exchange.set(exchange)
    try:
        return run_within(exchange, run, environ, start_response)
    finally:
        _exchange.reset(outer)


def _untouched(
    run: WsgiApp, environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    if _exchange.get() is None:
        return run(environ, start_response)
    # What this request does is not part of the exchange it runs within.
    outer = _exchange.set(None)
    try:
        return run(environ, start_response)
    finally:
        _exchange.reset(outer)

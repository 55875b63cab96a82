"""Where Django calls us: the handlers of WSGI and ASGI, and what becomes of exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

from asgiref.sync import SyncToAsync
from django import get_version
from django.http import HttpRequest, HttpResponse

from playback_core import TapeRecorder
from playback_core.asgi.answer import run_shed as run_shed_by_asgi
from playback_core.asgi.answer import run_within as run_within_asgi
from playback_core.asgi.exchange import Receive, Scope, Send, without_files
from playback_core.asgi.lifespan import answer_lifespan
from playback_core.exchanges.rules import ExchangeRules
from playback_core.guard import FailingOpen
from playback_core.interceptor import Interceptor, Target, install, uninstall
from playback_core.metadata import VERSIONS
from playback_core.operation import OpenOperation, OperationStart
from playback_core.propagation import leave_context_to
from playback_core.provenance import standing_metadata
from playback_core.replacing import Function
from playback_core.session import current
from playback_core.shed_operation import ShedOperation
from playback_core.wsgi.answer import run_shed, run_within
from playback_core.wsgi.exchange import StartResponse, is_websocket
from playback_django.answer import recorded_response
from playback_django.exchange import (
    DjangoAsgiExchange,
    DjangoExchange,
    DjangoWsgiExchange,
    ShedDjangoExchange,
)
from playback_django.interceptors import uninstall_all
from playback_django.project_playback import is_testing
from playback_django.translate import KIND

_LIBRARY: Final = "django.core.handlers"

_exchange: Final[ContextVar[DjangoExchange | ShedDjangoExchange | None]] = ContextVar(
    "playback_django_exchange", default=None
)


class Hooks:
    """The hooks into Django for one project; `install` and `uninstall` mirror each other."""

    def __init__(self, recorder: TapeRecorder, rules: ExchangeRules) -> None:
        self.enabled = False
        self._recorder = recorder
        self._rules = rules
        metadata = dict(standing_metadata(KIND, rules.settings.service))
        metadata[VERSIONS] = {**metadata[VERSIONS], "django": get_version()}
        # One for all requests: what differs is told later, and nobody changes it.
        self._start = OperationStart(category=None, metadata=metadata)
        self._follows_testing = rules.settings.enabled is None

    def install(self) -> None:
        """Take the places, of each module when it is imported."""
        targets: list[Target] = [
            _Handling("django.core.handlers.wsgi", "WSGIHandler.__call__", self._by_wsgi),
            _Handling("django.core.handlers.asgi", "ASGIHandler.__call__", self._by_asgi),
            _Answering("django.core.handlers.exception", "response_for_exception"),
            _Excepting("django.core.handlers.base", "BaseHandler.process_exception_by_middleware"),
        ]
        # By this Django runs all that is sync under ASGI, a dozen times for a request.
        leave_context_to(SyncToAsync.thread_handler)
        # Django makes its apps anew where tests change INSTALLED_APPS.
        uninstall(_LIBRARY)
        install(Interceptor(library=_LIBRARY, distribution="django", targets=targets))

    def uninstall(self) -> None:
        """Give the places back; one that somebody else has wrapped since stays, and passes on."""
        self.enabled = False
        uninstall(_LIBRARY)
        uninstall_all()

    def _by_wsgi(self, run: Function) -> Function:
        def handled(
            handler: Any, environ: dict[str, Any], start_response: StartResponse
        ) -> Iterable[bytes]:
            is_left_alone = "HTTP_UPGRADE" in environ and is_websocket(environ)
            operation = None if is_left_alone else self._open_operation(handler)
            if isinstance(operation, ShedOperation):
                path = environ.get("PATH_INFO", "")
                shed = ShedDjangoExchange(self._rules, operation, path, "environ", environ)
                with _within(shed):
                    return run_shed(
                        shed, _bound(run, handler), environ, start_response, recorded_response
                    )
            exchange: DjangoWsgiExchange | None = None
            if operation is not None:
                with FailingOpen(operation.scope.session, "Beginning request of", KIND):
                    exchange = DjangoWsgiExchange(self._rules, operation, environ)
            if exchange is None:
                untouched: Iterable[bytes] = run(handler, environ, start_response)
                return untouched
            with _within(exchange):
                return run_within(
                    exchange, _bound(run, handler), environ, start_response, recorded_response
                )

        return handled

    def _by_asgi(self, run: Function) -> Function:
        async def handled(handler: Any, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan" and self.enabled:
                # Django would refuse it, and so not be told of the end.
                await answer_lifespan(self._recorder, receive, send)
                return
            operation = self._open_operation(handler) if scope["type"] == "http" else None
            if isinstance(operation, ShedOperation):
                shed = ShedDjangoExchange(self._rules, operation, scope["path"], "scope", scope)
                with _within(shed):
                    await run_shed_by_asgi(shed, _bound(run, handler), scope, receive, send)
                return
            exchange: DjangoAsgiExchange | None = None
            if operation is not None:
                with FailingOpen(operation.scope.session, "Beginning request of", KIND):
                    scope = without_files(scope)
                    exchange = DjangoAsgiExchange(self._rules, operation, scope)
            if exchange is None:
                await run(handler, scope, receive, send)
                return
            with _within(exchange):
                await run_within_asgi(exchange, _bound(run, handler), scope, receive, send)

        return handled

    def _open_operation(self, handler: Any) -> OpenOperation | None:
        # That of `runserver` for static files asks no middleware.
        if getattr(handler, "handles_files", False):
            return None
        if current() is None:
            if not (self._recorder.recording_enabled and self.enabled):
                return None
            if self._follows_testing and is_testing():
                return None
        return self._recorder.open_operation(self._start)


def exchange_of(request: HttpRequest) -> DjangoExchange | ShedDjangoExchange | None:
    """Return the exchange of a request that is recorded, shed or replayed, else None."""
    exchange = _exchange.get()
    return exchange if exchange is not None and exchange.is_of(request) else None


class _Handling(Target):
    """The place where a server calls a project."""

    def __init__(self, module: str, attribute: str, ours: Callable[[Function], Function]) -> None:
        super().__init__(module, attribute)
        self._ours = ours

    def replacement(self, original: Function) -> Function:
        return self._ours(original)


class _Answering(Target):
    """The place where Django makes an answer of an exception: of Http404 and of any other one."""

    def replacement(self, original: Function) -> Function:
        def answered(request: HttpRequest, exc: Exception) -> HttpResponse:
            response: HttpResponse = original(request, exc)
            exchange = exchange_of(request)
            if exchange is not None:
                exchange.note(exc, "unhandled" if response.status_code >= 500 else "handled")
            return response

        return answered


class _Excepting(Target):
    """The place where middlewares are asked for an answer to an exception of a view."""

    def replacement(self, original: Function) -> Function:
        def processed(
            handler: Any, exception: Exception, request: HttpRequest
        ) -> HttpResponse | None:
            response: HttpResponse | None = original(handler, exception, request)
            exchange = None if response is None else exchange_of(request)
            if exchange is not None:
                exchange.note(exception, "handled")
            return response

        return processed


def _bound(run: Function, handler: Any) -> Function:
    bound: Function = run.__get__(handler, type(handler))
    return bound


@contextmanager
def _within(exchange: DjangoExchange | ShedDjangoExchange) -> Iterator[None]:
    outer = _exchange.set(exchange)
    try:
        yield
    finally:
        # A call that its loop drops is ended in another context, where it was not set.
        with suppress(ValueError):
            _exchange.reset(outer)

"""PlaybackMiddleware: around any WSGI application."""

from collections.abc import Iterable
from typing import Any, ClassVar

from playback_core.exchanges.application import CategoryOf, RecordedApplication
from playback_core.exchanges.replay import request_of
from playback_core.exchanges.rules import ExchangeRules
from playback_core.guard import FailingOpen
from playback_core.operation import OpenOperation
from playback_core.recording import Recording
from playback_core.shed_operation import ShedOperation
from playback_core.wsgi.answer import run_shed, run_within
from playback_core.wsgi.exchange import StartResponse, WsgiExchange, is_websocket
from playback_core.wsgi.replay import run_recorded


class PlaybackMiddleware(RecordedApplication):
    """Records the requests of a WSGI application; it is a WSGI application itself.

    `settings` are keys such as CASSETTE and SERVICE; `PLAYBACK_X` in the environment goes over
    them. `category(environ)` names the category of a request, when its answer begins; without it
    that is the method and the path with `*` for numbers and ids, and `unmatched:404` where the
    status is that. A relative cassette starts at `base`. Raise SettingsError where something of it
    is wrong.
    """

    kind: ClassVar[str] = "wsgi"

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        is_left_alone = "HTTP_UPGRADE" in environ and is_websocket(environ)
        operation = None if is_left_alone else self._open_operation()
        if isinstance(operation, ShedOperation):
            shed = self._shed(operation, environ, "REQUEST_METHOD", "PATH_INFO")
            return run_shed(shed, self.app, environ, start_response)
        exchange: _NamedExchange | None = None
        if operation is not None:
            session, name = operation.scope.session, self.settings.service or self.kind
            with FailingOpen(session, "Beginning request of app", name):
                exchange = _NamedExchange(self._category_of, self._rules, operation, environ)
        if exchange is None:
            answer: Iterable[bytes] = self.app(environ, start_response)
            return answer
        return run_within(exchange, self.app, environ, start_response)

    def play(self, recording: Recording) -> None:
        run_recorded(self, request_of(recording, "WSGI"), recording)


class _NamedExchange(WsgiExchange):
    __slots__ = ("_category_of", "_whole_environ")

    def __init__(
        self,
        category_of: CategoryOf,
        rules: ExchangeRules,
        operation: OpenOperation,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(rules, operation, environ)
        self._category_of = category_of
        self._whole_environ = environ

    def _category(self, status: int | None) -> str:
        return self._category_of(self._whole_environ, self._method(), self._path, status)

"""PlaybackMiddleware: around any ASGI application."""

from typing import ClassVar

from playback_core.asgi.answer import run_shed, run_within
from playback_core.asgi.exchange import AsgiExchange, Receive, Scope, Send, without_files
from playback_core.asgi.lifespan import pass_lifespan
from playback_core.asgi.replay import run_recorded
from playback_core.exchanges.application import CategoryOf, RecordedApplication
from playback_core.exchanges.replay import request_of
from playback_core.exchanges.rules import ExchangeRules
from playback_core.guard import FailingOpen
from playback_core.operation import OpenOperation
from playback_core.recording import Recording
from playback_core.shed_operation import ShedOperation


class PlaybackMiddleware(RecordedApplication):
    """Records the HTTP requests of an ASGI application; it is an ASGI application itself.

    Websockets and the lifespan are passed on; before the end of the latter, also of an application
    that knows none, all recordings are stored.
    `settings` are keys such as CASSETTE and SERVICE;
    `PLAYBACK_X` in the environment goes over them. `category(scope)` names the category of a
    request, when its answer begins; without it that is the method and the path with `*` for numbers
    and ids, and `unmatched:404` where the status is that. A relative cassette starts at `base`.
    Raise SettingsError where something of it is wrong.
    """

    kind: ClassVar[str] = "asgi"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._open_operation() if scope["type"] == "http" else None
        if isinstance(operation, ShedOperation):
            shed = self._shed(operation, scope, "method", "path")
            await run_shed(shed, self.app, scope, receive, send)
            return
        exchange: _NamedExchange | None = None
        if operation is not None:
            session, name = operation.scope.session, self.settings.service or self.kind
            with FailingOpen(session, "Beginning request of app", name):
                scope = without_files(scope)
                exchange = _NamedExchange(self._category_of, self._rules, operation, scope)
        if exchange is None:
            if scope["type"] == "lifespan" and self._enabled:
                await pass_lifespan(self.recorder, self.app, scope, receive, send)
            else:
                await self.app(scope, receive, send)
            return
        await run_within(exchange, self.app, scope, receive, send)

    def play(self, recording: Recording) -> None:
        run_recorded(self, request_of(recording, "ASGI"), recording)


class _NamedExchange(AsgiExchange):
    __slots__ = ("_category_of", "_scope")

    def __init__(
        self,
        category_of: CategoryOf,
        rules: ExchangeRules,
        operation: OpenOperation,
        scope: Scope,
    ) -> None:
        super().__init__(rules, operation, scope)
        self._category_of = category_of
        self._scope = scope

    def _category(self, status: int | None) -> str:
        return self._category_of(self._scope, self._method(), self._path, status)

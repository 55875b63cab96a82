"""PlaybackMiddleware: around any ASGI application."""

from typing import ClassVar

from playback_core.asgi.exchange import (
    AsgiExchange,
    Message,
    Receive,
    Scope,
    Send,
    without_files,
)
from playback_core.asgi.replay import run_recorded
from playback_core.exchanges.application import RecordedApplication
from playback_core.exchanges.replay import request_of
from playback_core.guard import FailingOpen
from playback_core.recording import Recording
from playback_core.session import enter, leave, within


class PlaybackMiddleware(RecordedApplication):
    """Records the HTTP requests of an ASGI application; it is an ASGI application itself.

    Websockets and the lifespan are passed on. `settings` are keys such as CASSETTE and SERVICE;
    `PLAYBACK_X` in the environment goes over them. `category(scope)` names the category of a
    request, when its answer begins; without it that is the method and the path with `*` for numbers
    and ids, and `unmatched:404` where the status is that. A relative cassette starts at `base`.
    Raise SettingsError where something of it is wrong.
    """

    kind: ClassVar[str] = "asgi"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._open_operation() if scope["type"] == "http" else None
        exchange: AsgiExchange | None = None
        if operation is not None:
            session, name = operation.scope.session, self.settings.service or self.kind
            with FailingOpen(session, "Beginning request of app", name):
                scope = without_files(scope)
                exchange = AsgiExchange(self._category_of, self._rules, operation, scope)
        if exchange is None:
            await self.app(scope, receive, send)
            return
        await self._within(exchange, scope, receive, send)

    async def _within(
        self, exchange: AsgiExchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        # What the server does is no part of the operation.
        async def receive_recorded() -> Message:
            with within(None):
                message = await receive()
            exchange.receive(message)
            return message

        async def send_recorded(message: Message) -> None:
            shown = exchange.send(message)
            if exchange.is_replayed_to_its_end():
                exchange.finish()
            try:
                with within(None):
                    await send(shown)
            except OSError:
                exchange.leave()
                raise

        token = enter(exchange.scope)
        try:
            await self.app(scope, receive_recorded, send_recorded)
        except BaseException as error:
            exchange.fail(error, "streaming")
            raise
        finally:
            leave(token)
            exchange.finish()

    def play(self, recording: Recording) -> None:
        run_recorded(self, request_of(recording, "ASGI"), recording)

"""The end of an ASGI application's lifespan: what was recorded is stored before it.

A server may end its process by the signal that it was stopped by, as uvicorn does: then Python does
not run what is registered for its exit.
"""

from typing import Any, Final

from playback_core.asgi.exchange import AsgiApp, Message, Receive, Scope, Send
from playback_core.cassettes.asynchronous import AsyncRecordOnlyTapeCassette
from playback_core.tape_recorder import TapeRecorder

_LONGEST_SECONDS: Final = 10.0


async def pass_lifespan(
    recorder: TapeRecorder, app: AsgiApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Give an application its lifespan, and store before its end.

    Of one that knows none the server is told its end all the same: where it has not refused, or
    where refusing means nothing else than that.
    """
    lifespan = _Lifespan(recorder, receive, send)
    try:
        await app(scope, lifespan.receive, lifespan.send)
    except Exception:
        if lifespan.is_answered or not _may_be_refused(receive):
            raise
    await lifespan.answer_the_rest()


async def answer_lifespan(recorder: TapeRecorder, receive: Receive, send: Send) -> None:
    """Answer a server for an application that knows no lifespan; store before its end."""
    await _Lifespan(recorder, receive, send).answer_the_rest()


class _Lifespan:
    """What a server has asked and was answered; `is_answered` tells that it was at all."""

    def __init__(self, recorder: TapeRecorder, receive: Receive, send: Send) -> None:
        self._recorder = recorder
        self._receive = receive
        self._send = send
        self._asked: str | None = None
        self._is_over = False
        self.is_answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._asked = message["type"]
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        self.is_answered, self._asked = True, None
        self._is_over = kind == "lifespan.startup.failed" or kind.startswith("lifespan.shutdown.")
        if self._is_over:
            _store(self._recorder)
        await self._send(message)

    async def answer_the_rest(self) -> None:
        while not self._is_over:
            asked = self._asked or (await self.receive())["type"]
            await self.send({"type": f"{asked}.complete"})


def _may_be_refused(receive: Receive) -> bool:
    # uvicorn's `--lifespan auto`, its default, takes any exception for that, `on` ends the server.
    # Told that it is refused, it does not tell when it ends.
    config: Any = getattr(getattr(receive, "__self__", None), "config", None)
    return getattr(config, "lifespan", None) == "auto"


def _store(recorder: TapeRecorder) -> None:
    # On the loop: nothing is served any more, and not every server has one of asyncio.
    cassette = recorder.tape_cassette
    if isinstance(cassette, AsyncRecordOnlyTapeCassette):
        cassette.flush(_LONGEST_SECONDS)

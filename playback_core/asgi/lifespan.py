"""The end of an ASGI application's lifespan: what was recorded is stored before it.

A server may end its process by the signal that it was stopped by, as uvicorn does: then Python does
not run what is registered for its exit.
"""

from typing import Final

from playback_core.asgi.exchange import Message, Receive, Send
from playback_core.cassettes.asynchronous import AsyncRecordOnlyTapeCassette
from playback_core.tape_recorder import TapeRecorder

_LONGEST_SECONDS: Final = 10.0


def storing_at_end(recorder: TapeRecorder, send: Send) -> Send:
    """Return what sends for an application that has a lifespan, and stores before its end."""

    async def sending(message: Message) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            _store(recorder)
        await send(message)

    return sending


async def answer_lifespan(recorder: TapeRecorder, receive: Receive, send: Send) -> None:
    """Answer a server for an application that knows no lifespan; store before its end."""
    sending = storing_at_end(recorder, send)
    while True:
        kind = (await receive())["type"]
        await sending({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def _store(recorder: TapeRecorder) -> None:
    # On the loop: nothing is served any more, and not every server has one of asyncio.
    cassette = recorder.tape_cassette
    if isinstance(cassette, AsyncRecordOnlyTapeCassette):
        cassette.flush(_LONGEST_SECONDS)

"""Runs a recorded call of an ASGI application again, on an event loop of its own."""

import asyncio
from contextvars import Context
from typing import Any, Final

from playback_core.asgi.exchange import AsgiApp, Message, Scope
from playback_core.errors import OperationExceptionDuringPlayback, TapeRecorderException
from playback_core.exchanges.exchange import STOP_AFTER
from playback_core.exchanges.replay import bytes_of_partial, unread_body
from playback_core.http_exchange import RecordedRequest
from playback_core.recording import Recording
from playback_core.session import current, current_session, enter


def run_recorded(app: AsgiApp, request: RecordedRequest, recording: Recording) -> None:
    """Call an application with a recorded request, as a server does, and take its answer.

    An exception of the application is raised as OperationExceptionDuringPlayback. Raise
    TapeRecorderException where a loop runs in this thread already.
    """
    if _runs_a_loop():
        raise TapeRecorderException(
            f"Recording {recording.id} is replayed on an event loop of its own, and one runs in"
            " this thread; replay it from another one, as by asyncio.to_thread()."
        )
    branch, server = current(), _Server(request, recording)

    async def answer() -> None:
        enter(branch)
        await server.call(app)

    try:
        Context().run(asyncio.run, answer())
    except TapeRecorderException:
        raise
    except Exception as error:
        raise OperationExceptionDuringPlayback(
            f"The replayed request raised {type(error).__name__}: {error}"
        ) from error


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Server:
    def __init__(self, request: RecordedRequest, recording: Recording) -> None:
        self._request = request
        self._recording = recording
        # What the application calls a server for, it calls from outside of the replay.
        self._session = current_session()
        self._stop_after = bytes_of_partial(recording)
        self._is_received = False
        self._sent = 0
        self._sent_in_vain = 0
        self._is_left = False
        self._ended = asyncio.Event()
        self.scope = _scope_of(request)
        spec_version = self.scope["asgi"]["spec_version"]
        self._spec_version = tuple(int(part) for part in spec_version.split("."))
        if self._stop_after is not None:
            self.scope[STOP_AFTER] = self._stop_after

    async def call(self, app: AsgiApp) -> None:
        """Call the application; what it raises when the client has left is no answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except TapeRecorderException:
            raise
        except (Exception, asyncio.CancelledError):
            if not self._is_left:
                raise

    async def receive(self) -> Message:
        request = self._request
        if not self._is_received:
            self._is_received = True
            is_complete = request["body_complete"]
            return {"type": "http.request", "body": request["body"], "more_body": not is_complete}
        if not request["body_complete"]:
            if request.get("body_broken"):
                return {"type": "http.disconnect"}
            raise unread_body(len(request["body"]), self._recording, self._session)
        # A client waits for its answer: that it disconnects would cancel the application.
        await self._ended.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._is_left:
            self._refuse()
        elif message["type"] == "http.response.body":
            self._sent += len(message.get("body", b""))
            self._is_left = self._stop_after is not None and self._sent >= self._stop_after
            if self._is_left or not message.get("more_body", False):
                self._ended.set()

    def _refuse(self) -> None:
        # Since 2.4 the specification has servers raise; before, they take it in silence.
        if self._spec_version >= (2, 4):
            raise OSError("the client of the recorded request had left here")
        self._sent_in_vain += 1
        if self._sent_in_vain > _SENT_IN_VAIN:
            raise asyncio.CancelledError("the client of the recorded request had left long ago")


_SENT_IN_VAIN: Final = 1000
"""After how many messages to a client that has left an application that sends on is stopped."""


def _scope_of(request: RecordedRequest) -> Scope:
    recorded: dict[str, Any] = dict(request["environ"])
    spec_version = recorded.pop("spec_version")
    headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in recorded.pop("headers")]
    addresses = {key: recorded.pop(key) for key in ("client", "server")}
    return {
        **recorded,
        **{key: None if pair is None else tuple(pair) for key, pair in addresses.items()},
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "headers": headers,
        "extensions": {},
        # What a lifespan has put there is no plain data.
        "state": {},
    }

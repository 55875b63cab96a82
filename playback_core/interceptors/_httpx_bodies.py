"""Bodies of `httpx`: streams that keep what is sent and read, and streams of what was recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

import httpx

from playback_core.guard import FailingOpen
from playback_core.interceptors._bodies import ReceivedBody, ReplayedBody
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import SentRequest, foresee, shown_text
from playback_core.interceptors._sent_bodies import SentBody
from playback_core.session import Branch, Session, current, enter, leave


class _Sent(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request, kept while it is sent."""

    def __init__(self, source: Any, session: Session) -> None:
        self.source = source
        self.body = SentBody(session)

    def __iter__(self) -> Iterator[bytes]:
        return self.body.relayed(self.source)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.body.relayed_asynchronously(self.source)


def sent_body(request: httpx.Request) -> bytes | SentBody:
    """Return the body of a request, or what keeps it while it is sent; a replay uses it up."""
    stream = request.stream
    if isinstance(stream, _Sent):
        return stream.body
    if isinstance(stream, httpx.ByteStream):
        return b"".join(stream)
    session = _branch().session
    sent = request.stream = _Sent(stream, session)
    if session.replaying:
        sent.body.use_up = partial(_use_up, sent)
    return sent.body


def _use_up(sent: _Sent) -> None:
    deque(sent, maxlen=0)


async def use_up_asynchronously(request: httpx.Request, sent: SentRequest) -> None:
    """Use up a body that can only be awaited, which a replay does not send."""
    stream = request.stream
    if isinstance(stream, _Sent) and not isinstance(stream.source, httpx.SyncByteStream):
        stream.body.use_up = None
        foresee(sent)
        # What it raises is the recorded outcome, too.
        with suppress(Exception):
            async for _ in stream:
                pass


def _branch() -> Branch:
    branch = current()
    if branch is None:
        raise RuntimeError("a request is told within an operation only")
    return branch


def restore_stream(request: httpx.Request) -> None:
    """Give a request its own body back."""
    # It may be sent again: after a redirect, or with the answer to a challenge.
    if isinstance(request.stream, _Sent):
        request.stream = request.stream.source


class _Reading:
    """A response's body on its way to the application, and what is kept of it.

    What gives it is the library: its branch is the inner one, as it was for the call.
    """

    def __init__(self, source: Any, body: ReceivedBody, request: httpx.Request) -> None:
        branch = _branch()
        self.source = source
        self.body = body
        self._request = request
        self.inner = branch.inner
        self._guard = FailingOpen(branch.session, "Keeping the response of", str(request.url))

    def within_library(self) -> _LibrarysStep:
        return _LibrarysStep(self)

    def end(self, error: BaseException) -> None:
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self.body.finish()
            return
        with self._guard:
            self.body.fail(storable(error, self._request))


class _LibrarysStep:
    # No generator: it is entered for each piece.
    __slots__ = ("_outer", "_reading", "_token")

    def __init__(self, reading: _Reading) -> None:
        self._reading = reading

    def __enter__(self) -> None:
        self._outer = current()
        self._token = enter(self._reading.inner)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        leave(self._token, self._outer)
        if exc is not None:
            self._reading.end(exc)


class _Pieces:
    def __init__(self, pieces: Any, reading: _Reading) -> None:
        self._pieces = pieces
        self._reading = reading

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._reading.within_library():
            piece: bytes = next(self._pieces)
        self._reading.body.take(piece)
        return piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        with self._reading.within_library():
            piece: bytes = await anext(self._pieces)
        self._reading.body.take(piece)
        return piece


class _Read(httpx.SyncByteStream):
    def __init__(self, reading: _Reading) -> None:
        self._reading = reading

    def __iter__(self) -> Iterator[bytes]:
        return _Pieces(iter(self._reading.source), self._reading)

    def close(self) -> None:
        with self._reading.within_library():
            self._reading.source.close()


class _AsyncRead(httpx.AsyncByteStream):
    def __init__(self, reading: _Reading) -> None:
        self._reading = reading

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(aiter(self._reading.source), self._reading)

    async def aclose(self) -> None:
        with self._reading.within_library():
            await self._reading.source.aclose()


def kept_stream(source: Any, body: ReceivedBody, request: httpx.Request) -> Any:
    """Return the stream that stands for that of a response and keeps what is read of it."""
    read = _AsyncRead if isinstance(source, httpx.AsyncByteStream) else _Read
    return read(_Reading(source, body, request))


class Replayed(httpx.SyncByteStream):
    """The recorded body of a response."""

    def __init__(self, body: ReplayedBody) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self._body.pieces()


class AsyncReplayed(httpx.AsyncByteStream):
    """The same, where it is awaited."""

    def __init__(self, body: ReplayedBody) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.pieces_asynchronously()


def storable(error: BaseException, request: httpx.Request) -> BaseException:
    """Return what is stored of an exception: without the request, which its client puts in."""
    # What an application's own body raises is of any type.
    if isinstance(error, httpx.TransportError):
        return plain_error(error, shown_text(str(request.url)))
    return error

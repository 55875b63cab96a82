"""Requests by `aiohttp` in a replay: sent nowhere, and answered by what was recorded."""

from __future__ import annotations

from asyncio import Transport
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final

from aiohttp import ClientRequest, ClientResponse, HttpVersion, StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from multidict import CIMultiDict, CIMultiDictProxy

from playback_core.interceptors._bodies import ReplayedBody
from playback_core.library_interception import Missing
from playback_core.session import Branch, within
from playback_core.streamed import cancelled_again

_LIMIT: Final = 2**16


class Unconnected:
    """Sends a request to nowhere, and gives it a response; closed if a block raises."""

    def __init__(self, request: ClientRequest, inner: Branch) -> None:
        self._request = request
        self._inner = inner
        self._protocol = ResponseHandler(request.loop)
        self._protocol.connection_made(_Sink())
        connector: Any = _NoConnector()
        key, loop = request.connection_key, request.loop
        self._connection = _NoConnection(connector, key, self._protocol, loop)
        self._response: ClientResponse | None = None

    async def __aenter__(self) -> Unconnected:
        # Nobody says that the body may come.
        self._request._continue = None
        tracker = getattr(self._request, "_upload_tracker", None)
        if tracker is not None:
            self._request._upload_gen = tracker._attempt_started()
        try:
            with within(self._inner):
                self._response = await self._request.send(self._connection)
                await self._request.close()
        except BaseException:
            self._connection.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self._connection.close()

    async def answered(self, stored: dict[str, Any], missing: Missing) -> ClientResponse:
        """Return the response with what was recorded of it."""
        raw = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in stored["headers"]]
        headers = CIMultiDict((_text(name), _text(value)) for name, value in raw)
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        body, chunks = ReplayedBody(stored, missing), stored.get("chunks", ())
        reader = _ReplayedReader(self._protocol, body, self._request, chunks)
        message = RawResponseMessage(
            HttpVersion(*divmod(stored["version"], 10)),
            stored["status"],
            stored["reason"],
            CIMultiDictProxy(headers),
            tuple(raw),
            should_close=False,
            compression=None,
            upgrade=False,
            chunked=chunked,
        )
        self._protocol.feed_data((message, reader), 0)
        response = self._response
        if response is None:
            raise RuntimeError("the request was not sent")
        return await response.start(self._connection)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class _ReplayedReader(StreamReader):
    """Reads a recorded body, given again in the pieces in which it was read."""

    __slots__ = ("_body", "_chunks", "_pieces")

    def __init__(
        self,
        protocol: ResponseHandler,
        body: ReplayedBody,
        request: ClientRequest,
        chunks: Iterable[list[int]],
    ) -> None:
        super().__init__(protocol, _LIMIT, timer=request._timer, loop=request.loop)
        self._pieces = body.pieces()
        self._chunks = iter(chunks)
        self._body = body
        # A short body comes with its head.
        if body.ending == "finished" and len(body.sizes) == 1:
            self._feed_next()

    async def readchunk(self) -> tuple[bytes, bool]:
        size, is_end = next(self._chunks, (None, False))
        if size is None:
            return await super().readchunk()
        return await self.readexactly(size), bool(is_end)

    def read_nowait(self, n: int = -1) -> bytes:
        if not (self._buffer or self._eof):
            self._feed_next()
        return super().read_nowait(n)

    async def wait_eof(self) -> None:
        # Who waits for the end and has left before it has seen it come.
        while not (self._eof or self._body.ending == "partial"):
            await self._wait("wait_eof")

    async def _wait(self, func_name: str) -> None:
        try:
            self._feed_next()
        except BaseException as error:
            await cancelled_again(error)
            self.set_exception(error)
            raise

    def _feed_next(self) -> None:
        piece = next(self._pieces, None)
        if piece is not None:
            self.feed_data(piece)
        elif (error := self._body.end_error()) is not None:
            # As before: who waited for nothing would wait again.
            raise error
        if self._body.ending == "finished" and self.total_bytes == len(self._body.content):
            self.feed_eof()


class _NoConnection(Connection):
    def __del__(self, _warnings: Any = None) -> None:
        """Do not complain: there is nothing to be closed."""


class _NoConnector:
    """What a connection is given back to that is none."""

    force_close = False

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        if should_close:
            protocol.close()


class _Sink(Transport):
    """A transport to nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self._is_closing = False

    def write(self, data: Any) -> None:
        """Drop it."""

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Drop them."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True

    abort = close

    def pause_reading(self) -> None:
        """Do nothing: nothing comes."""

    resume_reading = pause_reading

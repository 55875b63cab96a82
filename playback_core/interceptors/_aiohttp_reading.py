"""Bodies of responses by `aiohttp`: readers that keep what is read, whichever way that is done."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any

from aiohttp import ClientResponse, StreamReader, hdrs
from aiohttp.streams import EmptyStreamReader

from playback_core.guard import FailingOpen
from playback_core.interceptors._aiohttp_errors import storable
from playback_core.interceptors._received import ReceivedResponse
from playback_core.library_interception import Call
from playback_core.session import Session


class AiohttpResponse(ReceivedResponse):
    """A response on its way; `chunks` has what `readchunk` gave: sizes, and if a chunk ended."""

    __slots__ = ("chunks",)

    def __init__(self, session: Session, call: Call, response: ClientResponse, decodes: bool):
        version: Any = response.version
        super().__init__(
            session,
            call,
            status=response.status,
            reason=response.reason or "",
            headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.raw_headers],
            version=10 * version.major + version.minor,
            is_decoded=decodes and hdrs.CONTENT_ENCODING in response.headers,
        )
        self.chunks: list[list[int]] = []
        if isinstance(response.content, EmptyStreamReader):
            self.body.finish()
        else:
            response.content = _KeepingReader(response.content, self, session, str(response.url))

    def stored(self) -> dict[str, Any]:
        stored = super().stored()
        # Of a body that redaction has not made longer.
        fits = self.chunks and len(stored["body"]) == len(self.body)
        return {**stored, "chunks": self.chunks} if fits else stored


class _KeepingReader(StreamReader):
    """A second face of a reader, which an application reads from; the connection feeds the first.

    Its own slots are never set, so that all state is the first one's, and all methods work on that.
    Whichever way it is read, data comes by the two methods of `_read_nowait`, after a `_wait`.
    """

    __slots__ = (
        *("_body", "_guard", "_received", "_session", "_source"),
        *("_thrown", "_url", "_was_cancelled"),
    )

    _source: StreamReader

    def __init__(
        self, source: StreamReader, received: AiohttpResponse, session: Session, url: str
    ) -> None:
        put = object.__setattr__
        put(self, "_source", source)
        put(self, "_received", received)
        put(self, "_body", received.body)
        put(self, "_session", session)
        put(self, "_url", url)
        put(self, "_guard", FailingOpen(session, "Keeping the response of", url))
        put(self, "_thrown", None)
        put(self, "_was_cancelled", False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_exception":
            # That the application has closed the response is no error of its body.
            object.__setattr__(self, "_thrown", value)
        setattr(self._source, name, value)

    @property
    def _eof(self) -> bool:  # type: ignore[override]
        self._note_end()
        return self._source._eof

    @property
    def _exception(self) -> BaseException | None:  # type: ignore[override]
        error = self._source._exception
        if error is not None and error is not self._thrown:
            self._keep_error(error)
        return error

    async def readchunk(self) -> tuple[bytes, bool]:
        data, is_end = await super().readchunk()
        if self._session.open and (data or is_end):
            self._received.chunks.append([len(data), int(is_end)])
        return data, is_end

    async def _wait(self, func_name: str) -> None:
        try:
            await self._source._wait(func_name)
        except BaseException as error:
            self._keep_error(error)
            raise

    def _read_nowait(self, n: int) -> bytes:
        return self._kept(self._source._read_nowait(n))

    def _read_nowait_chunk(self, n: int) -> bytes:
        return self._kept(self._source._read_nowait_chunk(n))

    def _kept(self, data: bytes) -> bytes:
        if data:
            self._resume()
            self._body.take(data)
        self._note_end()
        return data

    def _note_end(self) -> None:
        if self._source.at_eof():
            self._resume()
            self._body.finish()

    def _keep_error(self, error: BaseException) -> None:
        object.__setattr__(self, "_was_cancelled", isinstance(error, CancelledError))
        with self._guard:
            self._body.fail(storable(error, self._url))

    def _resume(self) -> None:
        # One who was cancelled while waiting may read on.
        if self._was_cancelled:
            object.__setattr__(self, "_was_cancelled", False)
            self._body.resume()

"""Responses of HTTP/1 as `http.client` reads them: kept from the connection's file, read again.

What is kept are the bytes of the body as they came. Their framing in chunks is taken off when they
are stored, and put on again in a replay, where everything that reads them does as it did.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from playback_core.interceptors._bodies import KeptBody, ReceivedBody, ReplayedBody
from playback_core.interceptors._chunks import framed, unframed
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._received import ReceivedResponse, fitting_headers
from playback_core.library_interception import Call, Missing
from playback_core.session import Session

if TYPE_CHECKING:
    from http.client import HTTPResponse


class _WireBody(ReceivedBody):
    """The bytes of a body as they come: in chunks, or `length` of them, None where unknown."""

    __slots__ = ("_chunked", "_length")

    def __init__(self, session: Session, what: str, response: HTTPResponse) -> None:
        super().__init__(session, what)
        self._chunked = bool(response.chunked)
        self._length = response.length

    def break_off(self, error: OSError) -> None:
        """Note that the connection failed."""
        with self._guard:
            self.fail(plain_error(error))

    def kept(self) -> KeptBody:
        kept = super().kept()
        if self._chunked:
            content, sizes, is_ended = unframed(kept.content)
            if is_ended:
                return KeptBody(content, sizes, "finished")
            is_truncated = kept.ending == "finished"
            return KeptBody(content, sizes, kept.ending, kept.error, is_truncated)
        if kept.ending == "partial" and self._length is not None and len(self) >= self._length:
            return kept._replace(sizes=None, ending="finished")
        return kept._replace(sizes=None)


class _KeepingFile:
    """Stands for the file of a connection that a response reads from; keeps what it gives."""

    __slots__ = ("__weakref__", "_body", "_file")

    def __init__(self, file: Any, body: _WireBody) -> None:
        self._file = file
        self._body = body

    def read(self, size: int | None = -1) -> bytes:
        data: bytes = self._reading(self._file.read, size)
        self._take(data, at_end=size is None or size < 0 or len(data) < size)
        return data

    def read1(self, size: int = -1) -> bytes:
        data: bytes = self._reading(self._file.read1, size)
        self._take(data, at_end=not data and size != 0)
        return data

    def readline(self, size: int = -1) -> bytes:
        data: bytes = self._reading(self._file.readline, size)
        self._take(data, at_end=not data.endswith(b"\n") and len(data) != size)
        return data

    def readinto(self, buffer: Any) -> int:
        count: int = self._reading(self._file.readinto, buffer)
        self._take(bytes(memoryview(buffer)[:count]), at_end=count < len(buffer))
        return count

    def _reading(self, method: Callable[..., Any], argument: Any) -> Any:
        try:
            return method(argument)
        except OSError as error:
            self._body.break_off(error)
            raise

    def _take(self, data: bytes, *, at_end: bool) -> None:
        self._body.take(data)
        if at_end:
            self._body.finish()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def received_response(call: Call, response: HTTPResponse, session: Session) -> ReceivedResponse:
    """Keep a response, whose body is kept from now on as it is read from its connection."""
    body = _WireBody(session, call.alias, response)
    received = ReceivedResponse(
        session,
        call,
        status=response.status,
        reason=response.reason,
        # As they came: `getheaders` looks into each for what only mail has in its headers.
        headers=response.headers.raw_items(),
        version=response.version,
        body=body,
    )
    if response.fp is not None:
        response.fp = _KeepingFile(response.fp, body)  # type: ignore[assignment]
    return received


class ReplayedFile:
    """What a response reads from in a replay: its bytes, then what reading them came to."""

    def __init__(self, data: bytes, body: ReplayedBody) -> None:
        self._data = BytesIO(data)
        self._left = len(data)
        self._body = body

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > self._left:
            self._end()
        return self._taken(self._data.read(size))

    def read1(self, size: int = -1) -> bytes:
        if size and not self._left:
            self._end()
        return self._taken(self._data.read(size))

    def readline(self, size: int = -1) -> bytes:
        line = self._data.readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            self._end()
        return self._taken(line)

    def readinto(self, buffer: Any) -> int:
        if len(buffer) > self._left:
            self._end()
        return len(self._taken(self._data.read(len(buffer)), buffer))

    def peek(self, size: int = -1) -> bytes:
        if not self._left:
            self._end()
        return self._data.getvalue()[self._data.tell() :]

    def _taken(self, data: bytes, buffer: Any = None) -> bytes:
        self._left -= len(data)
        if buffer is not None:
            buffer[: len(data)] = data
        return data

    def _end(self) -> None:
        error = self._body.end_error()
        if error is not None:
            raise error

    def flush(self) -> None:
        """Do nothing, as there is nothing to write."""

    def close(self) -> None:
        self._data.close()

    @property
    def closed(self) -> bool:
        return self._data.closed


class _Connection:
    """Gives the file that a response is read from, as a socket does."""

    def __init__(self, file: ReplayedFile) -> None:
        self._file = file

    def makefile(self, mode: str) -> ReplayedFile:
        return self._file


def replayed_file(stored: dict[str, Any], missing: Missing) -> ReplayedFile:
    """Return what a recorded response is read from again, head and body."""
    body = ReplayedBody(stored, missing)
    headers = fitting_headers(stored)
    version = "1.0" if stored["version"] == 10 else "1.1"
    lines = [f"HTTP/{version} {stored['status']} {stored['reason']}"]
    lines += [f"{name}: {value}" for name, value in headers]
    head = "\r\n".join((*lines, "", "")).encode("latin-1")
    return ReplayedFile(head + _as_it_came(body, stored, headers), body)


def _as_it_came(body: ReplayedBody, stored: dict[str, Any], headers: list[list[str]]) -> bytes:
    for name, value in headers:
        if name.lower() == "transfer-encoding" and value.lower() == "chunked":
            ended = body.ending == "finished" and not stored.get("truncated")
            return framed(body.content, body.sizes, ended=ended)
    return body.content


def replayed_response(stored: dict[str, Any], missing: Missing, method: str) -> HTTPResponse:
    """Return a recorded response, as `http.client` gives it, its head read."""
    from playback_core.interceptors._heads import put_head

    body, headers = ReplayedBody(stored, missing), fitting_headers(stored)
    response = _reading(ReplayedFile(_as_it_came(body, stored, headers), body), method)
    if not put_head(response, stored, headers):
        response = _reading(replayed_file(stored, missing), method)
        response.begin()
    return response


def _reading(file: ReplayedFile, method: str) -> HTTPResponse:
    from http.client import HTTPResponse

    connection: Any = _Connection(file)
    return HTTPResponse(connection, method=method)

"""WsgiRequestBody: records the body of a request as the application reads it."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from playback_core.http_exchange import BodyCapture


class WsgiRequestBody:
    """Stands in for `wsgi.input` and keeps what is read from it; it reads nothing by itself.

    `length` is what the request says its body has, None where it is streamed in chunks.
    `is_broken` tells whether reading failed, as it does where the client has gone; `refusal` why it
    can't be given again: what the server raised where it could not read what was sent. What an
    application reads again, where the server's stream can be sought in, is kept once.
    """

    def __init__(self, stream: Any, length: int | None, limit: int) -> None:
        self.capture = BodyCapture(limit)
        self._stream = stream
        self._position = 0
        self._length = length
        self._ended = False
        self.is_broken = False
        self.refusal: str | None = None

    @property
    def is_complete(self) -> bool:
        """Tell whether the body was read to its end."""
        return self._ended or (self._length is not None and self.capture.size >= self._length)

    def read(self, size: int = -1, /) -> bytes:
        if size is None or size < 0:
            return self.readall()
        return self._piece(self._read(self._stream.read, size), size)

    def readall(self) -> bytes:
        data: bytes = self._read(self._stream.read)
        self._ended = True
        return self._kept(data)

    def readline(self, *size: int) -> bytes:
        return self._piece(self._read(self._stream.readline, *size), *size)

    def readlines(self, *hint: int) -> list[bytes]:
        lines: list[bytes] = self._read(self._stream.readlines, *hint)
        # A hint stops it early, unless there was nothing at all.
        self._ended = self._ended or not hint or not lines
        for line in lines:
            self._kept(line)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        lines = iter(self._stream)
        while line := self._read(next, lines, b""):
            yield self._kept(line)
        self._ended = True

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._stream, name)
        if name in _READING_INTO:
            return self._reading_into(attribute)
        if name == "seek":
            return self._seeking(attribute)
        if name == "read1":
            return lambda *size: self._piece(self._read(attribute, *size), *size)
        return attribute

    def _read(self, read: Callable[..., Any], *args: Any) -> Any:
        try:
            return read(*args)
        except OSError:
            self.is_broken = True
            raise
        except Exception as error:
            self.refusal = f"raised {type(error).__name__}: {error}"
            raise

    def _piece(self, data: bytes, size: int | None = None) -> bytes:
        if not data and size != 0:
            self._ended = True
        return self._kept(data)

    def _kept(self, data: bytes) -> bytes:
        kept = self.capture.size - self._position
        self._position += len(data)
        if kept < 0:
            self.refusal = "left out a part of it"
        elif kept < len(data):
            self.capture.add(data[kept:] if kept else data)
        return data

    def _seeking(self, seek: Any) -> Any:
        tell = getattr(self._stream, "tell", None)

        def sought(*args: Any) -> Any:
            if tell is None:
                self.refusal = "went to a place that the server's stream does not tell"
                return seek(*args)
            start = tell() - self._position
            result = seek(*args)
            self._position = tell() - start
            return result

        return sought

    def _reading_into(self, read: Any) -> Any:
        def readinto(buffer: Any) -> Any:
            count = self._read(read, buffer)
            if count:
                self._kept(bytes(memoryview(buffer).cast("B")[:count]))
            elif count == 0 and len(buffer):
                self._ended = True
            return count

        return readinto


_READING_INTO = frozenset({"readinto", "readinto1"})


def record_body(environ: MutableMapping[str, Any], limit: int) -> WsgiRequestBody | None:
    """Put a WsgiRequestBody in place of `wsgi.input`; None where the request has no body."""
    length = environ.get("CONTENT_LENGTH")
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if not chunked and length in _NO_BODY:
        return None
    body = WsgiRequestBody(environ["wsgi.input"], None if chunked else _number(length), limit)
    environ["wsgi.input"] = body
    return body


_NO_BODY: Iterable[str | None] = (None, "", "0")


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None

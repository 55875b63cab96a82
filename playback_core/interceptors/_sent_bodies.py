"""Bodies of requests: kept as they are sent, whatever gives them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

from playback_core.guard import FailingOpen
from playback_core.http_exchange import BodyCapture
from playback_core.interceptor_options import interceptor_options
from playback_core.session import Session, current, within

_PIECE_BYTES: Final = 36
_BLOCK: Final = 64 * 1024


class SentBody:
    """The body of a request, kept as it is given to whoever sends it.

    Of one over the limit a digest and the size are kept. What gives the pieces is code of the
    application: it runs on the branch that was current when this was made.
    """

    __slots__ = ("_branch", "_capture", "_digest", "_guard", "_session")

    def __init__(self, session: Session | None = None) -> None:
        self._session = session
        self._branch = current()
        self._guard = None if session is None else FailingOpen(session, "Keeping", "a request body")
        self.restart()

    def restart(self) -> None:
        """Forget what was kept: it is sent again."""
        self._capture = BodyCapture(interceptor_options().body_limit)
        self._digest = blake2b(digest_size=20)

    def take(self, piece: Any) -> None:
        """Keep the next piece, while the session is open: bytes, or a text sent as UTF-8."""
        session = self._session
        if session is None or self._guard is None:
            self._add(as_bytes(piece))
        elif session.open:
            with self._guard:
                before = self._capture.kept
                self._add(as_bytes(piece))
                session.grow(self._capture.kept - before + _PIECE_BYTES)

    def _add(self, piece: bytes) -> None:
        self._capture.add(piece)
        self._digest.update(piece)

    def relayed(self, pieces: Iterable[Any]) -> Iterator[Any]:
        """Give pieces on, keeping them."""
        source = iter(pieces)
        while True:
            with within(self._branch):
                try:
                    piece = next(source)
                except StopIteration:
                    return
            self.take(piece)
            yield piece

    async def relayed_asynchronously(self, pieces: AsyncIterable[Any]) -> AsyncIterator[Any]:
        """Give pieces on that come asynchronously."""
        source = aiter(pieces)
        while True:
            with within(self._branch):
                try:
                    piece = await anext(source)
                except StopAsyncIteration:
                    return
            self.take(piece)
            yield piece

    def drained(self, source: Any) -> None:
        """Keep all that a file or an iterable has to give, as a replay does not send it."""
        pieces = iter(lambda: source.read(_BLOCK), source.read(0)) if _is_file(source) else source
        for piece in pieces:
            self.take(piece)

    def content(self) -> bytes | dict[str, Any]:
        """Return what was sent so far, or how much and its digest."""
        if not self._capture.is_cut:
            return self._capture.content()
        return {"size": self._capture.size, "blake2b": self._digest.hexdigest()}


class RelayedFile:
    """Stands for a file that is sent as a request's body, while it is sent; keeps what is read."""

    def __init__(self, sent: SentBody, file: Any) -> None:
        self._sent = sent
        self._file = file

    def read(self, *args: Any) -> Any:
        with within(self._sent._branch):
            data = self._file.read(*args)
        self._sent.take(data)
        return data

    def seek(self, *args: Any) -> Any:
        # Whoever sends it goes back to where it began.
        self._sent.restart()
        return self._file.seek(*args)

    def __iter__(self) -> Iterator[Any]:
        return self._sent.relayed(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def relayed_body(sent: SentBody, source: Any) -> Any:
    """Return what is sent in the place of a file or an iterable, and is kept on the way."""
    return RelayedFile(sent, source) if _is_file(source) else sent.relayed(source)


def _is_file(source: Any) -> bool:
    return hasattr(source, "read")


def as_bytes(piece: Any) -> bytes:
    """Return a piece of a body as it is sent."""
    if isinstance(piece, bytes):
        return piece
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def sent_content(body: bytes) -> bytes | dict[str, Any]:
    """Return a body that is known, or how much and its digest where it is over the limit."""
    if len(body) <= interceptor_options().body_limit:
        return body
    sent = SentBody()
    sent.take(body)
    return sent.content()

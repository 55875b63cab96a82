"""Bodies of requests: kept as they are sent, whatever gives them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from playback_core.entry import Entry
from playback_core.guard import FailingOpen
from playback_core.http_exchange import BodyCapture
from playback_core.interceptor_options import DEFAULT_OPTIONS
from playback_core.interceptors._chunks import unframed
from playback_core.session import Session, current, current_session, within

_PIECE_BYTES: Final = 36
_BLOCK: Final = 64 * 1024


Content = bytes | dict[str, Any]
"""A body, or the `size` and the digest of one that is over the limit."""


class SentBody:
    """The body of a request, kept as it is given to whoever sends it.

    Of one over the limit a digest and the size are kept. `is_chunked` says that it is given in the
    framing of chunks, `is_ended` that there was no more to give: else it was cut off. What gives
    the pieces is code of the application: it runs on the branch that was current when this was
    made.

    In a replay `stop_after` is the number of bytes after which the recorded one was cut off, and
    `place` that of the output it belongs to; where there is `use_up`, it takes what there is to
    give, when its content is asked for.
    """

    __slots__ = (
        *("_branch", "_capture", "_digest", "_guard", "_limit", "_session"),
        *("is_chunked", "is_ended", "place", "stop_after", "use_up"),
    )

    def __init__(self, session: Session | None = None) -> None:
        self.is_chunked = self.is_ended = False
        self.stop_after: int | None = None
        self.place: Entry | None = None
        self.use_up: Callable[[], None] | None = None
        self._session = session
        self._branch = current()
        self._guard = None if session is None else FailingOpen(session, "Keeping", "a request body")
        options = DEFAULT_OPTIONS if session is None else session.interceptor_options
        self._limit = options.body_limit
        self.restart()

    def restart(self) -> None:
        """Forget what was kept: it is sent again."""
        self._capture = BodyCapture(self._limit)
        self._digest = _digest()
        self.is_ended = False

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

    def end(self) -> None:
        """Note that there is no more to give."""
        self.is_ended = self._session is None or self._session.open

    @property
    def cut_at(self) -> int | None:
        """After how many bytes it was cut off; None where it was not."""
        return None if self.is_ended else self._capture.size

    @property
    def is_far_enough(self) -> bool:
        """Tell whether a replay has taken as much as the recorded one was sent of."""
        return self.stop_after is not None and self._capture.size >= self.stop_after

    def _add(self, piece: bytes) -> None:
        if self.stop_after is not None:
            piece = piece[: self.stop_after - self._capture.size]
        self._capture.add(piece)
        self._digest.update(piece)

    def on_its_branch(self) -> AbstractContextManager[None]:
        """Return a block in which code of the application's runs."""
        return within(self._branch)

    def relayed(self, pieces: Iterable[Any]) -> Iterator[Any]:
        """Give pieces on, keeping them."""
        source = iter(pieces)
        while not self.is_far_enough:
            with self.on_its_branch():
                try:
                    piece = next(source)
                except StopIteration:
                    self.end()
                    return
                except Exception:
                    self.end()
                    raise
            self.take(piece)
            yield piece

    async def relayed_asynchronously(self, pieces: AsyncIterable[Any]) -> AsyncIterator[Any]:
        """Give pieces on that come asynchronously."""
        source = aiter(pieces)
        while not self.is_far_enough:
            with self.on_its_branch():
                try:
                    piece = await anext(source)
                except StopAsyncIteration:
                    self.end()
                    return
                except Exception:
                    self.end()
                    raise
            self.take(piece)
            yield piece

    def content(self) -> Content:
        """Return what was sent so far, or how much and its digest."""
        use_up, self.use_up = self.use_up, None
        if use_up is not None:
            # What it raises is in what was recorded of the call.
            with suppress(Exception):
                use_up()
        if self._capture.is_cut:
            return _digested(self._capture.size, self._digest)
        content = self._capture.content()
        return unframed(content).content if self.is_chunked else content


class RelayedBody:
    """Stands for a file or an iterable that is sent as a body, while it is sent; keeps it.

    `source` is what it stands for, `sent` what is kept.
    """

    def __init__(self, source: Any, sent: SentBody | None = None) -> None:
        self.source = source
        self.sent = SentBody(current_session()) if sent is None else sent
        self._is_all = sent is None
        self._pieces: Iterator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        with self.sent.on_its_branch():
            pieces = iter(self.source)
        if self._is_all and pieces is not self.source:
            # It begins anew, as a list does that is sent again.
            self.sent.restart()
        return self.sent.relayed(pieces)

    def __next__(self) -> Any:
        if self._pieces is None:
            self._pieces = iter(self)
        return next(self._pieces)

    def drain(self) -> None:
        """Keep all that it has to give, as a replay does not send it."""
        for _ in self:
            pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def __repr__(self) -> str:
        # Errors of libraries show it.
        return repr(self.source)


class _RelayedFile(RelayedBody):
    def read(self, *args: Any) -> Any:
        try:
            with self.sent.on_its_branch():
                data = self.source.read(*args)
        except Exception:
            self.sent.end()
            raise
        self.sent.take(data)
        if not data:
            self.sent.end()
        return data

    def drain(self) -> None:
        while not self.sent.is_far_enough and self.read(_BLOCK):
            pass


class _RelayedSeekable(_RelayedFile):
    # Apart, as libraries ask whether there is a `seek`.
    def seek(self, *args: Any) -> Any:
        position = self.source.seek(*args)
        # Whoever sends it has gone back to where it began.
        if self._is_all:
            self.sent.restart()
        return position


def relayed_body(body: Any, sent: SentBody | None = None) -> Any:
    """Return what is to be sent for a body: itself, or for a file or an iterable its relay.

    What goes through that is kept in `sent`, or in one of its own.
    """
    if body is None or isinstance(body, (bytes, str, RelayedBody)):
        return body
    if hasattr(body, "read"):
        file = _RelayedSeekable if hasattr(body, "seek") else _RelayedFile
        return file(body, sent)
    return RelayedBody(body, sent) if _gives_pieces(body) else body


def _gives_pieces(body: Any) -> bool:
    try:
        memoryview(body)
    except TypeError:
        return hasattr(body, "__iter__")
    return False


def sent_of(body: Any) -> bytes | SentBody:
    """Return what is kept of a body that `relayed_body` returned, in a replay as it is used up."""
    if not isinstance(body, RelayedBody):
        return b"" if body is None else as_bytes(body)
    session = current_session()
    if session is not None and session.replaying:
        body.sent.use_up = body.drain
    return body.sent


def as_bytes(piece: Any) -> bytes:
    """Return a piece of a body as it is sent."""
    if isinstance(piece, bytes):
        return piece
    return piece.encode() if isinstance(piece, str) else bytes(memoryview(piece))


def within_limit(body: Content | SentBody, limit: int) -> Content | SentBody:
    """Return a body, or how much it is and its digest where that is over the limit.

    At once: a large one must not be kept until its recording is stored.
    """
    if isinstance(body, bytes) and len(body) > limit:
        return _digested(len(body), _digest(body))
    return body


def _digested(size: int, digest: Any) -> Content:
    return {"size": size, "blake2b": digest.hexdigest()}


_digest: Final = partial(blake2b, digest_size=20)

"""Bodies on their way: kept as the application sends or reads them, given again by pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final, Literal

from playback_core.http_exchange import BodyCapture, CutBody
from playback_core.interceptor_options import interceptor_options
from playback_core.library_interception import Missing
from playback_core.metadata import NOT_REPLAYABLE
from playback_core.recording_session import RecordingSession
from playback_core.session import Session

Ending = Literal["finished", "raised", "partial"]

_PIECE_BYTES: Final = 36


class SentBody:
    """The body of a request, kept as it is given to whoever sends it.

    Of one over the limit a digest and the size are kept.
    """

    __slots__ = ("_capture", "_digest", "_session")

    def __init__(self, session: Session | None = None) -> None:
        self._session = session
        self._capture = BodyCapture(interceptor_options().body_limit)
        self._digest = blake2b(digest_size=20)

    def take(self, piece: bytes) -> None:
        """Keep the next piece, while the session is open."""
        session = self._session
        if session is not None and not session.open:
            return
        before = self._capture.kept
        self._capture.add(piece)
        self._digest.update(piece)
        if session is not None:
            session.grow(self._capture.kept - before + _PIECE_BYTES)

    def relayed(self, pieces: Iterable[Any]) -> Iterator[Any]:
        """Give pieces on, keeping them: bytes, or texts that are sent as UTF-8."""
        for piece in pieces:
            self.take(as_bytes(piece))
            yield piece

    async def relayed_asynchronously(self, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Give pieces on that come asynchronously."""
        async for piece in pieces:
            self.take(as_bytes(piece))
            yield piece

    def content(self) -> bytes | dict[str, Any]:
        """Return what was sent so far, or how much and its digest."""
        if not self._capture.is_cut:
            return self._capture.content()
        return {"size": self._capture.size, "blake2b": self._digest.hexdigest()}


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


class ReceivedBody:
    """The body of a response, kept as the application reads it.

    One over the limit is kept as far as that; the recording is marked, as it can't be replayed.
    `what` names the call in that mark.
    """

    __slots__ = ("_capture", "_limit", "_session", "_what", "ending", "error", "sizes")

    def __init__(self, session: Session, what: str) -> None:
        self._session = session
        self._what = what
        self._limit = interceptor_options().body_limit
        self._capture = BodyCapture(self._limit)
        self.sizes: list[int] = []
        self.ending: Ending = "partial"
        self.error: BaseException | None = None

    def take(self, piece: bytes) -> None:
        """Keep the next piece that the application has read."""
        session, capture = self._session, self._capture
        if not session.open:
            session.note_late()
            return
        if capture.is_cut or not piece:
            return
        before = capture.kept
        capture.add(piece)
        self.sizes.append(len(piece))
        session.grow(capture.kept - before + _PIECE_BYTES)
        if capture.is_cut and isinstance(session, RecordingSession):
            cut = CutBody(f"response of {self._what}: the", capture.size, self._limit)
            session.add_metadata({NOT_REPLAYABLE: str(cut)})

    def finish(self) -> None:
        """Note that the application has read all of it."""
        if self._session.open:
            self.ending = "finished"

    def fail(self, error: BaseException) -> None:
        """Note that reading on raised an error; it must be one that can be stored."""
        if self._session.open:
            self.ending, self.error = "raised", error

    @property
    def is_cut(self) -> bool:
        """Tell whether the body is longer than what was kept."""
        return self._capture.is_cut

    def content(self) -> bytes:
        """Return what was kept."""
        return self._capture.content()

    def __len__(self) -> int:
        return self._capture.kept


class ReplayedBody:
    """A recorded body, given again in the pieces in which it was read.

    `stored` is what `stored_body` returned. Whoever asks for more than was read gets a miss.
    """

    __slots__ = ("_missing", "content", "ending", "error", "sizes")

    def __init__(self, stored: dict[str, Any], missing: Missing) -> None:
        self.content: bytes = stored["body"]
        self.ending: Ending = stored["ending"]
        self.error: BaseException | None = stored.get("error")
        self.sizes: list[int] = stored.get("pieces") or [len(self.content)]
        self._missing = missing

    def pieces(
        self, restored: Callable[[BaseException], BaseException] | None = None
    ) -> Iterator[bytes]:
        """Give the pieces, then end as the body did; `restored` makes the error to raise."""
        start = 0
        for size in self.sizes:
            piece = self.content[start : start + size]
            start += size
            if piece:
                yield piece
        error = self.end_error()
        if error is not None:
            raise error if restored is None or self.ending != "raised" else restored(error)

    async def pieces_asynchronously(
        self, restored: Callable[[BaseException], BaseException] | None = None
    ) -> AsyncIterator[bytes]:
        """Give the pieces where they are awaited."""
        for piece in self.pieces(restored):
            yield piece

    def end_error(self) -> BaseException | None:
        """Return what reading beyond the last piece raises; None where that was the end."""
        if self.ending == "finished":
            return None
        if self.error is not None:
            return self.error
        return self._missing(
            f"When it was recorded, {len(self.content)} bytes of this response were read; now more"
            " were asked for."
        )


def stored_body(body: ReceivedBody, content: bytes) -> dict[str, Any]:
    """Return what is stored of a body; `content` is its own, or redacted."""
    stored: dict[str, Any] = {"body": content, "ending": body.ending}
    # The pieces are those of the body as it was read.
    if len(body.sizes) > 1 and not body.is_cut and len(content) == len(body):
        stored["pieces"] = list(body.sizes)
    if body.error is not None:
        stored["error"] = body.error
    return stored

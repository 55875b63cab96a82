"""Bodies of responses: kept as the application reads them, given again piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

from playback_core.guard import FailingOpen
from playback_core.http_exchange import BodyCapture, CutBody
from playback_core.library_interception import Missing
from playback_core.metadata import NOT_REPLAYABLE
from playback_core.recording_session import RecordingSession
from playback_core.session import Session
from playback_core.streamed import asynchronously

Ending = Literal["finished", "raised", "partial"]

_PIECE_BYTES: Final = 36


class KeptBody(NamedTuple):
    """What is known of a response's body: `sizes` are those of its pieces, None where unknown.

    `ending` says whether the application read all of it, came upon an error, or left.
    """

    content: bytes
    sizes: list[int] | None
    ending: Ending
    error: BaseException | None = None
    truncated: bool = False


class ReceivedBody:
    """The body of a response, kept as the application reads it.

    One over the limit is kept as far as that; the recording is marked, as it can't be replayed.
    `what` names the call in that mark.
    """

    __slots__ = (
        "_capture",
        "_ending",
        "_error",
        "_guard",
        "_is_late",
        "_session",
        "_sizes",
        "_what",
    )

    def __init__(self, session: Session, what: str) -> None:
        self._session = session
        self._what = what
        self._guard = FailingOpen(session, "Keeping the response of", what)
        self._capture = BodyCapture(session.interceptor_options.body_limit)
        self._sizes: list[int] = []
        self._ending: Ending = "partial"
        self._error: BaseException | None = None
        self._is_late = False

    def take(self, piece: bytes) -> None:
        """Keep the next piece that the application has read."""
        capture = self._capture
        if self._is_open() and piece and not capture.is_cut:
            with self._guard:
                self._add(piece)

    def finish(self) -> None:
        """Note that the application has read all of it."""
        if self._is_open() and self._error is None:
            self._ending = "finished"

    def fail(self, error: BaseException) -> None:
        """Note that reading on raised an error; it must be one that can be stored."""
        if self._is_open():
            self._ending, self._error = "raised", error

    def resume(self) -> None:
        """Forget an error: the application reads on."""
        if self._is_open():
            self._ending, self._error = "partial", None

    def kept(self) -> KeptBody:
        """Return what was kept."""
        capture = self._capture
        if capture.is_cut:
            return KeptBody(capture.content(), None, "partial")
        return KeptBody(capture.content(), [*self._sizes], self._ending, self._error)

    def __len__(self) -> int:
        return self._capture.kept

    def _is_open(self) -> bool:
        session = self._session
        if not (session.open or self._is_late):
            self._is_late = True
            session.note_late()
        return session.open

    def _add(self, piece: bytes) -> None:
        session, capture = self._session, self._capture
        before = capture.kept
        capture.add(piece)
        self._sizes.append(len(piece))
        session.grow(capture.kept - before + _PIECE_BYTES)
        if capture.is_cut and isinstance(session, RecordingSession):
            limit = session.interceptor_options.body_limit
            cut = CutBody(f"response of {self._what}: its", capture.size, limit)
            session.add_metadata({NOT_REPLAYABLE: str(cut)})


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

    def pieces_asynchronously(
        self, restored: Callable[[BaseException], BaseException] | None = None
    ) -> AsyncIterator[bytes]:
        """Give the pieces where they are awaited."""
        return asynchronously(self.pieces(restored))

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


def stored_body(kept: KeptBody, content: bytes) -> dict[str, Any]:
    """Return what is stored of a body; `content` is its own, or redacted."""
    stored: dict[str, Any] = {"body": content, "ending": kept.ending}
    # The pieces are those of the body as it was read.
    if kept.sizes and kept.sizes != [len(content)] and content == kept.content:
        stored["pieces"] = kept.sizes
    if kept.error is not None:
        stored["error"] = kept.error
    if kept.truncated:
        stored["truncated"] = True
    return stored

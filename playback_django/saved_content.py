"""What is in a file that is saved: whole up to a limit, beyond it as its size and a digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

BLOCK: Final = 64 * 1024


class KeptContent:
    """Content as it comes, in pieces of bytes or of text."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._digest = blake2b(digest_size=16)
        self._size = self._length = 0
        self._pieces: list[Any] = []

    def add(self, piece: Any) -> None:
        """Take the next piece."""
        data = piece.encode() if isinstance(piece, str) else piece
        self._digest.update(data)
        self._size += len(data)
        self._length += len(piece)
        if self._length <= self._limit:
            # A buffer may be filled anew by whoever reads the next piece.
            self._pieces.append(piece if isinstance(piece, str) else bytes(piece))
        else:
            self._pieces.clear()

    def whole(self) -> Any:
        """Return all of it, or what stands for it where it is more than the limit."""
        if self._length > self._limit:
            return {"size": self._size, "blake2b": self._digest.hexdigest()}
        return b"".join(self._pieces) if not self._is_text() else "".join(self._pieces)

    def _is_text(self) -> bool:
        return bool(self._pieces) and isinstance(self._pieces[0], str)


class ReadOnce:
    """A content that can be read only once, in whose place it is saved: it keeps what is read."""

    def __init__(self, content: Any, limit: int) -> None:
        self._content = content
        self._kept = KeptContent(limit)

    def read(self, *size: Any) -> Any:
        """Read as the content does."""
        piece = self._content.read(*size)
        self._kept.add(piece)
        return piece

    def was_read(self) -> Any:
        """Return what has been read of it."""
        return self._kept.whole()

    def read_whole(self) -> Any:
        """Read it to its end; return all that was read of it."""
        # As storages do it.
        chunks = getattr(self, "chunks", None)
        for _ in iter(lambda: self.read(BLOCK) or None, None) if chunks is None else chunks():
            pass
        return self.was_read()

    def __iter__(self) -> Iterator[Any]:
        return self._keeping(self._content)

    def __bool__(self) -> bool:
        return bool(self._content)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._content, name)
        return (lambda *size: self._keeping(found(*size))) if name == "chunks" else found

    def _keeping(self, pieces: Iterable[Any]) -> Iterator[Any]:
        for piece in pieces:
            self._kept.add(piece)
            yield piece


def can_be_read_again(content: Any) -> bool:
    """Tell whether a content can be set back to its beginning."""
    try:
        content.seek(content.tell())
    except (AttributeError, OSError, ValueError):
        return False
    return True

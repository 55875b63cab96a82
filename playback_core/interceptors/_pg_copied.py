"""What goes through a COPY of psycopg, out and in, as it is kept and given again."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from psycopg import pq

from playback_core.codec import Deferred, encode
from playback_core.interceptors._pg_results import plain_result, settings_of
from playback_core.library_interception import Missing
from playback_core.session import Session

MAX_DATA: Final = 1024**2
"""How many bytes that go in are kept; of more, their digest is compared."""

_IN_TRANSACTION: Final = int(pq.TransactionStatus.INTRANS)
_BLOCK_BYTES: Final = 64


class BlocksKept(Deferred):
    """What has been read so far of a COPY that comes out."""

    def __init__(self, session: Session, cursor: Any) -> None:
        self._session = session
        self._cursor = cursor
        self._results = list(cursor._results)
        self._blocks: list[bytes] = []
        _, settings = settings_of(cursor._pgconn)
        self._facts: dict[str, Any] = {"settings": settings}

    def add(self, block: Any) -> None:
        """Keep a block; an empty one is the end."""
        session = self._session
        if not session.open:
            session.note_late()
        elif block:
            data = bytes(block)
            self._blocks.append(data)
            session.grow(len(data) + _BLOCK_BYTES)
        else:
            self._facts |= {"read": True, "copied": self._cursor._rowcount}
            self.note_status()

    def note_status(self) -> None:
        """Note how it has left the connection."""
        self._facts["after"] = int(self._cursor._pgconn.transaction_status)

    def encode(self) -> bytes:
        results = [*map(plain_result, self._results)]
        stored = {"transaction": _IN_TRANSACTION, "results": results, "blocks": self._blocks}
        return encode(stored | self._facts)

    def __len__(self) -> int:
        return _BLOCK_BYTES


class BlocksAgain:
    """What was recorded of a COPY that comes out, to be read again."""

    def __init__(self, stored: dict[str, Any], missing: Missing) -> None:
        self._blocks = iter(stored["blocks"])
        self._stored = stored
        self._missing = missing

    def read(self, copy: Any) -> memoryview:
        """Return the next block; an empty one is the end."""
        block = next(self._blocks, b"")
        if not block:
            if not self._stored.get("read"):
                raise self._missing("More of a COPY is read than when it was recorded.")
            copy._finished = True
            copy.cursor._rowcount = self._stored["copied"]
        return memoryview(block)


class DataSent:
    """What has been sent so far by a COPY that goes in."""

    def __init__(self, *, for_real: bool) -> None:
        self.for_real = for_real
        self.given_up: str | None = None
        self._first = bytearray()
        self._size = 0
        self._digest = sha256()

    @property
    def kept(self) -> int:
        """How many bytes are kept."""
        return len(self._first)

    def add(self, block: Any) -> None:
        """Keep what is sent."""
        self._size += len(block)
        self._digest.update(block)
        if len(self._first) < MAX_DATA:
            self._first += bytes(block[: MAX_DATA - len(self._first)])

    def told(self) -> dict[str, Any]:
        """Return it as fields of an output."""
        data = bytes(self._first)
        try:
            fields: dict[str, Any] = {"data": data.decode()}
        except UnicodeDecodeError:
            fields = {"data": data}
        if self.given_up is not None:
            fields["given_up"] = self.given_up
        if self._size > MAX_DATA:
            fields |= {"size": self._size, "sha256": self._digest.hexdigest()}
        return fields

"""The rows of a statement: kept as they are fetched, by column, and given again as far."""

from __future__ import annotations

from collections.abc import Sequence
from sys import getsizeof
from typing import Any, Final

from playback_core.codec import Deferred, decode, encode
from playback_core.library_interception import Missing
from playback_core.session import Session

Row = Sequence[Any]

_ROW_BYTES: Final = 64
_PENDING_ROWS: Final = 256
_PENDING_BYTES: Final = 64 * 1024

# What cannot change between the fetch and the moment it is encoded.
_UNCHANGING: Final = frozenset({type(None), bool, int, float, str, bytes})


class KeptRows(Deferred):
    """What a statement came to and the rows fetched of it so far.

    `names` are those of its columns, None where it has no rows. `about` is plain data that stays
    as it is: `rowcount` and the like. Stored it is a mapping: those, `columns` as mappings of one
    name to values (two may have one name), `rows` as their number, and `ended` where all were
    fetched.
    """

    __slots__ = ("_blobs", "_count", "_ended", "_pending", "_size", "about", "names", "session")

    def __init__(
        self, session: Session, names: Sequence[str] | None, about: dict[str, Any]
    ) -> None:
        self.session = session
        self.names = names
        self.about = about
        self._blobs: list[bytes] = []
        self._pending: list[Row] = []
        self._count = 0
        self._size = 0
        self._ended = False

    def add(self, rows: Sequence[Row], *, ended: bool = False) -> None:
        """Keep rows that were fetched, as they are now; `ended`: there are no more."""
        session = self.session
        if not session.open:
            session.note_late()
            return
        self._ended = self._ended or ended
        if rows:
            self._flush()
            self._encode(rows)

    def add_one(self, row: Row) -> None:
        """Keep one row that was fetched by itself."""
        session = self.session
        if not session.open:
            session.note_late()
        elif _UNCHANGING.issuperset(map(type, row)):
            self._pending.append(row)
            self._size += _ROW_BYTES + sum(map(getsizeof, row))
            if len(self._pending) >= _PENDING_ROWS or self._size > _PENDING_BYTES:
                self._flush()
        else:
            self.add([row])

    def tell(self, **about: Any) -> None:
        """Note what has changed since the statement returned."""
        if self.session.open:
            self.about = {**self.about, **about}

    def encode(self) -> bytes:
        stored = dict(self.about)
        if self.names is not None:
            columns = self._columns()
            stored["columns"] = [
                {name: column} for name, column in zip(self.names, columns, strict=True)
            ]
            stored["rows"] = self._count + len(self._pending)
        if self._ended:
            stored["ended"] = True
        return encode(stored)

    def __len__(self) -> int:
        # More is told to the session as it comes.
        return _ROW_BYTES * (2 + len(self.names or ()))

    def _flush(self) -> None:
        pending, self._pending, self._size = self._pending, [], 0
        if pending:
            self._encode(pending)

    def _encode(self, rows: Sequence[Row]) -> None:
        # By column, in one native call: a tuple for each row would be written by the slow form.
        blob = encode(list(map(list, zip(*rows, strict=True))))
        self._blobs.append(blob)
        self._count += len(rows)
        self.session.grow(len(blob) + _ROW_BYTES)

    def _columns(self) -> list[list[Any]]:
        columns: list[list[Any]] = [[] for _ in self.names or ()]
        pending = list(map(list, zip(*self._pending, strict=True)))
        for part in (*map(decode, self._blobs), pending):
            for column, values in zip(columns, part, strict=False):
                column += values
        return columns


class RecordedRows:
    """What was recorded of a statement, and the rows that a replay can still fetch of it."""

    def __init__(self, session: Session, stored: dict[str, Any], missing: Missing) -> None:
        columns = stored.get("columns")
        self.session = session
        self.about = stored
        self.names = None if columns is None else [name for column in columns for name in column]
        values = [value for column in columns or () for value in column.values()]
        self.rows: list[tuple[Any, ...]] = (
            list(zip(*values, strict=True)) if values else [()] * stored.get("rows", 0)
        )
        self.position = 0
        self._ended = bool(stored.get("ended")) or columns is None
        self._missing = missing

    @property
    def done(self) -> bool:
        """Whether it is known that there are no more rows."""
        return self._ended and self.position == len(self.rows)

    def fetch(self, count: int | None) -> list[tuple[Any, ...]]:
        """Return so many of the next rows, fewer at the end; None: all that are left.

        Raise what `missing` gives where more rows would have to be known.
        """
        start, all_rows = self.position, len(self.rows)
        end = all_rows if count is None else min(all_rows, start + count)
        if not self._ended and (count is None or end - start < count):
            raise self._missing(
                f"When it was recorded, {all_rows} rows of this statement were fetched, and it may"
                " have had more; now more are asked for."
            )
        self.position = end
        return self.rows[start:end]

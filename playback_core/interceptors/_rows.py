"""The rows of a statement: kept as they are fetched, by column, and given again as far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, islice
from sys import getsizeof
from typing import Any, Final

from playback_core.codec import UNCHANGING, Deferred, decode, encode, encode_plain
from playback_core.library_interception import Missing
from playback_core.session import Session

Row = Sequence[Any]

_ROW_BYTES: Final = 64
_PENDING_BYTES: Final = 64 * 1024
_FEW: Final = 32
"""So many rows of one fetch are kept by reference, and encoded with more or when all is stored."""

_MOST: Final = 512
_SAMPLE: Final = 16

_COLUMNS: Final = "columns"
_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})


class KeptRows(Deferred):
    """What a statement came to and the rows fetched of it so far.

    `names` are those of its columns, None where it has no rows. `about` is plain data that stays
    as it is: `rowcount` and the like. Rows that are `exact` have only None, numbers, str and bytes.
    Stored it is a mapping: `about`, `columns` as mappings of one name to values (two may have one
    name), `rows` as their number, `ended` where all were fetched, and `failures`: behind how many
    rows a fetch has raised what.
    """

    __slots__ = (
        *("_columns", "_count", "_ended", "_exact", "_failures", "_flat", "_numbers", "_pending"),
        "_plain",
        *("about", "names", "redacted_by", "session"),
    )

    def __init__(
        self,
        session: Session,
        names: Sequence[str] | None,
        about: dict[str, Any],
        exact: bool = False,
    ) -> None:
        self.session = session
        self.names = names
        self.about = about
        self._exact = exact
        self.redacted_by: object = None
        self._plain = True
        self._flat = True
        self._columns: list[list[bytes]] = []
        # By numbers that are never used twice, so that `relay` can keep rows in native code.
        self._pending: dict[int, Row] = {}
        self._numbers = count()
        self._count = 0
        self._ended = False
        self._failures: list[tuple[int, bytes]] = []

    @property
    def count(self) -> int:
        """How many rows were fetched."""
        return self._count + len(self._pending)

    def add(self, rows: Sequence[Row]) -> bool:
        """Keep rows that were fetched, as they are now; tell whether it is still of use."""
        session = self.session
        if not session.open:
            session.note_late()
            return False
        if not rows:
            return True
        if len(rows) > _FEW or not (self._exact or _are_of(UNCHANGING, rows)):
            self._flush()
            self._encode(rows)
        elif len(rows) == 1:
            number = next(self._numbers)
            self._pending[number] = rows[0]
            if number % _SAMPLE == _SAMPLE - 1:
                self._room()
        else:
            self._pending.update(zip(self._numbers, rows, strict=False))
            self._room()
        return True

    def relay(self, source: Iterator[Row], ended: Callable[[], object]) -> Iterator[Row]:
        """Give exact rows on, keeping each as it is given; tell when there are no more."""
        room = _FEW
        while self.session.open:
            numbers = islice(self._numbers, room)
            # It keeps a row and returns it: a call of Python for each would cost as much again.
            try:
                yield from map(self._pending.setdefault, numbers, source)
            except Exception as error:
                self.fail(error)
                raise
            room = self._room()
            if next(numbers, None) is not None:
                self.end()
                ended()
                return
        self.session.note_late()
        yield from source

    def end(self) -> None:
        """Note that all rows were fetched."""
        if self.session.open:
            self._ended = True

    def fail(self, error: BaseException) -> None:
        """Note that a fetch has raised, behind the rows so far."""
        if self.session.open:
            blob = encode(error)
            self._failures.append((self.count, blob))
            self.session.grow(len(blob))

    def tell(self, **about: Any) -> None:
        """Note what has changed since the statement returned."""
        if self.session.open:
            self.about = {**self.about, **about}

    def encode(self) -> bytes:
        stored = dict(self.about)
        if self._ended:
            stored["ended"] = True
        pending = [*self._pending.values()]
        if self.names is not None:
            stored["rows"] = self._count + len(pending)
            columns = zip(self.names, self._by_column(pending), strict=True)
            stored[_COLUMNS] = self._redacted(columns, stored)
        if self._failures:
            stored["failures"] = [[place, decode(blob)] for place, blob in self._failures]
            return encode(stored)
        is_plain = self._plain and (self._exact or _are_of(_PLAIN, pending))
        return encode_plain(stored) if is_plain else encode(stored)

    def _redacted(
        self, columns: Iterable[tuple[str, list[Any]]], stored: dict[str, Any]
    ) -> list[dict[str, list[Any]]]:
        # Here, as the names are known: in what is encoded they would have to be looked for, and
        # all of it decoded where one is found, as it is in each row of a user or a session.
        redaction = self.session.redaction
        if redaction is None or not self._flat:
            return [{name: column} for name, column in columns]
        if not self._failures and redaction.leaves([*stored, _COLUMNS]):
            self.redacted_by = redaction
        return [
            {name: redaction.concealed(column) if redaction.names(name) else column}
            for name, column in columns
        ]

    def __len__(self) -> int:
        # More is told to the session as it comes.
        return _ROW_BYTES * 4

    def _flush(self) -> None:
        pending = [*self._pending.values()]
        self._pending.clear()
        if pending:
            self._encode(pending)

    def _room(self) -> int:
        """Return how many more rows may be pending, and make room where there are enough."""
        pending = [*self._pending.values()]
        size = _size_of(pending)
        if size > _PENDING_BYTES // 2 or len(pending) > _MOST:
            self._flush()
        return min(_MOST, 1 + _PENDING_BYTES * len(pending) // size) if pending else _FEW

    def _encode(self, rows: Sequence[Row]) -> None:
        # By column: a tuple for each row would be written by the slow form.
        if not (self._exact or _are_of(_PLAIN, rows)):
            self._plain = False
            self._flat = self._flat and _are_of(UNCHANGING, rows)
        write = encode_plain if self._plain else encode
        blobs = [write(column) for column in map(list, zip(*rows, strict=True))]
        self._columns.append(blobs)
        self._count += len(rows)
        self.session.grow(sum(map(len, blobs)) + _ROW_BYTES)

    def _by_column(self, pending: Sequence[Row]) -> list[list[Any]]:
        columns: list[list[Any]] = [[] for _ in self.names or ()]
        parts: list[Any] = [map(decode, blobs) for blobs in self._columns]
        for part in (*parts, zip(*pending, strict=True)):
            for column, values in zip(columns, part, strict=False):
                column += values
        return columns


def _size_of(rows: Sequence[Row]) -> int:
    """Return about what rows take in memory, by some of them: to look at each would cost more."""
    some = rows[::_SAMPLE]
    size = sum(map(getsizeof, chain.from_iterable(some)))
    return _ROW_BYTES * len(rows) + size * len(rows) // max(1, len(some))


def _are_of(types: frozenset[type], rows: Sequence[Row]) -> bool:
    return types.issuperset(map(type, chain.from_iterable(rows)))


class RecordedRows:
    """What was recorded of a statement, and the rows that a replay can still fetch of it."""

    def __init__(self, session: Session, stored: dict[str, Any], missing: Missing) -> None:
        columns = stored.get(_COLUMNS)
        self.session = session
        self.about = stored
        self.names = None if columns is None else [*chain.from_iterable(columns)]
        values = [*chain.from_iterable(map(dict.values, columns or ()))]
        self.rows: list[tuple[Any, ...]] = (
            list(zip(*values, strict=True)) if values else [()] * stored.get("rows", 0)
        )
        self.position = 0
        self._failures: list[list[Any]] = list(stored.get("failures", ()))
        self._ended = bool(stored.get("ended")) or columns is None
        self._missing = missing

    @property
    def done(self) -> bool:
        """Whether it is known that there are no more rows."""
        return self._ended and self.position == len(self.rows)

    def failure(self) -> BaseException | None:
        """Return what the next fetch raises, once; None where it does not."""
        if self._failures and self._failures[0][0] <= self.position:
            error: BaseException = self._failures.pop(0)[1]
            return error
        return None

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

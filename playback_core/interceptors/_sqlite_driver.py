"""What `sqlite3` says of cursors and connections, below what ours say of themselves."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptors import _sqlite_memory
from playback_core.interceptors._dbapi import Driver, Rows
from playback_core.interceptors._dialects import SQLITE
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.interceptors._sqlite_memory import PRIVATE

_AUTOCOMMIT: Final = "autocommit"
_USUAL: Final = ("", "DEFERRED")

_plain: Final[Any] = sqlite3.Cursor
# Bound once: they are what is below the properties of the same names.
description_of: Final = vars(_plain)["description"].__get__
rowcount_of: Final = vars(_plain)["rowcount"].__get__
lastrowid_of: Final = vars(_plain)["lastrowid"].__get__
connection_of: Final = vars(_plain)["connection"].__get__
is_in_transaction: Final = vars(sqlite3.Connection)["in_transaction"].__get__
_check: Final = sqlite3.Connection.getlimit


class Closed:
    """What a cursor that is closed has for rows."""


CLOSED: Final = Closed()


def rows_of(cursor: Any) -> Rows | Closed | None:
    """Return what is kept of the last statement of a cursor; None where none was intercepted."""
    try:
        rows: Rows | Closed = cursor._playback_rows
    except AttributeError:
        return None
    return rows


class _Sqlite(Driver):
    library = "sqlite3"
    dialect = SQLITE

    def rows(self, cursor: Any) -> Rows | None:
        rows = rows_of(cursor)
        return None if isinstance(rows, Closed) else rows

    def set_rows(self, cursor: Any, rows: Rows) -> None:
        cursor._playback_rows = rows

    def result(self, cursor: Any) -> tuple[list[str] | None, dict[str, Any], bool]:
        described, connection = description_of(cursor), connection_of(cursor)
        about = {"rowcount": rowcount_of(cursor), "lastrowid": lastrowid_of(cursor)}
        if is_in_transaction(connection):
            about["in_transaction"] = True
        if described is None:
            return None, about, False
        return [column[0] for column in described], about, self.exact(cursor)

    def answered(self, cursor: Any, rows: RecordedRows) -> None:
        connection: Replayable = connection_of(cursor)
        connection.playback_in_transaction = rows.about.get("in_transaction", False)

    def size(self, cursor: Any, args: Args, kwargs: Kwargs) -> int | None:
        size = super().size(cursor, args, kwargs)
        return size if size is not None and size > 0 else None

    def exact(self, cursor: Any) -> bool:
        """Tell whether a cursor's rows hold only None, numbers, str and bytes."""
        connection: Replayable = connection_of(cursor)
        return connection.playback_exact and connection.text_factory is str

    def fetched(self, cursor: Any, rows: KeptRows) -> None:
        # Of what RETURNING gives, it is known when the last row was.
        before = rows.about.get("rowcount", -1)
        if before >= 0 and before != rowcount_of(cursor):
            rows.tell(rowcount_behind=[rows.count, rowcount_of(cursor)])

    def in_transaction(self, rows: Rows) -> bool:
        return bool(rows.about.get("in_transaction"))

    def address(self, connection: Any) -> str | None:
        address: str | None = getattr(connection, "playback_address", None)
        return _sqlite_memory.address_of(connection) if address == PRIVATE else address

    def mode(self, connection: Any) -> str | None:
        level: str | None = connection.isolation_level
        # Python 3.12 has another attribute, which goes before it where it is a boolean.
        in_autocommit = getattr(connection, "autocommit", None)
        if isinstance(in_autocommit, bool):
            return _AUTOCOMMIT if in_autocommit else None
        return _AUTOCOMMIT if level is None else level if level not in _USUAL else None

    def is_idle(self, cursor: Any) -> bool:
        return description_of(cursor) is None


class Replayable:
    """What is remembered of a connection.

    `playback_in_transaction` is None while a replay has answered no statement; rows of one that is
    `playback_exact` are not made by converters of the application. `playback_address` is where it
    was opened, None where that is no text, and PRIVATE of a database of its own.
    """

    playback_in_transaction: bool | None = None
    playback_exact = False
    playback_replayed = False
    playback_address: str | None = None
    text_factory: Any


DRIVER: Final = _Sqlite()


def check_usable(connection: Any) -> None:
    """Raise sqlite3.ProgrammingError for a connection that is closed, or of another thread."""
    if isinstance(connection, sqlite3.Connection):
        _check(connection, 0)

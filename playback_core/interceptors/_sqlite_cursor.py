"""Cursors of `sqlite3` whose statements are recorded, and answered again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache, partial, wraps
from itertools import repeat, starmap
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptors._dbapi import Driver, Rows, StatementCalls
from playback_core.interceptors._fetches import FetchInterception
from playback_core.interceptors._parameters import looked_at
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.library_interception import LibraryInterception
from playback_core.session import current, running_replays, unsealed

_plain: Final[Any] = sqlite3.Cursor
# Bound once: they are what is below the properties of the same names.
_description: Final = vars(_plain)["description"].__get__
_rowcount: Final = vars(_plain)["rowcount"].__get__
_lastrowid: Final = vars(_plain)["lastrowid"].__get__
_connection: Final = vars(_plain)["connection"].__get__
_in_transaction: Final = vars(sqlite3.Connection)["in_transaction"].__get__
_check: Final = sqlite3.Connection.getlimit


class _Sqlite(Driver):
    library = "sqlite3"

    def rows(self, cursor: Any) -> Rows | None:
        rows: Rows | None = cursor._playback_rows
        return rows

    def set_rows(self, cursor: Any, rows: Rows) -> None:
        cursor._playback_rows = rows

    def names(self, cursor: Any) -> list[str] | None:
        described = _description(cursor)
        return None if described is None else [column[0] for column in described]

    def about(self, cursor: Any) -> dict[str, Any]:
        about = {"rowcount": _rowcount(cursor), "lastrowid": _lastrowid(cursor)}
        if _in_transaction(_connection(cursor)):
            about["in_transaction"] = True
        return about

    def answered(self, cursor: Any, rows: RecordedRows) -> None:
        connection: Replayable = _connection(cursor)
        connection.playback_in_transaction = rows.about.get("in_transaction", False)

    def size(self, cursor: Any, args: Args, kwargs: Kwargs) -> int | None:
        size = super().size(cursor, args, kwargs)
        return size if size is not None and size > 0 else None

    def exact(self, cursor: Any) -> bool:
        connection: Replayable = _connection(cursor)
        return connection.playback_exact and connection.text_factory is str

    def fetched(self, cursor: Any, rows: KeptRows) -> None:
        # Of what RETURNING gives, it is known when the last row was.
        before = rows.about.get("rowcount", -1)
        if before >= 0 and before != _rowcount(cursor):
            rows.tell(rowcount_behind=[rows.count, _rowcount(cursor)])

    def in_transaction(self, cursor: Any) -> bool:
        open_now: bool = _connection(cursor).in_transaction
        return open_now

    def is_idle(self, cursor: Any) -> bool:
        return _description(cursor) is None


class Replayable:
    """What is remembered of a connection.

    `playback_in_transaction` is None while a replay has answered no statement; rows of one that is
    `playback_exact` are not made by converters of the application.
    """

    playback_in_transaction: bool | None = None
    playback_exact = False
    playback_replayed = False
    text_factory: Any


DRIVER: Final = _Sqlite()


def check_usable(connection: Any) -> None:
    """Raise sqlite3.ProgrammingError for a connection that is closed, or of another thread."""
    if isinstance(connection, sqlite3.Connection):
        _check(connection, 0)


def _check_cursor(cursor: Cursor) -> None:
    # Before it is told, as it is no answer of a database: what is recorded is not asked for.
    check_usable(_connection(cursor))
    if cursor._playback_closed:
        raise sqlite3.ProgrammingError("Cannot operate on a closed cursor.")


def _driven(name: str, *, many: bool = False) -> Callable[..., Any]:
    original = getattr(_plain, name)
    calls = StatementCalls(DRIVER, many=many)
    run = drive(original, LibraryInterception(f"sqlite3 {name}", calls))

    @wraps(original)
    def checked(cursor: Cursor, *args: Any) -> Any:
        if current() is not None:
            _check_cursor(cursor)
        elif not running_replays:
            return original(cursor, *args)
        return run(cursor, *args)

    return checked


_executemany: Final = _driven("executemany", many=True)
_fetchone: Final = drive(_plain.fetchone, FetchInterception(DRIVER, "one"))
_fetchmany: Final = drive(_plain.fetchmany, FetchInterception(DRIVER, "many"))
_fetchall: Final = drive(_plain.fetchall, FetchInterception(DRIVER, "all"))
_next: Final = drive(_plain.__next__, FetchInterception(DRIVER, "next"))


class Cursor(sqlite3.Cursor):
    """A cursor whose statements and rows are recorded; without an operation it is as any other.

    Rows are kept as SQLite gives them, and given to the application's factory in a replay, too.
    """

    __module__ = "sqlite3"

    _playback_rows: Rows | None = None
    _playback_closed = False

    execute = _driven("execute")
    executescript = _driven("executescript")

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        if current() is None:
            return _plain.executemany(self, sql, parameters)
        return _executemany(self, sql, looked_at(parameters))

    def fetchone(self) -> Any:
        if current() is None:
            return _plain.fetchone(self)
        row = self._raw(_fetchone)
        return row if row is None else self._made((row,))[0]

    def fetchmany(self, *args: Any, **kwargs: Any) -> list[Any]:
        if current() is None:
            return super().fetchmany(*args, **kwargs)
        rows: list[Any] = self._made(self._raw(_fetchmany, *args, **kwargs))
        return rows

    def fetchall(self) -> list[Any]:
        if current() is None:
            return super().fetchall()
        rows: list[Any] = self._made(self._raw(_fetchall))
        return rows

    def __next__(self) -> Any:
        if current() is None:
            return _plain.__next__(self)
        return self._made((self._raw(_next),))[0]

    def __iter__(self) -> Any:
        branch = current()
        if branch is None:
            # With nothing of ours between the loop and SQLite.
            return starmap(_plain.__next__.__get__(self), repeat(()))
        rows = self._playback_rows
        if not (isinstance(rows, KeptRows) and rows.session is branch.session):
            return self
        if not branch.intercepting or self.row_factory is not None or not DRIVER.exact(self):
            return self
        source = starmap(_plain.__next__.__get__(self), repeat(()))
        return rows.relay(source, partial(DRIVER.fetched, self, rows))

    def close(self) -> None:
        _plain.close(self)
        self._playback_closed = True

    @property
    def description(self) -> Any:
        rows = self._answered()
        if rows is None:
            return _description(self)
        return tuple((name, *[None] * 6) for name in rows.names) if rows.names else None

    @property
    def rowcount(self) -> Any:
        rows = self._answered()
        if rows is None:
            return _rowcount(self)
        behind, later = rows.about.get("rowcount_behind", (0, None))
        if later is not None and rows.position >= behind:
            return later
        return rows.about.get("rowcount", -1)

    @property
    def lastrowid(self) -> Any:
        rows = self._answered()
        return _lastrowid(self) if rows is None else rows.about.get("lastrowid")

    def _answered(self) -> RecordedRows | None:
        rows = self._playback_rows
        return rows if isinstance(rows, RecordedRows) and rows.session.open else None

    def _raw(self, fetch: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        _check_cursor(self)
        factory = self.row_factory
        if factory is None:
            return fetch(self, *args, **kwargs)
        self.row_factory = None
        try:
            return fetch(self, *args, **kwargs)
        finally:
            self.row_factory = factory

    def _made(self, rows: Any) -> Any:
        """Return what the application's factory makes of rows."""
        factory = self.row_factory
        if factory is None:
            return rows
        answered = self._answered()
        if answered is not None:
            self._describe(answered)
        return [factory(self, row) for row in rows]

    def _describe(self, rows: RecordedRows) -> None:
        # A `sqlite3.Row` takes the names of its columns from below the property.
        described = _description(self)
        if rows.names and rows.names != [column[0] for column in described or ()]:
            columns = ", ".join(f"NULL AS {_quoted(name)}" for name in rows.names)
            with unsealed():
                _plain.execute(self, f"SELECT {columns} WHERE 0")


@lru_cache(maxsize=64)
def both(factory: type, ours: type) -> type:
    """Return a class of an application's that is ours, too; its own where it takes no other.

    Ours is below its own, so that what that calls of `sqlite3` comes to ours.
    """
    if issubclass(ours, factory) or issubclass(factory, ours):
        return ours if issubclass(ours, factory) else factory
    try:
        return type(factory.__name__, (factory, ours), {"__module__": factory.__module__})
    except TypeError:
        return factory


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'

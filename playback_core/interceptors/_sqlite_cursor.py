"""Cursors of `sqlite3` whose statements are recorded, and answered again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import repeat, starmap
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interceptors._dbapi import Rows, StatementCalls
from playback_core.interceptors._fetches import FetchInterception
from playback_core.interceptors._parameters import looked_at
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.interceptors._sqlite_driver import (
    CLOSED,
    DRIVER,
    Closed,
    check_usable,
    connection_of,
    description_of,
    lastrowid_of,
    rowcount_of,
    rows_of,
)
from playback_core.library_interception import LibraryInterception
from playback_core.session import (
    Branch,
    current,
    running_replays,
    unsealed,
    when_replaying,
)

_plain: Final[Any] = sqlite3.Cursor
_FOREVER: Final = repeat(())


def _check_cursor(cursor: RecordedCursor) -> None:
    # Before it is told, as it is no answer of a database: what is recorded is not asked for.
    check_usable(connection_of(cursor))
    if rows_of(cursor) is CLOSED:
        raise sqlite3.ProgrammingError("Cannot operate on a closed cursor.")


def _driven(name: str, *, many: bool = False) -> Callable[..., Any]:
    calls = StatementCalls(DRIVER, many=many)
    return drive(getattr(_plain, name), LibraryInterception(f"sqlite3 {name}", calls))


plain_execute: Final = _plain.execute
_plain_fetchone: Final = _plain.fetchone
_plain_fetchall: Final[Callable[[Any], list[Any]]] = _plain.fetchall
_plain_next: Final = _plain.__next__
_execute: Final = _driven("execute")
_executescript: Final = _driven("executescript")
_executemany: Final = _driven("executemany", many=True)
_fetchone: Final = drive(_plain.fetchone, FetchInterception(DRIVER, "one"))
_fetchmany: Final = drive(_plain.fetchmany, FetchInterception(DRIVER, "many"))
_fetchall: Final = drive(_plain.fetchall, FetchInterception(DRIVER, "all"))
_next: Final = drive(_plain.__next__, FetchInterception(DRIVER, "next"))


class RecordedCursor(sqlite3.Cursor):
    """A cursor whose statements and rows are recorded; without an operation it is as any other.

    Rows are kept as SQLite gives them, and given to the application's factory in a replay, too.
    """

    __module__ = "sqlite3"
    # Each cursor that is made would pay for a `__dict__`.
    __slots__ = ()

    _playback_rows: Rows | Closed

    # Without an operation each method has one check and one call: whoever has none pays for those.
    # Nor has one more within another interception, as that of a framework's layer above.
    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        branch = current()
        if branch is None:
            if not running_replays:
                return plain_execute(self, sql, parameters)
        elif not branch.intercepting:
            return plain_execute(self, sql, parameters)
        else:
            _check_cursor(self)
        return _execute(self, sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        if current() is not None:
            _check_cursor(self)
        return _executescript(self, sql_script)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        if current() is not None:
            _check_cursor(self)
            parameters = looked_at(parameters)
        elif not running_replays:
            return _plain.executemany(self, sql, parameters)
        return _executemany(self, sql, parameters)

    def fetchone(self) -> Any:
        branch = current()
        if branch is None or not branch.intercepting:
            return _plain_fetchone(self)
        if self._is_made_below(branch):
            return _fetchone(self)
        row = self._raw(_fetchone)
        return row if row is None else self._made((row,))[0]

    def fetchmany(self, *args: Any, **kwargs: Any) -> list[Any]:
        branch = current()
        if branch is None or not branch.intercepting:
            rows: list[Any] = _plain.fetchmany(self, *args, **kwargs)
            return rows
        if self._is_made_below(branch):
            rows = _fetchmany(self, *args, **kwargs)
            return rows
        return self._made(self._raw(_fetchmany, *args, **kwargs))

    def fetchall(self) -> list[Any]:
        branch = current()
        if branch is None or not branch.intercepting:
            return _plain_fetchall(self)
        if self._is_made_below(branch):
            rows: list[Any] = _fetchall(self)
            return rows
        return self._made(self._raw(_fetchall))

    def __next__(self) -> Any:
        branch = current()
        if branch is None or not branch.intercepting:
            return _plain_next(self)
        if self._is_made_below(branch):
            return _next(self)
        return self._made((self._raw(_next),))[0]

    def __iter__(self) -> Any:
        branch = current()
        if branch is None:
            # With nothing of ours between the loop and SQLite. No row is None without a factory.
            if self.row_factory is None:
                return iter(_plain_fetchone.__get__(self), None)
            return starmap(_plain_next.__get__(self), _FOREVER)
        rows = rows_of(self)
        if not (isinstance(rows, KeptRows) and rows.session is branch.session):
            return self
        if not (branch.intercepting and self._is_made_below(branch) and DRIVER.exact(self)):
            return self
        source = starmap(_plain_next.__get__(self), _FOREVER)
        return rows.relay(source, partial(DRIVER.fetched, self, rows))

    def close(self) -> None:
        _plain.close(self)
        self._playback_rows = CLOSED

    @property
    def description(self) -> Any:
        rows = self._answered()
        if rows is None:
            return description_of(self)
        return tuple((name, *[None] * 6) for name in rows.names) if rows.names else None

    @property
    def rowcount(self) -> Any:
        rows = self._answered()
        if rows is None:
            return rowcount_of(self)
        behind, later = rows.about.get("rowcount_behind", (0, None))
        if later is not None and rows.position >= behind:
            return later
        return rows.about.get("rowcount", -1)

    @property
    def lastrowid(self) -> Any:
        rows = self._answered()
        return lastrowid_of(self) if rows is None else rows.about.get("lastrowid")

    def _answered(self) -> RecordedRows | None:
        rows = rows_of(self)
        return rows if isinstance(rows, RecordedRows) and rows.session.open else None

    def _is_made_below(self, branch: Branch) -> bool:
        """Tell whether SQLite gives rows as the application gets them, and as they are kept."""
        _check_cursor(self)
        factory = self.row_factory
        # A `Row` stays as it is and holds what SQLite gave; a replay gives one its columns' names.
        return factory is None or (factory is sqlite3.Row and not branch.session.replaying)

    def _raw(self, fetch: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        factory, self.row_factory = self.row_factory, None
        try:
            return fetch(self, *args, **kwargs)
        finally:
            self.row_factory = factory

    def _made(self, rows: Any) -> list[Any]:
        """Return what the application's factory makes of rows."""
        answered = self._answered()
        if answered is not None:
            self._describe(answered)
        factory: Any = self.row_factory
        return [factory(self, row) for row in rows]

    def _describe(self, rows: RecordedRows) -> None:
        # A `sqlite3.Row` takes the names of its columns from below the property.
        described = description_of(self)
        if rows.names and rows.names != [column[0] for column in described or ()]:
            columns = ", ".join(f"NULL AS {_quoted(name)}" for name in rows.names)
            with unsealed():
                _plain.execute(self, f"SELECT {columns} WHERE 0")


class _WithRows(sqlite3.Cursor):
    __slots__ = ("_playback_rows",)


class Cursor(RecordedCursor, _WithRows):
    """One of no class of the application's."""

    __module__ = "sqlite3"
    __slots__ = ()


class IdleCursor(_WithRows):
    """One that has run no statement within an operation: its rows are fetched as by any other.

    With its first statement in one, and before a replay fetches of it, it becomes a `Cursor`.
    """

    __module__ = "sqlite3"
    __qualname__ = "Cursor"
    __slots__ = ()

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        if current() is None and not running_replays:
            return plain_execute(self, sql, parameters)
        return _recorded(self).execute(sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        return _recorded(self).executescript(sql_script)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        return _recorded(self).executemany(sql, parameters)

    def close(self) -> None:
        _recorded(self).close()


def _recorded(cursor: Any) -> Any:
    cursor.__class__ = Cursor
    return cursor


def _recorded_before(name: str) -> Callable[..., Any]:
    return lambda cursor, *args, **kwargs: getattr(_recorded(cursor), name)(*args, **kwargs)


@when_replaying
def _fetch_nothing_of_before() -> None:
    # A fetch of a statement from before is a miss there, and nothing to a recording.
    for name in ("fetchone", "fetchmany", "fetchall", "__next__", "__iter__"):
        setattr(IdleCursor, name, _recorded_before(name))


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

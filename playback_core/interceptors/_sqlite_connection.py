"""Connections of `sqlite3` whose transactions are recorded; a replay's are empty, in memory."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptors import _sqlite_memory
from playback_core.interceptors._dbapi import TransactionCalls
from playback_core.interceptors._sqlite_cursor import (
    Cursor,
    IdleCursor,
    RecordedCursor,
    both,
    plain_execute,
)
from playback_core.interceptors._sqlite_driver import (
    DRIVER,
    Replayable,
    check_usable,
    is_in_transaction,
)
from playback_core.interceptors._sqlite_memory import PRIVATE, is_private
from playback_core.interceptors._statements import attempt
from playback_core.library_interception import (
    INPUT,
    OUTPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
)
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.session import Branch, current, current_session, running_replays

_plain: Final[Any] = sqlite3.Connection
_OPENING: Final = (
    *("timeout", "detect_types", "isolation_level", "check_same_thread", "factory"),
    *("cached_statements", "uri"),
)
_DETECT_TYPES: Final = 2
_URI: Final = 7
_NOT_IN_MEMORY: Final = frozenset({"factory", "uri"})


class _Opened(LibraryCalls):
    """A connection being opened: what keeps it from that is recorded, and nothing else."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        name = _name_of(*args[1:2], **kwargs)
        if name is None:
            return None
        fields: dict[str, Any] = {"database": name, "attempt": attempt(name)}
        # Encoded later, which is never unless it fails.
        return Call(INPUT, "sqlite3 connect", {}, (args, kwargs), fields.copy, len(name))

    def answer_missing(self, call: Call) -> Outcome | None:
        args, kwargs = call.about
        options = {**dict(zip(_OPENING, args[2:], strict=False)), **kwargs, "database": ":memory:"}
        own = {name: value for name, value in options.items() if name not in _NOT_IN_MEMORY}
        _plain.__init__(args[0], **own)
        args[0].playback_replayed = True
        return Outcome(None)


def _name_of(database: Any = None, **options: Any) -> str | None:
    if type(database) is str:
        return database
    is_name = isinstance(database, (str, bytes, os.PathLike))
    return os.fsdecode(database) if is_name else None


def _address(*args: Any, **options: Any) -> str | None:
    name = _name_of(*args[:1], **options)
    uri = args[_URI] if len(args) > _URI else options.get("uri", False)
    return PRIVATE if name is not None and is_private(name, uri) else name


class _Opening(LibraryInterception):
    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        # One that was opened needs no entry: a replay opens its own, and a pool may open none.
        return value


class _Plainly(LibraryCalls):
    """A method that is an output or an input as it is, with the values it is given."""

    def __init__(self, name: str, kind: Any, *fields: str, needed: bool = True) -> None:
        self._alias = f"sqlite3 {name}"
        self._kind = kind
        self._fields = fields
        self._needed = needed

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        given = {**dict(zip(self._fields, args[1:], strict=False)), **kwargs}
        return Call(self._kind, self._alias, {name: given.get(name) for name in self._fields})

    def answer_missing(self, call: Call) -> Outcome | None:
        return None if self._needed else Outcome(None)


def _driven(name: str, calls: LibraryCalls) -> Callable[..., Any]:
    return drive(getattr(_plain, name), LibraryInterception(f"sqlite3 {name}", calls))


_open: Final = drive(_plain.__init__, _Opening("sqlite3 connect", _Opened()))
_commit: Final = _driven("commit", TransactionCalls(DRIVER, "COMMIT"))
_rollback: Final = _driven("rollback", TransactionCalls(DRIVER, "ROLLBACK"))
_total_changes: Final = drive(
    vars(_plain)["total_changes"].__get__,
    LibraryInterception("sqlite3 total_changes", _Plainly("total_changes", INPUT)),
)
_plain_init: Final = _plain.__init__
_plain_cursor: Final = _plain.cursor
_plain_commit: Final[Callable[[Any], None]] = _plain.commit
_plain_rollback: Final[Callable[[Any], None]] = _plain.rollback


class RecordedConnection(sqlite3.Connection, Replayable):
    """A connection whose cursors and transactions are recorded; else it is as any other.

    One that was opened before a replay reaches its file no more within it, and stays open.
    """

    __module__ = "sqlite3"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        is_alone = current() is None and not running_replays
        (_plain_init if is_alone else _open)(self, *args, **kwargs)
        detected = args[_DETECT_TYPES] if len(args) > _DETECT_TYPES else kwargs.get("detect_types")
        self.playback_exact = not detected
        self.playback_address = _address(*args, **kwargs)
        if self.playback_address == PRIVATE and not is_alone:
            _sqlite_memory.address_of(self)  # It has its number from now on.

    def cursor(self, factory: Any = IdleCursor) -> Any:
        if factory is IdleCursor:
            return _plain_cursor(self, factory)
        if factory is sqlite3.Cursor:
            factory = IdleCursor
        elif isinstance(factory, type):
            is_cursor = issubclass(factory, sqlite3.Cursor)
            factory = both(factory, RecordedCursor) if is_cursor else factory
        return _plain_cursor(self, factory)

    # They make a plain cursor, whatever an application's class has for `cursor`. The class alone
    # would be quicker, but a connection forgets the cursors that are gone only as it makes others.
    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        if current() is None and not running_replays:
            return plain_execute(_plain_cursor(self, IdleCursor), sql, parameters)
        return _plain_cursor(self, Cursor).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        return _plain_cursor(self, Cursor).executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        return _plain_cursor(self, Cursor).executescript(sql_script)

    def commit(self) -> None:
        if current() is None and not running_replays:
            return _plain_commit(self)
        return self._end(_commit)

    def rollback(self) -> None:
        if current() is None and not running_replays:
            return _plain_rollback(self)
        return self._end(_rollback)

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        if current() is None:
            return _plain.__exit__(self, kind, error, traceback)
        if kind is not None:
            RecordedConnection.rollback(self)
            return False
        try:
            RecordedConnection.commit(self)
        except BaseException:
            RecordedConnection.rollback(self)
            raise
        return False

    def close(self) -> None:
        if current() is None or self.playback_replayed or not self._is_replayed():
            _plain.close(self)
        if self.playback_address == PRIVATE:
            _sqlite_memory.forget(self)

    @property
    def in_transaction(self) -> bool:
        replayed = self.playback_in_transaction if self._is_replayed() else None
        known: bool = is_in_transaction(self) if replayed is None else replayed
        return known

    @property
    def total_changes(self) -> int:
        changes: int = _total_changes(self)
        return changes

    def blobopen(self, *args: Any, **kwargs: Any) -> Any:
        session = current_session()
        if isinstance(session, PlaybackSession):
            hint = "What is read and written by a Blob is not recorded: use a statement."
            raise session.miss("sqlite3 blobopen", "sqlite3 blobopen", hint)
        return _plain.blobopen(self, *args, **kwargs)

    def _is_replayed(self) -> bool:
        return isinstance(current_session(), PlaybackSession)

    def _end(self, transaction: Callable[[RecordedConnection], None]) -> None:
        if current() is not None:
            check_usable(self)
        transaction(self)
        if self._is_replayed():
            self.playback_in_transaction = False


for _name, _calls in (
    ("backup", _Plainly("backup", OUTPUT)),
    ("serialize", _Plainly("serialize", INPUT)),
    ("deserialize", _Plainly("deserialize", OUTPUT, "data")),
    ("load_extension", _Plainly("extension", INPUT, "path", needed=False)),
):
    # SQLite may have been built without it.
    if hasattr(_plain, _name):
        setattr(RecordedConnection, _name, _driven(_name, _calls))


class Connection(RecordedConnection):
    """One of no class of the application's."""

    __module__ = "sqlite3"
    __slots__ = ()

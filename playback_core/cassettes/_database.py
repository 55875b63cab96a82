"""Database: this process's one connection to an SQLite file, safe across threads and forks."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from weakref import WeakSet

from playback_core.cassettes._opening import Connection, Opener
from playback_core.cassettes._sqlite_errors import cassette_errors
from playback_core.errors import CassetteClosedError

_FORK_WAIT_SECONDS: Final = 1.0


class Database:
    """Opens the file when first needed, and again after a fork or when it was replaced.

    One connection behind one lock: SQLite lets one writer in at a time anyway, and a thread that
    ends leaves no connection behind. Every sqlite3 error leaves as a CassetteError with advice.
    """

    def __init__(self, path: Path, *, timeout: float, create: bool) -> None:
        self.path = path
        self._opener = Opener(path=path, timeout=timeout, create=create)
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._closed = False
        self._lock = threading.RLock()
        _databases.add(self)

    def open(self) -> None:
        """Open the file now, so that a wrong path is an error at start-up."""
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold the connection for some reads; keep the block short, other threads wait."""
        with self._lock, cassette_errors(self.path, self.release):
            yield self._open_connection()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the connection within one transaction; commit at the end, or nothing is stored."""
        with self._lock, cassette_errors(self.path, self.release):
            connection = self._open_connection()
            # IMMEDIATE: a transaction that reads before it writes would fail as busy, not wait.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.release()
                raise

    def shrink(self) -> None:
        """Give free pages back to the file system."""
        with self.reading() as connection:
            # One step frees one page, and `execute` takes only one.
            connection.executescript("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Close for good; safe to call twice."""
        with self._lock:
            self._closed = True
            self.release()

    def release(self) -> None:
        """Close the connection, which rolls back; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def __del__(self) -> None:
        self.release()

    def before_fork(self) -> None:
        """Let go of the file: a connection carried into a child breaks SQLite's file locks."""
        if self._lock.acquire(timeout=_FORK_WAIT_SECONDS):
            self.release()
            _locked_for_fork().append(self)

    def after_fork_in_parent(self) -> None:
        """Go on after `before_fork`."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Start afresh; a connection a busy thread of the parent still had is never touched."""
        if self._connection is not None:
            _abandoned.append(self._connection)
            self._connection = None
        self._lock = threading.RLock()

    def _open_connection(self) -> Connection:
        if self._closed:
            raise CassetteClosedError(f"The cassette {self.path} is closed; make a new one.")
        if self._connection is not None and self._file != _identity(self.path):
            self.release()
        if self._connection is None:
            self._connection = self._opener.connect()
            self._file = _identity(self.path)
        return self._connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


_databases: Final[WeakSet[Database]] = WeakSet()
_abandoned: Final[list[Connection]] = []
_forking = threading.local()


def _locked_for_fork() -> list[Database]:
    if not hasattr(_forking, "locked"):
        _forking.locked = []
    locked: list[Database] = _forking.locked
    return locked


def _before_fork() -> None:
    for database in list(_databases):
        database.before_fork()


def _after_fork_in_parent() -> None:
    locked = _locked_for_fork()
    while locked:
        locked.pop().after_fork_in_parent()


def _after_fork_in_child() -> None:
    _locked_for_fork().clear()
    for database in list(_databases):
        database.after_fork_in_child()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)

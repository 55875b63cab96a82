"""Database: this process's one connection to an SQLite file, safe across threads and forks."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakSet

from playback_core.cassettes import _schema
from playback_core.cassettes._sqlite_errors import cassette_errors, primary_code
from playback_core.errors import CassetteClosedError, CassetteError

# Pages of 2 KiB: 4 MiB between checkpoints, and no more than 16 kept in an idle log.
_CHECKPOINT_PAGES: Final = 2048
_MAX_IDLE_LOG_BYTES: Final = 16 * 1024 * 1024

_FORK_WAIT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.01


class Connection(sqlite3.Connection):
    """A connection that remembers its file, the numbers given to names, and the block read last.

    It is dropped whenever a transaction did not end well, and with it what it remembers. No number
    is ever given a second time, so what is remembered stays true.
    """

    path: Path

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.category_ids: dict[str, int] = {}
        self.metadata_names: dict[str, tuple[int, bool]] = {}
        self.last_block: tuple[int, bytes] = (0, b"")


class Database:
    """Opens the file when first needed, and again after a fork or when it was replaced.

    One connection behind one lock: SQLite lets one writer in at a time anyway, and a thread that
    ends leaves no connection behind. Every sqlite3 error leaves as a CassetteError with advice.
    """

    def __init__(self, path: Path, *, timeout: float, create: bool) -> None:
        self.path = path
        self._timeout = timeout
        self._create = create
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
            self._connection = self._connect()
            self._file = _identity(self.path)
        return self._connection

    def _connect(self) -> Connection:
        if self.path.is_dir():
            raise CassetteError(
                f"{self.path} is a directory; name the file of a recording database, such as"
                f" {self.path / 'playback.db'}."
            )
        if self._create:
            _create_private_file(self.path)
        elif not self.path.is_file():
            raise CassetteError(
                f"There is no recording database at {self.path}; check the path, or record first."
            )
        if self._create or os.access(self.path, os.W_OK):
            return self._checked(self._raw_connection("mode=rw"))
        try:
            return self._checked(self._raw_connection("mode=ro"))
        except sqlite3.OperationalError:
            # A read-only folder has no room for the log's index. Without a log it needs none.
            if _identity(self.path.with_name(f"{self.path.name}-wal")) is not None:
                raise
            return self._checked(self._raw_connection("mode=ro&immutable=1"))

    def _raw_connection(self, mode: str) -> Connection:
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(self.path))}?{mode}",
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
        connection.path = self.path
        return connection

    def _checked(self, connection: Connection) -> Connection:
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            if _schema.is_empty(connection):
                self._initialise(connection)
            _schema.check(connection, self.path)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_MAX_IDLE_LOG_BYTES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _initialise(self, connection: Connection) -> None:
        if not self._create:
            raise CassetteError(f"{self.path} is empty; check the path, or record first.")
        _schema.prepare_new_file(connection)
        # SQLite does not wait for a lock when the journal mode changes.
        self._retrying(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("BEGIN IMMEDIATE")
        if _schema.is_empty(connection):
            _schema.create(connection)
        connection.execute("COMMIT")

    def _retrying(self, step: Callable[[], object]) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                step()
                return
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_SECONDS)


def _create_private_file(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never readable for others, not even for a moment; SQLite gives its log the same mode. Closing
    # a descriptor drops the locks this process has on the file, so nobody may have it open yet.
    with _creating, suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


_databases: Final[WeakSet[Database]] = WeakSet()
_abandoned: Final[list[Connection]] = []
_creating = threading.Lock()
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
    global _creating
    _creating = threading.Lock()
    _locked_for_fork().clear()
    for database in list(_databases):
        database.after_fork_in_child()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)

"""Opener: opens an SQLite file in the way it may be used, and makes it where that is asked for."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from playback_core.cassettes import _schema
from playback_core.cassettes._sqlite_errors import primary_code
from playback_core.errors import CassetteError

# Pages of 2 KiB: 4 MiB between checkpoints, and no more than 16 kept in an idle log.
_CHECKPOINT_PAGES: Final = 2048
_MAX_IDLE_LOG_BYTES: Final = 16 * 1024 * 1024

_RETRY_SECONDS: Final = 0.01

# Of eight values they stay below the 999 that SQLite may bind at the least.
_ROWS_AT_ONCE: Final = 64

_UNWRITABLE: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})


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

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, many by one statement.

        With each statement, and each row of an `executemany`, other threads get the interpreter,
        and this one has to wait for it again. The counts are powers of two, so that the statements
        are few and stay prepared.
        """
        start = 0
        while start < len(rows):
            count = min(1 << ((len(rows) - start).bit_length() - 1), _ROWS_AT_ONCE)
            some = rows[start : start + count]
            one = f"({', '.join('?' * len(some[0]))})"
            values = ", ".join([one] * count)
            self.execute(f"INSERT INTO {table} VALUES {values}", [*chain.from_iterable(some)])
            start += count


@dataclass(frozen=True, kw_only=True, slots=True)
class Opener:
    """Opens `path`; `create` makes what is missing, without it a file may be read-only.

    `timeout` is how many seconds to wait for another process's lock.
    """

    path: Path
    timeout: float
    create: bool

    def connect(self) -> Connection:
        """Return a connection to a file with our tables; raise CassetteError where it has others.

        sqlite3 and OS errors pass.
        """
        if self.path.is_dir():
            raise CassetteError(
                f"{self.path} is a directory; name the file of a recording database, such as"
                f" {self.path / 'playback.db'}."
            )
        if self.create:
            _create_private_file(self.path)
        elif not self.path.is_file():
            raise CassetteError(
                f"There is no recording database at {self.path}; check the path, or record first."
            )
        *others, last = self._modes()
        for mode in others:
            try:
                return self._checked(self._raw_connection(mode))
            except sqlite3.OperationalError as error:
                if primary_code(error) not in _UNWRITABLE:
                    raise
        return self._checked(self._raw_connection(last))

    def _modes(self) -> Iterator[str]:
        if self.create or os.access(self.path, os.W_OK):
            yield "mode=rw"
        if self.create:
            return
        log = _size(self.path.with_name(f"{self.path.name}-wal"))
        # Without a log nobody has the file open. One made to read it would be left behind as the
        # reader's, where those who record cannot write to it.
        if log is not None:
            yield "mode=ro"
        # A read-only folder has no room for the log's index; a file without a log needs none.
        if not log:
            yield "mode=ro&immutable=1"

    def _raw_connection(self, mode: str) -> Connection:
        # Not by `connect`, which an application may have intercepted.
        connection = Connection(
            f"file:{quote(os.fsencode(self.path))}?{mode}",
            uri=True,
            timeout=self.timeout,
            isolation_level=None,
            check_same_thread=False,
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
        if not self.create:
            raise CassetteError(f"{self.path} is empty; check the path, or record first.")
        _schema.prepare_new_file(connection)
        # SQLite does not wait for a lock when the journal mode changes.
        self._retrying(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("BEGIN IMMEDIATE")
        if _schema.is_empty(connection):
            _schema.create(connection)
        connection.execute("COMMIT")

    def _retrying(self, step: Callable[[], object]) -> None:
        deadline = time.monotonic() + self.timeout
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


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


_creating = threading.Lock()


def _after_fork_in_child() -> None:
    global _creating
    _creating = threading.Lock()


os.register_at_fork(after_in_child=_after_fork_in_child)

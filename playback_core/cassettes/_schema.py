"""The tables of a recording database, and the check that a file is one; see docs/format.md."""

import sqlite3
from pathlib import Path
from typing import Final

from playback_core.errors import CassetteError

APPLICATION_ID: Final = 0x504C4159  # "PLAY"
SCHEMA_VERSION: Final = 1

# Measured in docs/format.md.
_PAGE_SIZE: Final = 2048

_STATEMENTS: Final = (
    "CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # AUTOINCREMENT: the number of a deleted recording never comes back.
    "CREATE TABLE recordings (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " category INTEGER NOT NULL, started_at INTEGER NOT NULL, block INTEGER NOT NULL,"
    " start INTEGER NOT NULL, length INTEGER NOT NULL, metadata BLOB NOT NULL)",
    "CREATE INDEX recordings_by_category ON recordings (category, started_at)",
    "CREATE INDEX recordings_by_time ON recordings (started_at)",
    "CREATE TABLE payloads (block INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE metadata_names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " searchable INTEGER NOT NULL)",
    "CREATE TABLE metadata_values (name INTEGER NOT NULL, value NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY (name, value, seq)) WITHOUT ROWID",
)

# The last one SQLite makes, for AUTOINCREMENT.
_EXPECTED: Final = {*_STATEMENTS, "CREATE TABLE sqlite_sequence(name,seq)"}


def is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether the file is new: nobody's, and without a table."""
    return _identity(connection) == (0, 0) and not _objects(connection)


def prepare_new_file(connection: sqlite3.Connection) -> None:
    """Set what can only be set before the first table is made; no effect after that."""
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def create(connection: sqlite3.Connection) -> None:
    """Make the tables, within the caller's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise CassetteError unless the file holds exactly the tables of this version.

    Exactly: a view or trigger of somebody else's would run as part of our statements.
    """
    application_id, version = _identity(connection)
    if application_id != APPLICATION_ID:
        raise CassetteError(
            f"{path} is an SQLite database of another application; name another file."
        )
    if version > SCHEMA_VERSION:
        raise CassetteError(
            f"{path} has schema version {version}, this package reads up to {SCHEMA_VERSION};"
            " upgrade playback-bundle."
        )
    if version != SCHEMA_VERSION or _objects(connection) != _EXPECTED:
        raise CassetteError(
            f"{path} says it holds recordings, but its tables are not those of schema version"
            f" {SCHEMA_VERSION}; it was altered or damaged, record to a new file."
        )


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application_id, version


def _objects(connection: sqlite3.Connection) -> set[str]:
    # The indexes SQLite makes by itself have no text.
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {sql for (sql,) in rows}

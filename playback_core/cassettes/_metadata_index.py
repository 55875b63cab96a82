"""The searchable part of recorded metadata: its rows, and a filter as SQL that misses no match.

The SQL only narrows down; `match_against_recorded_metadata` decides. A name is searchable while
every value recorded under it was None, a bool, a 64-bit int or a str; the first other value makes
it unsearchable for good. Filters on it, and on names of the recorder's own, are then decided
recording by recording.
"""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, Final

from playback_core.cassettes._opening import Connection
from playback_core.metadata import (
    DURATION,
    EXCEPTION_IN_OPERATION,
    INCOMPLETE_RECORDING,
    KIND,
    OPERATION_CLASS,
    OPERATION_FUNCTION,
    RECORDED_AT,
    REVISION,
    SERVICE,
    VERSIONS,
)

# A longer text is found by its beginning.
_MAX_TEXT: Final = 32
_MAX_INT: Final = 2**63 - 1

# The recorder's own: a row for each recording would find nearly all of them, or one that
# `started_at` finds too.
_UNSEARCHABLE: Final = frozenset(
    {
        *(KIND, SERVICE, REVISION, VERSIONS, OPERATION_CLASS, OPERATION_FUNCTION),
        *(RECORDED_AT, DURATION, INCOMPLETE_RECORDING, EXCEPTION_IN_OPERATION),
    }
)

_NEVER_RECORDED: Final = 0
_NO_NAME: Final = (_NEVER_RECORDED, False)

_WILDCARDS: Final = "*?["
_COMPARISONS: Final = {"=": "=", "<": "<=", "<=": "<=", ">": ">=", ">=": ">="}

Stored = int | str
Condition = tuple[str, list[Any]]

_ANY_VALUE: Final[Condition] = ("1", [])


def add_rows(connection: Connection, recordings: Iterable[tuple[int, Mapping[Any, Any]]]) -> None:
    """Add the rows of the metadata of some recordings, each with its number."""
    known = connection.metadata_names
    rows: list[tuple[int, Stored, int]] = []
    for seq, metadata in recordings:
        for name, value in metadata.items():
            if value is None:
                continue
            number, searchable = known.get(name) or _numbered(connection, name)
            if not searchable:
                continue
            stored = _stored(value)
            if stored is None:
                _make_unsearchable(connection, name, number)
            else:
                rows.append((number, stored, seq))
    connection.insert("metadata_values", rows)


def remove_rows(connection: Connection, seq: int, metadata: Mapping[Any, Any]) -> None:
    """Remove the rows `add_rows` made of this metadata."""
    rows = [
        (seq, stored, name)
        for name, value in metadata.items()
        if name not in _UNSEARCHABLE
        and _is_storable_text(name)
        and (stored := _stored(value)) is not None
    ]
    connection.executemany(
        "DELETE FROM metadata_values WHERE seq = ? AND value = ? AND name ="
        " (SELECT id FROM metadata_names WHERE name = ?)",
        rows,
    )


def narrowing(connection: Connection, wanted: Mapping[Any, Any]) -> Condition:
    """Return SQL over `seq`, and its values, that holds wherever the filter may match."""
    parts: list[str] = []
    values: list[Any] = []
    for name, value in wanted.items():
        number = _searchable_number(connection, name)
        if number is None:
            continue
        operator, condition = ("NOT IN", _ANY_VALUE) if value is None else ("IN", _condition(value))
        if condition is not None:
            sql, bound = condition
            parts.append(
                f"seq {operator} (SELECT seq FROM metadata_values WHERE name = ? AND ({sql}))"
            )
            values += [number, *bound]
    return " AND ".join(parts) or "1", values


def _condition(wanted: Any) -> Condition | None:
    if isinstance(wanted, (list, tuple)):
        return _any_of([_condition(one) for one in wanted])
    if wanted is None:
        return None
    if isinstance(wanted, Mapping) and wanted.keys() == {"operator", "value"}:
        stored = _stored(wanted["value"])
        if wanted["value"] is None or stored is None:
            return None
        return f"value {_COMPARISONS[wanted['operator']]} ?", [stored]
    if isinstance(wanted, str):
        return _glob(wanted)
    stored = _stored(wanted)
    return ("value = ?", [stored]) if stored is not None else _ANY_VALUE


def _any_of(conditions: list[Condition | None]) -> Condition | None:
    known = [condition for condition in conditions if condition is not None]
    if len(known) < len(conditions):
        return None
    sql = " OR ".join(f"({sql})" for sql, _ in known) or "0"
    return sql, [value for _, bound in known for value in bound]


def _glob(pattern: str) -> Condition:
    """Narrow to equal text, or to text between a pattern's literal beginning and its successor.

    SQLite orders text by its UTF-8 bytes, which is the order of code points.
    """
    prefix = "".join(takewhile(lambda letter: letter not in _WILDCARDS, pattern))[:_MAX_TEXT]
    if not prefix or not _is_storable_text(prefix):
        return _ANY_VALUE
    if prefix == pattern[:_MAX_TEXT]:
        return "value = ?", [prefix]
    successor = prefix[:-1] + chr(min(ord(prefix[-1]) + 1, 0x10FFFF))
    if successor == prefix or not _is_storable_text(successor):
        return "value >= ?", [prefix]
    return "value >= ? AND value < ?", [prefix, successor]


def _stored(value: Any) -> Stored | None:
    # Exact types: a subclass may have an equality of its own.
    kind = type(value)
    if kind is str:
        return value[:_MAX_TEXT] if value.isascii() or _is_storable_text(value) else None
    if kind is bool or (kind is int and abs(value) <= _MAX_INT):
        return int(value)
    return None


def _is_storable_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _numbered(connection: Connection, name: Any) -> tuple[int, bool]:
    """Give a name its number, unless it has one; return it and whether the name is searchable."""
    if not _is_storable_text(name):
        return _NO_NAME
    connection.execute(
        "INSERT OR IGNORE INTO metadata_names (name, searchable) VALUES (?, ?)",
        (name, name not in _UNSEARCHABLE),
    )
    number, searchable = connection.execute(
        "SELECT id, searchable FROM metadata_names WHERE name = ?", (name,)
    ).fetchone()
    known = connection.metadata_names[name] = (number, bool(searchable))
    return known


def _make_unsearchable(connection: Connection, name: str, number: int) -> None:
    connection.execute("UPDATE metadata_names SET searchable = 0 WHERE id = ?", (number,))
    connection.metadata_names[name] = (number, False)


def _searchable_number(connection: Connection, name: Any) -> int | None:
    if not _is_storable_text(name):
        return None
    row = connection.execute(
        "SELECT id, searchable FROM metadata_names WHERE name = ?", (name,)
    ).fetchone()
    number, searchable = row or (_NEVER_RECORDED, True)
    return number if searchable else None

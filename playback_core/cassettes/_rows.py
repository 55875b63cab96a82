"""The rows of recordings: how they are written, removed, and make room for new ones."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from playback_core.cassettes import _metadata_index
from playback_core.cassettes._blocks import Block
from playback_core.cassettes._opening import Connection
from playback_core.cassettes._reading import decoded_metadata
from playback_core.codec import storable_text
from playback_core.errors import CassetteError, DamagedRecordingError, NoSuchRecording
from playback_core.recording_id import category_of

_REMOVED_AT_ONCE: Final = 256

# The recordings of a block have the numbers from its own on, so the first that is left from there
# on is one of it, or none is.
_REMOVE_EMPTY_BLOCK: Final = (
    "DELETE FROM payloads WHERE block = ? AND block IS NOT"
    " (SELECT block FROM recordings WHERE seq >= ? ORDER BY seq LIMIT 1)"
)


def insert(connection: Connection, blocks: Iterable[Block], max_bytes: int) -> None:
    """Store blocks within the caller's transaction; the oldest recordings make room for them."""
    room = max_bytes - _used_bytes(connection)
    fitting: list[Block] = []
    for block in blocks:
        if room < block.size:
            _insert_blocks(connection, fitting)
            fitting = []
            room = _make_room(connection, block.size, max_bytes)
        room -= block.size
        fitting.append(block)
    _insert_blocks(connection, fitting)


def file_bytes(connection: Connection) -> int:
    """Return how large the file is, free pages included."""
    return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def remove_expired(connection: Connection, before: int | None, max_bytes: int | None) -> int:
    """Remove some of what started before a time, else of the oldest beyond a size.

    Return how many; 0 says that none is left.
    """
    old = [] if before is None else _oldest(connection, _REMOVED_AT_ONCE, before)
    if not old and max_bytes is not None:
        old = _oldest(connection, _excess(connection, max_bytes))
    remove(connection, old)
    return len(old)


def column_of(recording_id: str) -> str | bytes:
    """Return what the column of ids has for one; raise NoSuchRecording for what is no text."""
    if not isinstance(recording_id, str):
        raise NoSuchRecording(recording_id)
    return storable_text(recording_id)


def remove_id(connection: Connection, recording_id: str) -> bool:
    """Remove a recording; tell whether there was one."""
    row = connection.execute(
        "SELECT seq FROM recordings WHERE id = ?", (column_of(recording_id),)
    ).fetchone()
    if row is not None:
        remove(connection, [row[0]])
    return row is not None


def remove(connection: Connection, seqs: list[int]) -> None:
    """Remove recordings by number, and the blocks of which none is left."""
    blocks = set()
    for seq in seqs:
        row = connection.execute(
            "SELECT id, block, metadata FROM recordings WHERE seq = ?", (seq,)
        ).fetchone()
        if row is None:
            raise CassetteError(
                f"Recording database {connection.path}: an index names a recording that is not"
                " there; the file is damaged, keep a copy and record to a new file."
            )
        recording_id, block, metadata = row
        try:
            values = decoded_metadata(str(recording_id), metadata)
        except DamagedRecordingError:
            connection.execute("DELETE FROM metadata_values WHERE seq = ?", (seq,))
        else:
            _metadata_index.remove_rows(connection, seq, values)
        connection.execute("DELETE FROM recordings WHERE seq = ?", (seq,))
        blocks.add(block)
    connection.executemany(_REMOVE_EMPTY_BLOCK, [(block, block) for block in blocks])


def _oldest(connection: Connection, count: int, before: int | None = None) -> list[int]:
    condition, values = ("started_at < ?", [before]) if before is not None else ("1", [])
    rows = connection.execute(
        f"SELECT seq FROM recordings WHERE {condition} ORDER BY started_at, seq LIMIT ?",
        [*values, count],
    )
    return [seq for (seq,) in rows.fetchall()]


def _excess(connection: Connection, max_bytes: int) -> int:
    used = _used_bytes(connection)
    if used <= max_bytes:
        return 0
    # Half of what would do were all of one size: no more is removed than has to be.
    (count,) = connection.execute("SELECT COUNT(*) FROM recordings").fetchone()
    half = int(count) * (used - max_bytes) // used // 2
    return min(max(half, 1), _REMOVED_AT_ONCE)


def _next_seq(connection: Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'recordings'").fetchone()
    return 1 if row is None else int(row[0]) + 1


def _insert_blocks(connection: Connection, blocks: list[Block]) -> None:
    first = seq = _next_seq(connection)
    recordings, payloads = [], []
    for block in blocks:
        payloads.append((seq, block.frame))
        number, start = seq, 0
        for _, packed, _ in block.rows:
            category = _category_number(connection, packed.id)
            length = len(packed.payload)
            place = (number, start, length)
            stored_id = storable_text(packed.id)
            recordings.append(
                (seq, stored_id, category, packed.started_at, *place, packed.metadata)
            )
            start += length
            seq += 1
    rows = [row for block in blocks for row in block.rows]
    try:
        connection.insert("recordings", recordings)
    except sqlite3.IntegrityError:
        # Some were saved before: these replace them.
        connection.execute("DELETE FROM recordings WHERE seq >= ?", (first,))
        for row in rows:
            remove_id(connection, row.packed.id)
        connection.insert("recordings", recordings)
    connection.insert("payloads", payloads)
    _metadata_index.add_rows(connection, enumerate([row.metadata for row in rows], first))


def _category_number(connection: Connection, recording_id: str) -> int:
    # Encoded, as it stands in the id.
    encoded = recording_id.rsplit("/", 2)[0]
    number = connection.category_ids.get(encoded)
    if number is None:
        category = (storable_text(category_of(recording_id)),)
        connection.execute("INSERT OR IGNORE INTO categories (name) VALUES (?)", category)
        (number,) = connection.execute(
            "SELECT id FROM categories WHERE name = ?", category
        ).fetchone()
        connection.category_ids[encoded] = number
    return number


def _make_room(connection: Connection, size: int, max_bytes: int) -> int:
    count = 1
    while (room := max_bytes - _used_bytes(connection)) < size:
        old = _oldest(connection, count)
        if not old:
            break
        remove(connection, old)
        count = min(count * 2, _REMOVED_AT_ONCE)
    return room


def _used_bytes(connection: Connection) -> int:
    # Free pages are used again.
    used = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return used * _pragma(connection, "page_size")


def _pragma(connection: Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)

"""SQLiteTapeCassette: recordings in one SQLite file, shared by threads and processes."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from playback_core.cassettes import _metadata_index
from playback_core.cassettes._blocks import Block, Row, grouped
from playback_core.cassettes._database import Database
from playback_core.cassettes._options import (
    DEFAULT_MAX_BYTES,
    DEFAULT_TIMEOUT,
    checked_max_bytes,
    checked_path,
    checked_timeout,
    too_large,
)
from playback_core.cassettes._reading import (
    Place,
    damaged,
    decoded_metadata,
    naming_damage,
    passes,
    read_name,
    read_payload,
)
from playback_core.cassettes._rows import column_of, file_bytes, insert, remove_expired, remove_id
from playback_core.codec import storable_text
from playback_core.errors import NoSuchRecording
from playback_core.packing import PackedRecording
from playback_core.recording import Recording
from playback_core.recording_filter import RecordingFilter
from playback_core.recording_id import category_of
from playback_core.tape_cassette import TapeCassette

_FIRST_LOOK: Final = 16
_LONGEST_LOOK: Final = 512


class SQLiteTapeCassette(TapeCassette):
    """Stores recordings in an SQLite file of mode 0600.

    `max_bytes` bounds the file: the oldest recordings make room for new ones. `timeout` is how
    many seconds to wait for another process's write. `create=False` opens an existing file only,
    as commands that read do. Raise CassetteError where the file cannot be opened or is not ours.
    """

    is_local = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float = DEFAULT_TIMEOUT,
        create: bool = True,
    ) -> None:
        self._max_bytes = checked_max_bytes(max_bytes)
        timeout = checked_timeout(timeout)
        self.path = checked_path("path", path)
        self._origin = f"Recording database {self.path}: "
        self._timeout = timeout
        self._database = Database(self.path, timeout=timeout, create=create)
        self._database.open()

    def __reduce__(self) -> tuple[Any, ...]:
        # For another process, which opens the file anew; it is there by now.
        reopened = partial(
            type(self), max_bytes=self._max_bytes, timeout=self._timeout, create=False
        )
        return reopened, (self.path,)

    def get_recording(self, recording_id: str) -> Recording:
        with naming_damage(self._origin):
            recording = self._recording(recording_id)
        recording.origin = self._origin
        return recording

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT metadata FROM recordings WHERE id = ?", (column_of(recording_id),)
            ).fetchone()
        if row is None:
            raise NoSuchRecording(recording_id)
        with naming_damage(self._origin):
            return decoded_metadata(recording_id, row[0])

    def iter_categories(self) -> Iterator[str]:
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT name FROM categories WHERE EXISTS"
                " (SELECT 1 FROM recordings WHERE category = categories.id)"
            ).fetchall()
            return iter(sorted(read_name(connection, name) for (name,) in rows))

    def delete_recording(self, recording_id: str) -> None:
        with self._database.writing() as connection:
            if not remove_id(connection, recording_id):
                raise NoSuchRecording(recording_id)

    def close(self) -> None:
        self._database.close()

    def _recording(self, recording_id: str) -> Recording:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT started_at, metadata, block, start, length FROM recordings WHERE id = ?",
                (column_of(recording_id),),
            ).fetchone()
            if row is None:
                raise NoSuchRecording(recording_id)
            started_at, metadata, *place = row
            payload = read_payload(connection, recording_id, Place(*place))
        if not isinstance(metadata, bytes):
            raise damaged(recording_id, "its metadata is of another type")
        return Recording.unpack(
            PackedRecording(recording_id, started_at, metadata, payload, framed=False)
        )

    def _save_recording(self, recording: Recording) -> None:
        for _, error in self._save_recordings([recording]):
            raise error

    def _save_recordings(
        self, recordings: Sequence[Recording]
    ) -> list[tuple[Recording, Exception]]:
        failures: list[tuple[Recording, Exception]] = []
        rows: dict[str, Row] = {}
        for recording in recordings:
            try:
                # An id that comes twice replaces itself.
                rows[recording.id] = _row_of(recording)
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recording
                failures.append((recording, error))
        blocks: list[Block] = []
        for group in grouped(rows.values(), self._max_bytes):
            try:
                blocks.append(self._block_of(group))
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recordings
                failures += [(row.recording, error) for row in group]
        if blocks:
            try:
                self._insert(blocks)
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recordings
                failures += [(row.recording, error) for block in blocks for row in block.rows]
        return failures

    def _block_of(self, rows: list[Row]) -> Block:
        block = Block.of(rows)
        # Of several recordings it is much smaller: see `grouped`.
        if block.size > self._max_bytes:
            raise too_large(rows[0].packed.id, block.size, self._max_bytes)
        return block

    def _prune(self, before: int | None, max_bytes: int | None) -> int:
        removed = 0
        while True:
            # Others get a turn to write after each few hundred.
            with self._database.writing() as connection:
                count = remove_expired(connection, before, max_bytes)
            if not count:
                break
            removed += count
        self._database.shrink()
        return removed

    def _insert(self, blocks: list[Block]) -> None:
        with self._database.writing() as connection:
            insert(connection, blocks, self._max_bytes)
            too_large = file_bytes(connection) > self._max_bytes
        if too_large:
            self._database.shrink()

    def _matching(self, wanted: RecordingFilter) -> Iterator[str]:
        candidates = wanted.arranged(self._candidates(wanted))
        position, length = 0, _FIRST_LOOK
        while position < len(candidates):
            for recording_id, metadata in self._look_at(candidates[position : position + length]):
                if passes(wanted, recording_id, metadata):
                    yield recording_id
            position += length
            length = min(length * 2, _LONGEST_LOOK)

    def _candidates(self, wanted: RecordingFilter) -> list[int]:
        with self._database.reading() as connection:
            narrowing, values = _metadata_index.narrowing(connection, wanted.metadata)
            # Without a filter every candidate is found; with one, more may have to be looked at.
            every = wanted.metadata or wanted.random_results or wanted.limit is None
            # A plus keeps SQLite from walking the category when it knows the few that may match.
            walk = "+" if values else ""
            rows = connection.execute(
                f"SELECT seq FROM recordings WHERE {walk}category ="
                " (SELECT id FROM categories WHERE name = ?)"
                f" AND {walk}started_at BETWEEN ? AND ? AND {narrowing}"
                " ORDER BY started_at, seq LIMIT ?",
                (
                    storable_text(wanted.category),
                    wanted.earliest,
                    wanted.latest,
                    *values,
                    -1 if every else wanted.limit,
                ),
            ).fetchall()
        return [seq for (seq,) in rows]

    def _look_at(self, seqs: list[int]) -> Iterable[tuple[str, Any]]:
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT seq, id, metadata FROM recordings"
                f" WHERE seq IN ({', '.join('?' * len(seqs))})",
                seqs,
            ).fetchall()
            found = {
                seq: (read_name(connection, stored_id), metadata)
                for seq, stored_id, metadata in rows
            }
        # One that is gone was deleted since the lookup began.
        return [found[seq] for seq in seqs if seq in found]


def _row_of(recording: Recording) -> Row:
    # Here, where an id that is none fails alone.
    category_of(recording.id)
    packed = recording.pack(compressed=False)
    # Packing it has taken its secrets out.
    return Row(recording, packed, recording.get_metadata())

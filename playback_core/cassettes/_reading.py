"""What is stored of a recording, read back; where it is damaged, an error that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from playback_core.cassettes._opening import Connection
from playback_core.codec import DEFAULT_LIMITS, decode, decompress, describe, stored_text
from playback_core.errors import CassetteError, CodecError, DamagedRecordingError
from playback_core.packing import unreadable
from playback_core.recording_filter import RecordingFilter

# Neighbours are read one after the other; a larger block is not worth its memory.
_MAX_KEPT_BYTES: Final = 1024 * 1024

_LONGEST_SHOWN: Final = 100


class Place(NamedTuple):
    """Where a recording's payload is: the number of its block, and its bytes in the content."""

    block: int
    start: int
    length: int


def read_payload(connection: Connection, recording_id: str, place: Place) -> bytes:
    """Return a recording's payload; raise DamagedRecordingError where the block is damaged."""
    content = _content(connection, recording_id, place.block)
    if not _is_within(place, len(content)):
        raise damaged(recording_id, "its place in its block is wrong")
    return content[place.start : place.start + place.length]


@contextmanager
def naming_damage(origin: str) -> Iterator[None]:
    """Have the error of a damaged recording in the block begin with where that is stored."""
    try:
        yield
    except DamagedRecordingError as error:
        raise DamagedRecordingError(f"{origin}{error}") from error


def decoded_metadata(recording_id: str, blob: Any) -> dict[str, Any]:
    """Decode stored metadata; raise DamagedRecordingError where it is none."""
    try:
        metadata = decode(blob) if isinstance(blob, bytes) else None
    except CodecError as error:
        raise unreadable(recording_id, error) from error
    if not isinstance(metadata, dict):
        raise damaged(recording_id, "its metadata is no mapping")
    return metadata


def passes(wanted: RecordingFilter, recording_id: str, blob: Any) -> bool:
    """Tell whether stored metadata passes a filter; what is damaged passes any.

    It is found whatever was asked for: reading it then says that it is damaged.
    """
    if not wanted.metadata:
        return True
    try:
        return wanted.accepts(decoded_metadata(recording_id, blob))
    except DamagedRecordingError:
        return True


def read_name(connection: Connection, stored: Any) -> str:
    """Return the id or category in a column; raise CassetteError where it is neither."""
    try:
        return stored_text(stored)
    except (TypeError, ValueError) as error:
        raise CassetteError(
            f"Recording database {connection.path}: {describe(stored, _LONGEST_SHOWN)} stands where"
            " an id or a category should; it is damaged, keep a copy and record to a new file."
        ) from error


def damaged(recording_id: str, reason: str) -> DamagedRecordingError:
    """Make the error of a recording whose stored bytes are wrong."""
    return DamagedRecordingError(f"Recording {recording_id} is damaged ({reason}); delete it.")


def _content(connection: Connection, recording_id: str, block: int) -> bytes:
    number, content = connection.last_block
    if number == block:
        return content
    row = connection.execute("SELECT payload FROM payloads WHERE block = ?", (block,)).fetchone()
    if row is None or not isinstance(row[0], bytes):
        raise damaged(recording_id, "its payload is missing or of another type")
    try:
        content = decompress(row[0], DEFAULT_LIMITS.max_bytes)
    except CodecError as error:
        raise unreadable(recording_id, error) from error
    if len(content) <= _MAX_KEPT_BYTES:
        connection.last_block = (block, content)
    return content


def _is_within(place: Place, length: int) -> bool:
    if not (isinstance(place.start, int) and isinstance(place.length, int)):
        return False
    end = place.start + place.length
    return place.start >= 0 and place.length >= 0 and end <= length

"""The file of one recording: how it is laid out and read; docs/format.md describes it."""

import os
import stat
import struct
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

import ormsgpack

from playback_core.codec import DEFAULT_LIMITS, storable_text, stored_text
from playback_core.errors import DamagedRecordingError
from playback_core.packing import PackedRecording

MAGIC: Final = b"PBR"
VERSION: Final = 1

_HEAD: Final = struct.Struct(">3sBIII")
_FIRST_READ: Final = 16 * 1024
_MAX_FILE_BYTES: Final = 2 * DEFAULT_LIMITS.max_bytes

# A named pipe of this name must not keep the reader waiting, nor a link lead it elsewhere.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class Header(NamedTuple):
    """What a file says of its recording before the payload begins."""

    id: str
    started_at: int
    metadata: bytes
    length: int


def file_content(packed: PackedRecording) -> bytes:
    """Return the content of a recording's file."""
    header = ormsgpack.packb([storable_text(packed.id), packed.started_at, packed.metadata])
    head = _HEAD.pack(MAGIC, VERSION, len(header), crc32(header), crc32(packed.payload))
    return b"".join((head, header, packed.payload))


def read_recording_file(path: Path) -> PackedRecording:
    """Read a whole file; raise FileNotFoundError, other OS errors, or DamagedRecordingError."""
    content = read_regular(path, _MAX_FILE_BYTES)
    header, checksum = _header(path, content)
    payload = content[header.length :]
    if crc32(payload) != checksum:
        raise damaged_file(path, "its payload is cut short or altered")
    return PackedRecording(header.id, header.started_at, header.metadata, payload)


def read_header(path: Path) -> Header:
    """Read what comes before the payload; raise as `read_recording_file` does."""
    content = read_regular(path, _FIRST_READ)
    if len(content) == _FIRST_READ and _length(path, content) > _FIRST_READ:
        content = read_regular(path, min(_length(path, content), _MAX_FILE_BYTES))
    return _header(path, content)[0]


def damaged_file(path: Path, reason: str) -> DamagedRecordingError:
    """Make the error of a file that is not what was written."""
    return DamagedRecordingError(f"The recording in {path} is damaged: {reason}. Delete it.")


def read_regular(path: Path, limit: int) -> bytes:
    """Return the first bytes of a file; raise DamagedRecordingError for a pipe, say, or OSError."""
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise damaged_file(path, "it is no file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(min(limit, status.st_size))
    finally:
        os.close(descriptor)


def _length(path: Path, content: bytes) -> int:
    return _HEAD.size + _checked_head(path, content)[0]


def _header(path: Path, content: bytes) -> tuple[Header, int]:
    length, checksum, payload_checksum = _checked_head(path, content)
    end = _HEAD.size + length
    header = content[_HEAD.size : end]
    if len(header) < length or crc32(header) != checksum:
        raise damaged_file(path, "its header is cut short or altered")
    try:
        stored_id, started_at, metadata = ormsgpack.unpackb(header)
        found = Header(stored_text(stored_id), *_of_types(started_at, metadata), end)
    except (TypeError, ValueError) as error:
        raise damaged_file(path, f"its header does not name a recording ({error})") from error
    return found, payload_checksum


def _of_types(started_at: Any, metadata: Any) -> tuple[int, bytes]:
    if type(started_at) is not int or not isinstance(metadata, bytes):
        raise TypeError("its start or its metadata is of another type")
    return started_at, metadata


def _checked_head(path: Path, content: bytes) -> tuple[int, int, int]:
    if len(content) < _HEAD.size:
        raise damaged_file(path, "it is cut short")
    magic, version, *rest = _HEAD.unpack_from(content)
    if magic != MAGIC:
        raise damaged_file(path, "it is no recording")
    if version != VERSION:
        raise DamagedRecordingError(
            f"The recording in {path} has format version {version}, this package reads {VERSION};"
            " upgrade playback-bundle."
        )
    length, header_checksum, payload_checksum = rest
    return length, header_checksum, payload_checksum

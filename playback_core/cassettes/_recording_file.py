"""The file of one recording: how it is laid out and read; docs/format.md describes it."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from zlib import crc32

import ormsgpack

from playback_core.cassettes._own_files import NotAFileError, open_file
from playback_core.codec import DEFAULT_LIMITS, Limits, decode, storable_text, stored_text
from playback_core.errors import CodecError, DamagedRecordingError, EncodeError
from playback_core.packing import PackedRecording

MAGIC: Final = b"PBR"
VERSION: Final = 1

_HEAD: Final = struct.Struct(">3sBIII")
# A frame stores what would not become smaller as it is.
_MAX_PAYLOAD_BYTES: Final = DEFAULT_LIMITS.max_bytes + 1024

# A header has four parts: what is larger than these might be a bomb, and is counted first.
_HEADER_LIMITS: Final = Limits(max_nodes=64 * 1024, max_bytes=16 * 1024 * 1024)


class Header(NamedTuple):
    """What a file says of its recording before the payload begins."""

    id: str
    started_at: int
    metadata: bytes


def file_content(packed: PackedRecording) -> bytes:
    """Return the content of a recording's file; raise EncodeError where it could not be read."""
    header = ormsgpack.packb([storable_text(packed.id), packed.started_at, packed.metadata])
    if len(header) > _HEADER_LIMITS.max_bytes:
        raise EncodeError(
            f"Recording {packed.id} cannot be stored: its metadata takes {len(packed.metadata):,}"
            f" bytes, and the limit in a file is {_HEADER_LIMITS.max_bytes:,}; record it as data."
        )
    head = _HEAD.pack(MAGIC, VERSION, len(header), crc32(header), crc32(packed.payload))
    return b"".join((head, header, packed.payload))


def read_recording_file(path: Path) -> PackedRecording:
    """Read a whole file; raise FileNotFoundError, other OS errors, or DamagedRecordingError."""
    with _opened(path) as file:
        header, checksum = _read_header(path, file)
        payload = _read(file, _MAX_PAYLOAD_BYTES)
    if crc32(payload) != checksum:
        raise damaged_file(path, "its payload is cut short or altered")
    return PackedRecording(*header, payload)


def read_header(path: Path) -> Header:
    """Read what comes before the payload; raise as `read_recording_file` does."""
    with _opened(path) as file:
        return _read_header(path, file)[0]


def damaged_file(path: Path, reason: str) -> DamagedRecordingError:
    """Make the error of a file that is not what was written."""
    return DamagedRecordingError(f"The recording in {path} is damaged: {reason}. Delete it.")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with open_file(path) as file:
            yield file
    except NotAFileError as error:
        raise damaged_file(path, "it is no file") from error


def _read(file: BinaryIO, limit: int) -> bytes:
    # Room for what is there, and not for the limit.
    return file.read(min(limit, os.fstat(file.fileno()).st_size))


def _read_header(path: Path, file: BinaryIO) -> tuple[Header, int]:
    length, checksum, payload_checksum = _checked_head(path, file.read(_HEAD.size))
    header = _read(file, length)
    if len(header) < length or crc32(header) != checksum:
        raise damaged_file(path, "its header is cut short or altered")
    try:
        return Header(*_parts(header)), payload_checksum
    except (CodecError, TypeError, ValueError) as error:
        raise damaged_file(path, f"its header does not name a recording ({error})") from error


def _parts(header: bytes) -> tuple[str, int, bytes]:
    parts = decode(header, _HEADER_LIMITS)
    if type(parts) is not list or list(map(type, parts[1:])) != [int, bytes]:
        raise TypeError("its parts are others")
    return stored_text(parts[0]), parts[1], parts[2]


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
    if length > _HEADER_LIMITS.max_bytes:
        raise damaged_file(path, "its header is longer than any")
    return length, header_checksum, payload_checksum

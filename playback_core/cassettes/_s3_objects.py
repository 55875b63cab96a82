"""The bodies of the objects in S3: a whole recording, its metadata, an index."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from playback_core.cassettes._reading import damaged
from playback_core.codec import (
    DEFAULT_LIMITS,
    Limits,
    compress,
    decode,
    decompress,
    encode_plain,
)
from playback_core.errors import CodecError, DecodeError, EncodeError
from playback_core.packing import PackedRecording, unreadable

FORMAT_VERSION: Final = 1

_MAX_RECORDED_METADATA: Final = 2 * 1024 * 1024
MAX_METADATA_BYTES: Final = _MAX_RECORDED_METADATA + 4096
# What may be recorded unpacks to no more than the first, and what is stored is smaller than that.
MAX_FULL_BYTES: Final = DEFAULT_LIMITS.max_bytes + MAX_METADATA_BYTES
MAX_INDEX_BYTES: Final = 16 * 1024 * 1024

_FULL_LIMITS: Final = Limits(max_nodes=16, max_bytes=MAX_FULL_BYTES)
_METADATA_LIMITS: Final = Limits(max_nodes=16, max_bytes=MAX_METADATA_BYTES)
_INDEX_LIMITS: Final = Limits(max_nodes=64 * 1024, max_bytes=MAX_INDEX_BYTES)


class IndexEntry(NamedTuple):
    """A recording's encoded metadata, and the ETag of the object it is the content of."""

    recording_id: str
    etag: str
    metadata: bytes


def pack_full(packed: PackedRecording) -> bytes:
    """Return the object of a whole recording."""
    return encode_plain(
        [FORMAT_VERSION, packed.id, packed.started_at, packed.metadata, packed.payload]
    )


def unpack_full(recording_id: str, body: bytes) -> PackedRecording:
    """Read the object of a whole recording; raise DamagedRecordingError where it is none."""
    columns = _columns(recording_id, body, _FULL_LIMITS)
    started_at, metadata, payload = _typed(recording_id, columns, int, bytes, bytes)
    return PackedRecording(recording_id, started_at, metadata, payload)


def pack_metadata(packed: PackedRecording) -> bytes:
    """Return the object of a recording's metadata; raise EncodeError where it is too large."""
    if len(packed.metadata) > _MAX_RECORDED_METADATA:
        raise EncodeError(
            f"Recording {packed.id} cannot be stored: its metadata takes {len(packed.metadata):,}"
            f" bytes, and the limit in S3 is {_MAX_RECORDED_METADATA:,}; record it as data."
        )
    return encode_plain([FORMAT_VERSION, packed.id, packed.metadata])


def unpack_metadata(recording_id: str, body: bytes) -> bytes:
    """Read the object of a recording's metadata; raise DamagedRecordingError where it is none."""
    columns = _columns(recording_id, body, _METADATA_LIMITS)
    (metadata,) = _typed(recording_id, columns, bytes)
    return bytes(metadata)


def pack_index(entries: Iterable[IndexEntry]) -> bytes:
    """Return an index object."""
    columns = [list(column) for column in zip(*entries, strict=True)]
    return compress(encode_plain([FORMAT_VERSION, *columns]))


def unpack_index(body: bytes) -> list[IndexEntry]:
    """Read an index object; raise DecodeError where it is none."""
    columns = decode(decompress(body, MAX_INDEX_BYTES), _INDEX_LIMITS)
    try:
        version, *parts = columns
        entries = [IndexEntry(*row) for row in zip(*parts, strict=True)]
        for recording_id, etag, metadata in entries:
            if not (type(recording_id) is type(etag) is str and type(metadata) is bytes):
                raise ValueError("an entry is of other types")
        if version != FORMAT_VERSION:
            raise ValueError(f"its version is {version!r}")
    except (TypeError, ValueError) as error:
        raise DecodeError(f"This is no index of version {FORMAT_VERSION}: {error}.") from error
    return entries


def _columns(recording_id: str, body: bytes, limits: Limits) -> Sequence[Any]:
    try:
        columns = decode(body, limits)
    except CodecError as error:
        raise unreadable(recording_id, error) from error
    if not isinstance(columns, list) or columns[:1] != [FORMAT_VERSION]:
        raise damaged(recording_id, f"its object has no format version {FORMAT_VERSION}")
    if columns[1:2] != [recording_id]:
        raise damaged(recording_id, "its object is that of another recording")
    return columns[2:]


def _typed(recording_id: str, values: Sequence[Any], *types: type) -> Sequence[Any]:
    if len(values) != len(types) or not all(map(isinstance, values, types)):
        raise damaged(recording_id, "its object has other parts than a recording")
    return values

"""Blocks: recordings that are stored together, their payloads compressed as one."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from playback_core.codec import compress
from playback_core.packing import PackedRecording
from playback_core.recording import Recording

# More would be smaller by little, and be lost together where a block is damaged.
_MAX_RECORDINGS: Final = 8
_MAX_BYTES: Final = 256 * 1024

# Of a small file a block is a small part, so that making room removes few.
_SHARE_OF_LIMIT: Final = 8

# The unused end of a block's last page; index entries of a recording and its share of a page.
_BLOCK_OVERHEAD: Final = 2048
_ROW_OVERHEAD: Final = 1024


class Row(NamedTuple):
    """A recording to be stored: packed without a frame, and the metadata to index."""

    recording: Recording
    packed: PackedRecording
    metadata: dict[str, Any]

    @property
    def size(self) -> int:
        """About how many bytes of the file it takes before compression."""
        return len(self.packed.metadata) + len(self.packed.payload) + _ROW_OVERHEAD


class Block(NamedTuple):
    """Recordings that are stored together, and the frame that holds their payloads."""

    rows: list[Row]
    frame: bytes

    @classmethod
    def of(cls, rows: list[Row]) -> "Block":
        """Compress the payloads of some recordings, one behind the other."""
        return cls(rows, compress(b"".join([row.packed.payload for row in rows])))

    @property
    def size(self) -> int:
        """About how many bytes of the file it takes."""
        metadata = sum(len(row.packed.metadata) + _ROW_OVERHEAD for row in self.rows)
        return len(self.frame) + metadata + _BLOCK_OVERHEAD


def grouped(rows: Iterable[Row], max_file_bytes: int) -> Iterator[list[Row]]:
    """Yield the rows of one block after the other, in order; a large recording has its own."""
    max_bytes = min(_MAX_BYTES, max_file_bytes // _SHARE_OF_LIMIT)
    group: list[Row] = []
    room = max_bytes
    for row in rows:
        if group and (len(group) == _MAX_RECORDINGS or row.size > room):
            yield group
            group, room = [], max_bytes
        group.append(row)
        room -= row.size
    if group:
        yield group

"""The index of a folder of recordings: what a lookup asks for, so that it opens one file, not all.

A line for the recordings that were stored together, appended once their files are there. A line
that is damaged, or was never written, leaves its recordings to be read from their own files; what a
later line says of an id goes before.
"""

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

import ormsgpack

from playback_core.codec import Limits, decode, storable_text, stored_text
from playback_core.errors import CodecError

_CHECKSUM_DIGITS: Final = 8

# Damage costs no more than this many their place in the index.
_LONGEST_LINE: Final = 256

# Its parts are fewer than a tenth of these; what is longer might be a bomb.
_LINE_LIMITS: Final = Limits(max_nodes=64 * 1024)


_PARTS_OF_RECORD: Final[tuple[list[type], ...]] = ([], [int, int, bytes])


class Indexed(NamedTuple):
    """What is known of a recording in a folder.

    `file_bytes` is the length of its file. `metadata` is encoded; None where the file is damaged,
    and then `started_at` is a guess.
    """

    id: str
    started_at: int
    file_bytes: int
    metadata: bytes | None


def index_lines(recordings: Sequence[Indexed]) -> bytes:
    """Return the lines of some recordings."""
    return _lines([[storable_text(one.id), *one[1:]] for one in recordings])


def removal_lines(recording_ids: Sequence[str]) -> bytes:
    """Return lines that make what the lines before them say of some ids void."""
    return _lines([[storable_text(recording_id)] for recording_id in recording_ids])


def read_index(content: bytes) -> dict[str, Indexed]:
    """Return the recordings of an index by id; damaged lines are left out."""
    found: dict[str, Indexed] = {}
    for line in content.split(b"\n"):
        for recording_id, *rest in _read_line(line):
            if rest:
                found[recording_id] = Indexed(recording_id, *rest)
            else:
                found.pop(recording_id, None)
    return found


def _lines(records: list[list[Any]]) -> bytes:
    lines = []
    for start in range(0, len(records), _LONGEST_LINE):
        packed = ormsgpack.packb(records[start : start + _LONGEST_LINE])
        body = b2a_base64(packed, newline=False)
        # On a line of its own, whatever was cut short before it.
        lines.append(b"\n%08x%b\n" % (crc32(body), body))
    return b"".join(lines)


def _read_line(line: bytes) -> list[list[Any]]:
    body = line[_CHECKSUM_DIGITS:]
    if not body or b"%08x" % crc32(body) != line[:_CHECKSUM_DIGITS]:
        return []
    try:
        return [[stored_text(recording_id), *rest] for recording_id, *rest in _records(body)]
    except (CodecError, NotBase64, ValueError, TypeError):
        return []


def _records(body: bytes) -> list[list[Any]]:
    records = decode(a2b_base64(body), _LINE_LIMITS)
    if type(records) is not list:
        raise TypeError("not what an index holds")
    for record in records:
        if type(record) is not list or list(map(type, record[1:])) not in _PARTS_OF_RECORD:
            raise TypeError("not what an index holds")
    return records

"""The index of a folder of recordings: what a lookup asks for, so that it opens one file, not all.

A line for each recording, appended once its file is there. A line that is damaged, or was never
written, leaves its recording to be read from its own file; a later line of an id goes before.
"""

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from zlib import crc32

import ormsgpack

from playback_core.codec import storable_text, stored_text

_CHECKSUM_DIGITS: Final = 8


class Indexed(NamedTuple):
    """What is known of a recording in a folder.

    `file_bytes` is the length of its file. `metadata` is encoded; None where the file is damaged,
    and then `started_at` is a guess.
    """

    id: str
    started_at: int
    file_bytes: int
    metadata: bytes | None


def index_line(recording: Indexed) -> bytes:
    """Return the line of a recording."""
    recording_id, *rest = recording
    return _line([storable_text(recording_id), *rest])


def removal_line(recording_id: str) -> bytes:
    """Return the line that makes the lines before it about an id void."""
    return _line([storable_text(recording_id)])


def joined(lines: Iterable[bytes]) -> bytes:
    """Return lines as they are appended: on lines of their own, whatever was cut short before."""
    return b"\n" + b"\n".join(lines) + b"\n"


def read_index(content: bytes) -> dict[str, Indexed]:
    """Return the recordings of an index by id; damaged lines are left out."""
    found: dict[str, Indexed] = {}
    for line in content.split(b"\n"):
        fields = _fields(line)
        if fields is None:
            continue
        recording_id, *rest = fields
        if rest:
            found[recording_id] = Indexed(recording_id, *rest)
        else:
            found.pop(recording_id, None)
    return found


def _line(fields: list[Any]) -> bytes:
    body = b2a_base64(ormsgpack.packb(fields), newline=False)
    return b"%08x%b" % (crc32(body), body)


def _fields(line: bytes) -> list[Any] | None:
    body = line[_CHECKSUM_DIGITS:]
    if not body or b"%08x" % crc32(body) != line[:_CHECKSUM_DIGITS]:
        return None
    try:
        recording_id, *rest = ormsgpack.unpackb(a2b_base64(body))
        fields = [stored_text(recording_id), *rest]
    except (NotBase64, ValueError, TypeError):
        return None
    return fields if not rest or _are_of_an_index(rest) else None


def _are_of_an_index(rest: list[Any]) -> bool:
    return [type(value) for value in rest] == [int, int, bytes]

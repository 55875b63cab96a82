"""The framing of HTTP/1 bodies that are sent in chunks: taken off, and put on again."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import NamedTuple


class Unframed(NamedTuple):
    """A body without its framing: the sizes of its chunks, and whether their end was there.

    The last chunk may be shorter than its size says.
    """

    content: bytes
    sizes: list[int]
    is_ended: bool


def unframed(data: bytes) -> Unframed:
    """Take the framing off the beginning of a body."""
    pieces: list[bytes] = []
    sizes: list[int] = []
    source = BytesIO(data)
    while line := source.readline():
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            break
        if not size:
            return Unframed(b"".join(pieces), sizes, True)
        sizes.append(size)
        pieces.append(source.read(size))
        source.readline()
    return Unframed(b"".join(pieces), sizes, False)


def framed(content: bytes, sizes: Iterable[int], *, ended: bool) -> bytes:
    """Put the framing on again, of chunks of these sizes."""
    parts: list[bytes] = []
    start = 0
    for size in sizes:
        piece = content[start : start + size]
        start += size
        if size:
            parts += (b"%x\r\n" % size, piece)
            if len(piece) == size:
                parts.append(b"\r\n")
    if ended:
        parts.append(b"0\r\n\r\n")
    return b"".join(parts)

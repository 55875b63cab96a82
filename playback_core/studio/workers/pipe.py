"""Frames over a pipe between two of our own processes, kept from every other process."""

import os
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final
from weakref import WeakSet

_HEADER: Final = struct.Struct("!4sQ")
# Replayed code can write to any descriptor: what does not begin like this is not ours.
_MAGIC: Final = b"PbW1"
_MOST_AT_ONCE: Final = 1024 * 1024


class MalformedFrame(Exception):
    """What came through a pipe is no frame."""


def private(connection: "Connection[Any, Any]") -> None:
    """Have the processes that this one forks from here on close their copy of a pipe's end.

    A copy would keep the pipe open after this process is gone, and could be written to.
    """
    _private.add(connection)


def write_frame(fd: int, body: bytes) -> None:
    """Write a frame; wait while the pipe is full."""
    left = memoryview(_HEADER.pack(_MAGIC, len(body)) + body)
    while left:
        left = left[os.write(fd, left) :]


def read_frame(fd: int, wait: Callable[[], None] | None = None) -> bytes:
    """Read a frame, calling `wait` before each read, which returns when there is something.

    Raise EOFError where the pipe ends, also within a frame, and MalformedFrame for anything else.
    """
    magic, length = _HEADER.unpack(_read(fd, _HEADER.size, wait))
    if magic != _MAGIC:
        raise MalformedFrame
    return _read(fd, length, wait)


def _read(fd: int, length: int, wait: Callable[[], None] | None) -> bytes:
    read = bytearray()
    while len(read) < length:
        if wait is not None:
            wait()
        some = os.read(fd, min(length - len(read), _MOST_AT_ONCE))
        if not some:
            raise EOFError
        read += some
    return bytes(read)


_private: Final[WeakSet["Connection[Any, Any]"]] = WeakSet()


def _close_private() -> None:
    for connection in list(_private):
        connection.close()
    _private.clear()


os.register_at_fork(after_in_child=_close_private)

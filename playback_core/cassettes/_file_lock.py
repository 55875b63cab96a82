"""WriterLock: one writer at a time, across threads and processes, and the number they share."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playback_core.cassettes._own_files import HERE_ONLY
from playback_core.errors import CassetteError

_FIRST_PAUSE_SECONDS: Final = 0.0005
_LONGEST_PAUSE_SECONDS: Final = 0.02
_DIGITS: Final = 20


class Usage:
    """How many bytes the recordings take, as the writers count; None where nobody knows."""

    def __init__(self, taken: int | None) -> None:
        self.taken = taken

    def add(self, size: int) -> None:
        """Count some bytes more, or fewer."""
        if self.taken is not None:
            self.taken = max(self.taken + size, 0)


class WriterLock:
    """Locks a file that holds the usage; the system unlocks it where a writer is killed."""

    # Opened for each use: threads exclude one another like processes, and nothing is carried
    # through a fork.

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout

    @contextmanager
    def held(self) -> Iterator[Usage]:
        """Hold the lock; what the block makes of the usage is stored at its end."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | HERE_ONLY, 0o600)
        _held.add(descriptor)
        try:
            self._acquire(descriptor)
            stored = os.pread(descriptor, _DIGITS + 1, 0)
            usage = Usage(int(stored) if stored.isdigit() else None)
            before = usage.taken
            try:
                yield usage
            finally:
                if usage.taken is not None and usage.taken != before:
                    os.pwrite(descriptor, b"%0*d" % (_DIGITS, usage.taken), 0)
        finally:
            # By name, not by closing: a child that was forked meanwhile has the open file, too.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            _held.discard(descriptor)
            os.close(descriptor)

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise CassetteError(
                        f"Recording folder {self._path.parent}: another process kept it locked for"
                        f" {self._timeout} s; raise `timeout`, or end that process."
                    ) from error
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


_held: Final[set[int]] = set()


def _after_fork_in_child() -> None:
    # A lock belongs to the open file, which a child shares: it would keep what its parent, killed,
    # could not give back.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)

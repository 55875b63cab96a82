"""The scratch folder: where a sealed replay may write, and where `tempfile` puts its files."""

import atexit
import os
import shutil
import sys
import tempfile
from threading import Lock
from typing import Final


class Scratch:
    """A folder of this process, while replays run and until one that has used it has ended.

    What it sets is the process's: where temporary files go, and that imports write no bytecode
    beside their source. Replays at the same time share it, and the last one to end empties it.
    """

    def __init__(self) -> None:
        self._lock: Final = Lock()
        self._pid: Final = os.getpid()
        self._replays = 0
        self._folder: str | None = None
        self._is_used = False
        self._before: tuple[str | None, bool] = (None, False)

    def begin(self) -> None:
        """Be there for one more replay."""
        with self._lock:
            self._replays += 1
            if self._replays == 1:
                if self._folder is None:
                    self._folder = os.path.realpath(tempfile.mkdtemp(prefix="playback-"))
                self._before = (tempfile.tempdir, sys.dont_write_bytecode)
                tempfile.tempdir, sys.dont_write_bytecode = self._folder, True

    def end(self) -> None:
        """Be there for one replay less."""
        with self._lock:
            self._replays -= 1
            if not self._replays:
                self._restore()
                if self._is_used:
                    self.close()

    def holds(self, path: str) -> bool:
        """Tell whether a real path is the folder or below it; it counts as used then."""
        folder = self._folder
        if folder is None or not (path == folder or path.startswith(folder + os.sep)):
            return False
        self._is_used = True
        return True

    def close(self) -> None:
        """Remove the folder, in the process that made it."""
        if self._pid == os.getpid():
            self._remove()

    def leave(self) -> None:
        """Let go of it in a forked process, which has no replay that runs; it stays the parent's.

        Its lock may be held by a thread that is not here.
        """
        if self._replays:
            self._restore()

    def _restore(self) -> None:
        tempfile.tempdir, sys.dont_write_bytecode = self._before

    def _remove(self) -> None:
        folder, self._folder, self._is_used = self._folder, None, False
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


_scratch = Scratch()


def current_scratch() -> Scratch:
    """Return the scratch folder of this process."""
    return _scratch


def _forked() -> None:
    global _scratch
    _scratch.leave()
    _scratch = Scratch()


os.register_at_fork(after_in_child=_forked)
atexit.register(lambda: _scratch.close())

"""Threads that go on when their operation has ended: when it was recorded, and in its replay."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from playback_core.entry import BranchPath, Entry, EntryKind

GARBAGE: Final[BranchPath] = (-1,)
"""The branch of finalizers of what a replay has left: when recorded, they ran at any time."""


class OutlivedBranches:
    """What a replay knows of them: what they called then is not in the recording.

    How far they get is a matter of time, and in a replay nothing takes its time. `paths` is as
    `paths_of` made it, or anything, as it comes from a recording.
    """

    def __init__(self, paths: Any, entries: Sequence[Entry]) -> None:
        given = paths if isinstance(paths, list) else []
        self._paths = [tuple(path) for path in given if isinstance(path, list) and path]
        outputs = entries if self._paths else ()
        self._outputs = Counter(each.branch for each in outputs if each.kind is EntryKind.OUTPUT)

    def hold(self, path: BranchPath) -> bool:
        """Tell whether a branch is one of them, or was started by one."""
        return path[:1] == GARBAGE or any(path[: len(each)] == each for each in self._paths)

    def send_beyond(self, path: BranchPath) -> bool:
        """Take one more output of a branch; tell whether it is of them and sent no more."""
        if not self.hold(path):
            return False
        self._outputs[path] -= 1
        return self._outputs[path] < 0


class RunningThreads:
    """The threads of a replayed operation that have not ended yet."""

    def __init__(self) -> None:
        self._running: Counter[BranchPath] = Counter()
        self._changed = threading.Condition()

    def begin(self, path: BranchPath) -> None:
        """Note that one may run from now on."""
        with self._changed:
            self._running[path] += 1

    def end(self, path: BranchPath) -> None:
        """Note that it has ended."""
        with self._changed:
            self._running[path] -= 1
            self._changed.notify_all()

    def wait(self, is_excused: Callable[[BranchPath], bool]) -> list[str]:
        """Wait a moment for all that are not excused; return what is to be said of each left."""

        def left() -> list[BranchPath]:
            return [path for path, count in (+self._running).items() if not is_excused(path)]

        with self._changed:
            self._changed.wait_for(lambda: not left(), _MOMENT_SECONDS)
            return [
                f"Thread {'.'.join(map(str, path))} of the operation still ran when its replay"
                " ended; what it does from then on is refused, and not compared."
                for path in sorted(left())
            ]


_MOMENT_SECONDS: Final = 0.5


def paths_of(running: Iterable[BranchPath]) -> list[list[int]]:
    """Return the branches that still run as plain data."""
    return [list(path) for path in sorted(running)]

"""OutlivedBranches: the threads that went on when their recorded operation had ended."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from playback_core.entry import BranchPath, Entry, EntryKind


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
        return any(path[: len(each)] == each for each in self._paths)

    def send_beyond(self, path: BranchPath) -> bool:
        """Take one more output of a branch; tell whether it is of them and sent no more."""
        if not self.hold(path):
            return False
        self._outputs[path] -= 1
        return self._outputs[path] < 0


def paths_of(running: Iterable[BranchPath]) -> list[list[int]]:
    """Return the branches that still run as plain data."""
    return [list(path) for path in sorted(running)]

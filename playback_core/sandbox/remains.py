"""What a replayed operation leaves behind: what of it runs later is sealed as the operation was.

Callbacks for the exit of the process and finalizers have no context of their own, and run in
whichever there is when their time has come.
"""

import atexit
import gc
import os
import weakref
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from playback_core.outlived import GARBAGE
from playback_core.playback_session import PlaybackSession
from playback_core.replacing import is_ours, marked
from playback_core.session import Branch, current, within


class _Remains:
    """A callback that the operation of a replay has registered."""

    __slots__ = ("_branch", "_run")

    def __init__(self, branch: Branch, run: Callable[..., Any]) -> None:
        self._branch = branch
        self._run = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        branch = current()
        is_called_by_it = branch is not None and branch.session is self._branch.session
        with within(branch if is_called_by_it else self._branch):
            return self._run(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        # `atexit.unregister` looks for what is equal to the function it is given.
        return self is other or bool(self._run == other)

    def __hash__(self) -> int:
        return hash(self._run)


def install_remains() -> None:
    """Seal what a replay registers from here on; inert outside of replays, and idempotent."""
    if not is_ours(atexit.register):
        atexit.register = marked(_registering(atexit.register), atexit.register)
    if not is_ours(weakref.finalize.__init__):
        made = weakref.finalize.__init__
        weakref.finalize.__init__ = marked(_finalizing(made), made)  # type: ignore[method-assign]


def _registering(original: Callable[..., Any]) -> Callable[..., Any]:
    def register(func: Any, /, *args: Any, **kwargs: Any) -> Any:
        original(_sealed(func), *args, **kwargs)
        return func

    return register


def _finalizing(original: Callable[..., None]) -> Callable[..., None]:
    def finalize(self: Any, obj: Any, func: Any, /, *args: Any, **kwargs: Any) -> None:
        original(self, obj, _sealed(func), *args, **kwargs)

    return finalize


def _sealed(func: Any) -> Any:
    branch = current()
    is_sealed = branch is not None and branch.sealed and callable(func)
    return _Remains(branch, func) if is_sealed and branch is not None else func


# A collection of Python 3.12 puts immortal objects among the frozen ones by itself: hundreds.
_OF_AN_APPLICATION: Final = 10_000


class Garbage:
    """The cycles that replays leave, which are collected before a replay is over.

    What there was before is out of the collector's sight meanwhile: that makes it quick, and no
    other code's garbage is the replay's.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._replays = 0
        self._is_ours = False

    def begin(self) -> None:
        """Leave out what there is, unless the application has done that itself."""
        with self._lock:
            self._replays += 1
            if self._replays == 1 and gc.get_freeze_count() < _OF_AN_APPLICATION:
                self._is_ours = True
                gc.freeze()

    def end(self) -> None:
        """Have one replay less that leaves any."""
        with self._lock:
            self._replays -= 1
            if not self._replays and self._is_ours:
                self._is_ours = False
                gc.unfreeze()

    def collect(self, session: PlaybackSession) -> None:
        """Collect what a replay has left; its session ends just after."""
        with within(Branch(session, GARBAGE, sealed=True)):
            gc.collect()

    def leave(self) -> None:
        """Forget, in a forked process, the replays of its parent, which don't run here."""
        self._lock = Lock()
        self._replays = 0
        if self._is_ours:
            self._is_ours = False
            gc.unfreeze()


garbage: Final = Garbage()
"""That of this process."""

os.register_at_fork(after_in_child=garbage.leave)

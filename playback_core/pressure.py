"""Pressure: how short of CPU this process is, told by a thread that measures how late it wakes."""

import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from time import monotonic
from typing import Final
from weakref import WeakMethod

# What these are goes by measurements; docs/architecture.md has them.
LATE_SECONDS: Final = 0.001
"""A wake-up is late from here on; on a machine that is idle it takes a twentieth of that."""

PERIOD_SECONDS: Final = 0.025
LEAST_SHARE: Final = 0.01

_WINDOW: Final = 40
_STEP: Final = 20
_PRESSED: Final = 0.35
_CALM: Final = 0.25
_RISE: Final = 0.05


class Pressure:
    """The share of operations there is CPU to record, 1 until wake-ups are late.

    It is decided anew with every twentieth wake-up, half a second of them, by how many of the last
    forty were late: halved where that is 35 % or more, raised by 0.05 where it is 25 % or less.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._wakeups: deque[bool] = deque(maxlen=_WINDOW)
        self._until_decided = _WINDOW

    @property
    def late(self) -> float:
        """The part of the last wake-ups that were late."""
        return sum(self._wakeups) / max(len(self._wakeups), 1)

    def take(self, lateness: float) -> bool:
        """Take how many seconds late a wake-up was; tell whether the share was decided anew."""
        self._wakeups.append(lateness >= LATE_SECONDS)
        self._until_decided -= 1
        if self._until_decided > 0:
            return False
        self._until_decided = _STEP
        late = self.late
        if late >= _PRESSED:
            self.share = max(LEAST_SHARE, self.share / 2)
        elif late <= _CALM:
            self.share = min(1.0, self.share + _RISE)
        return True


def start_probe(take: Callable[[float], bool]) -> None:
    """Start to give a method how many seconds late each wake-up of a thread is.

    The thread ends when the method returns False, and with the object whose method it is. Raise
    RuntimeError where no thread can be started.
    """
    thread = threading.Thread(
        target=_wake_up, args=(WeakMethod(take),), name="playback-probe", daemon=True
    )
    # An empty context: it outlives the operation that happens to be the first.
    Context().run(thread.start)


def _wake_up(method: "WeakMethod[Callable[[float], bool]]") -> None:
    # A lock's wait, not `sleep`: it is the real one under clocks that tests fake, and gives way to
    # others where threads are those of gevent.
    never = threading.Lock()
    never.acquire()
    while True:
        due = monotonic() + PERIOD_SECONDS
        never.acquire(timeout=PERIOD_SECONDS)
        lateness = monotonic() - due
        take = method()
        if take is None or not take(lateness):
            return
        # Kept through the wait, it would keep its object.
        del take

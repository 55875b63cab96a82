"""Shedding: which operations are recorded while the process is short of CPU; the others counted."""

import atexit
import os
import threading
from random import Random
from typing import Final
from weakref import WeakSet

from playback_core.errors import SettingsError
from playback_core.guard import Guard
from playback_core.pressure import LATE_SECONDS, Pressure, start_probe

RECORD: Final = "record"
SHED: Final = "shed"
"""Leave operations out while the process is short of CPU; and the counter of those left out."""

WHEN_BUSY_CHOICES: Final = (RECORD, SHED)

# Decisions, of half a second or more each.
_OVER_AFTER: Final = 60
_IDLE_AFTER: Final = 20


class Shedding:
    """Decides of each operation that begins whether there is CPU to spare for recording it.

    A probe of the process's pressure runs while operations begin, and ten seconds longer; in a
    forked child it starts again with the child's first one. One line in the log says that
    operations are shed, and one that this has been over for half a minute, and how many were.
    """

    def __init__(self, guard: Guard, random: Random) -> None:
        self._guard = guard
        self._random = random
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Start anew: nothing is known of the pressure, and no probe runs."""
        self._pressure = Pressure()
        self._starting = threading.Lock()
        self._is_probing = False
        self._is_asked = False
        self._idle = self._calm = 0
        self._shed_before: int | None = None

    def admits(self) -> bool:
        """Tell whether to record an operation that begins; a shed one is counted when it ends."""
        self._is_asked = True
        if not self._is_probing:
            self._start()
        share = self._pressure.share
        return share >= 1 or self._random.random() < share

    def take(self, lateness: float) -> bool:
        """Take how many seconds late the probe woke up; tell whether it is to go on."""
        if not self._pressure.take(lateness):
            return True
        self._tell()
        self._idle = 0 if self._is_asked else self._idle + 1
        self._is_asked = False
        if self._idle < _IDLE_AFTER:
            return True
        if self._shed_before is not None:
            self._tell_end(self._shed_before, "No operation has begun for ten seconds")
        self.renew()
        return False

    def _start(self) -> None:
        # An operation may begin in a signal handler, in the middle of this.
        starting = self._starting
        if not starting.acquire(blocking=False):
            return
        try:
            if not self._is_probing:
                self._is_probing = True
                start_probe(self.take)
        except RuntimeError as error:
            self._is_probing = False
            consequence = "every operation is recorded until one can be started"
            self._guard.report("Starting the thread of", "WHEN_BUSY", error, consequence)
        finally:
            starting.release()

    def _tell(self) -> None:
        share, before = self._pressure.share, self._shed_before
        if share < 1:
            self._calm = 0
            if before is None:
                self._shed_before = self._shed()
                self._guard.tell(
                    f"This process is short of CPU: of its last wake-ups {self._pressure.late:.0%}"
                    f" were {LATE_SECONDS * 1000:g} ms late or more. From here on {share:.0%} of"
                    " the operations are recorded, fewer while it lasts; the others run"
                    f" unrecorded and are counted as {SHED!r} (WHEN_BUSY)."
                )
        elif before is not None:
            self._calm += 1
            if self._calm >= _OVER_AFTER:
                self._tell_end(before, "This process has CPU to spare again")

    def tell_unfinished(self) -> None:
        """Say how many were shed, where the process ends while it is short of CPU."""
        if self._shed_before is not None:
            self._tell_end(self._shed_before, "This process ends", "")

    def _tell_end(
        self, before: int, why: str, then: str = ": every operation is recorded from here on"
    ) -> None:
        self._shed_before = None
        self._calm = 0
        self._guard.tell(
            f"{why}{then}. While the process was short of CPU,"
            f" {self._shed() - before} were shed (WHEN_BUSY)."
        )

    def _shed(self) -> int:
        return self._guard.counters.get(SHED, 0)


def shedding_for(when_busy: str, guard: Guard, random: Random) -> Shedding | None:
    """Return what a choice of WHEN_BUSY asks for, None for `record`; SettingsError for others."""
    if when_busy not in WHEN_BUSY_CHOICES:
        choices = " or ".join(map(repr, WHEN_BUSY_CHOICES))
        raise SettingsError(f"when_busy is {when_busy!r}; it must be {choices}.")
    return Shedding(guard, random) if when_busy == SHED else None


_all: Final[WeakSet[Shedding]] = WeakSet()


def _renew_all() -> None:
    for shedding in list(_all):
        shedding.renew()


os.register_at_fork(after_in_child=_renew_all)


@atexit.register
def tell_unfinished() -> None:
    """Have the log say how many operations were shed, where that is not over; at most once.

    A process that ends by `os._exit` has to ask for it.
    """
    for shedding in list(_all):
        shedding.tell_unfinished()

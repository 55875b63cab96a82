"""The clock and the sources of random numbers: recorded as they are, virtual in a replay.

`install` wraps what an operation reads while it is recorded: functions of modules, of which each
is one check where nothing is recorded. `install_virtual` adds, at the first replay, whatever else
tells the time. Both stay installed until `uninstall`: what they wrap acts on the branch that is
current, so that everybody else has the real clock.
"""

import time

from playback_core.clock import aliases, datetimes, recorded, virtual
from playback_core.clock.places import install_all, uninstall_all
from playback_core.replacing import is_ours

__all__ = ["install", "install_virtual", "uninstall"]


def install() -> None:
    """Wrap what is recorded; idempotent."""
    install_all(recorded.PLACES)


def install_virtual() -> None:
    """Wrap what a replay needs besides; idempotent."""
    # Each replay asks: the last thing that is installed, and the first that is put back.
    if datetimes.is_installed() and is_ours(time.time):
        return
    install()
    install_all(virtual.PLACES)
    aliases.install()
    datetimes.install()


def uninstall() -> None:
    """Put the originals back, but where somebody else has wrapped them since."""
    datetimes.uninstall()
    aliases.uninstall()
    uninstall_all([*virtual.PLACES, *recorded.PLACES])

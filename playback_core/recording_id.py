"""Recording ids: `{category}/{day}/{unique}`, the category percent-encoded."""

import os
import re
from functools import lru_cache
from itertools import count
from os import urandom
from time import gmtime, strftime
from typing import Final
from urllib.parse import quote, unquote

from playback_core.errors import SettingsError

_NANOSECONDS_OF_DAY: Final = 86_400 * 1_000_000_000

# 16 digits of the start, 10 of the process, 6 or more of the count.
_UNIQUE: Final = re.compile("[0-9a-f]{32,}")
_START_DIGITS: Final = 16


class _Ids:
    """Makes ids that sort by time and differ between processes and forks."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._process = urandom(5).hex()
        self._count = count()
        self._day = (-1, "")

    def make(self, category: str, started_at: int) -> str:
        day_number = started_at // _NANOSECONDS_OF_DAY
        if self._day[0] != day_number:
            self._day = (day_number, day_of(started_at))
        unique = f"{started_at:016x}{self._process}{next(self._count):06x}"
        return f"{category_prefix(category)}{self._day[1]}/{unique}"


@lru_cache(maxsize=1024)
def category_prefix(category: str) -> str:
    """Return what all ids of a category begin with, its slash included."""
    return quote(category, safe="", errors="surrogatepass") + "/"


def day_of(started_at: int) -> str:
    """Return the UTC day of a start in epoch ns, as ids have it."""
    return strftime("%Y%m%d", gmtime(started_at // 1_000_000_000))


_ids: Final = _Ids()


def new_recording_id(category: str, started_at: int) -> str:
    """Return an id that no other has; those of a category sort by `started_at`, in epoch ns.

    Raise SettingsError for an empty category.
    """
    if not isinstance(category, str) or not category:
        raise SettingsError(f"The category is {category!r}; it must be a text that is not empty.")
    return _ids.make(category, started_at)


def category_of(recording_id: str) -> str:
    """Return the category an id was made for; raise SettingsError if it is no recording id."""
    parts = recording_id.rsplit("/", 2) if isinstance(recording_id, str) else []
    if len(parts) != 3 or not all(parts):
        raise SettingsError(
            f"Not a recording id: {recording_id!r}; ids read category/day/unique, as `list` prints."
        )
    return unquote(parts[0], errors="surrogatepass")


def start_of(recording_id: str) -> int | None:
    """Return the start an id was made for, in epoch ns; None for an id of another form."""
    parts = recording_id.split("/") if isinstance(recording_id, str) else []
    if len(parts) != 3 or not parts[0] or not _UNIQUE.fullmatch(parts[2]):
        return None
    started_at = int(parts[2][:_START_DIGITS], 16)
    return started_at if day_of(started_at) == parts[1] else None

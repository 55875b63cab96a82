"""Recording ids: `{category}/{day}/{unique}`, the category percent-encoded."""

import os
from functools import lru_cache
from itertools import count
from time import gmtime, strftime
from typing import Final
from urllib.parse import quote, unquote

from playback_core.errors import SettingsError


class _Ids:
    """Makes ids that sort by time and differ between processes and forks."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._process = os.urandom(5).hex()
        self._count = count()
        self._day = (-1, "")

    def make(self, category: str, started_at: int) -> str:
        day_number = started_at // 86_400_000_000_000
        if self._day[0] != day_number:
            self._day = (day_number, strftime("%Y%m%d", gmtime(started_at // 1_000_000_000)))
        unique = f"{started_at:016x}{self._process}{next(self._count):06x}"
        return f"{encoded_category(category)}/{self._day[1]}/{unique}"


@lru_cache(maxsize=1024)
def encoded_category(category: str) -> str:
    """Return a category as it stands in the ids made for it: percent-encoded, without a slash."""
    return quote(category, safe="", errors="surrogatepass")


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
    parts = recording_id.rsplit("/", 2)
    if len(parts) != 3 or not all(parts):
        raise SettingsError(
            f"Not a recording id: {recording_id!r}; ids read category/day/unique, as `list` prints."
        )
    return unquote(parts[0], errors="surrogatepass")

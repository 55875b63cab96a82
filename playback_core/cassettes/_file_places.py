"""Where in its directory the file of a recording is: `{category}/{day}/{unique}.recording`.

Whatever an id or a category is made of, the place is within the directory and no name in it is too
long: what is not of the usual form is percent-encoded, what is then too long is a digest.
"""

import re
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from playback_core.recording_id import category_of, category_prefix

SUFFIX: Final = ".recording"
OTHER: Final = "other"
"""The day of ids that are not of the form that `new_recording_id` makes."""

DAY: Final = re.compile(r"\d{8}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,120}")
_OTHER_NAME: Final = re.compile(r"[=#][A-Za-z0-9_.~%-]{1,120}")

# Encrypting file systems allow 143 bytes.
_LONGEST: Final = 120


class Place(NamedTuple):
    """The folder of a category, the folder of a day in it, and the name without its suffix."""

    category: str
    day: str
    name: str


def place_of(recording_id: str) -> Place:
    """Return where a recording is; raise SettingsError for what is no recording id."""
    category = category_of(recording_id)
    prefix, day, unique = recording_id.rsplit("/", 2)
    folder = category_folder(category)
    # Of the other day: what a file stands for whose id cannot be read from it.
    is_place = (day == OTHER or DAY.fullmatch(day)) and name_pattern(day).fullmatch(unique)
    if is_place and f"{prefix}/" == category_prefix(category):
        return Place(folder, day, unique)
    quoted = quote(recording_id, safe="", errors="surrogatepass")
    return Place(folder, OTHER, _digest(quoted) if len(quoted) > _LONGEST else f"={quoted}")


def category_folder(category: str) -> str:
    """Return the name of a category's folder."""
    encoded = category_prefix(category).removesuffix("/")
    if encoded.startswith("."):
        # Neither hidden nor a way up. `quote` never writes it so: no other category has this name.
        encoded = f"%2E{encoded[1:]}"
    return _digest(encoded) if len(encoded) > _LONGEST else encoded


def category_in_folder(folder: str) -> str | None:
    """Return the category that has a folder of this name; None where the name does not tell."""
    category = unquote(folder, errors="surrogatepass")
    return category if category and category_folder(category) == folder else None


def name_pattern(day: str) -> re.Pattern[str]:
    """Return what the names of a day's files look like, without their suffix."""
    return _OTHER_NAME if day == OTHER else _NAME


def _digest(text: str) -> str:
    return f"#{sha256(text.encode()).hexdigest()}"

"""The options that cassettes share, checked when a cassette is made."""

import os
from pathlib import Path
from typing import Any, Final

from playback_core.errors import SettingsError

DEFAULT_MAX_BYTES: Final = 1024**3
DEFAULT_TIMEOUT: Final = 10.0

MIN_MAX_BYTES: Final = 64 * 1024


def checked_max_bytes(max_bytes: Any) -> int:
    """Return the bound of a cassette; raise SettingsError for one that is none."""
    if not isinstance(max_bytes, int) or max_bytes < MIN_MAX_BYTES:
        raise SettingsError(
            f"max_bytes is {max_bytes!r}; it must be a number of bytes, {MIN_MAX_BYTES} or more."
        )
    return max_bytes


def checked_timeout(timeout: Any) -> float:
    """Return how many seconds to wait for other writers; raise SettingsError for no number."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout < 0:
        raise SettingsError(f"timeout is {timeout!r}; it must be seconds, 0 or more.")
    return timeout


def checked_path(name: str, path: Any) -> Path:
    """Return an absolute path; raise SettingsError for one that no file can have."""
    try:
        if b"\0" not in os.fsencode(path):
            return Path(path).absolute()
    except (TypeError, ValueError):
        pass
    raise SettingsError(f"{name} is {path!r}; it must be one the file system may have.")


def too_large(recording_id: str, size: int, max_bytes: int) -> SettingsError:
    """Make the error of a recording that a cassette has no room for, were it empty."""
    return SettingsError(
        f"Recording {recording_id} takes {size} bytes, more than the {max_bytes} the cassette may"
        " hold; raise max_bytes or record less."
    )

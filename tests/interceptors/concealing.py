"""A redactor, and what is left of secrets in a recording."""

from __future__ import annotations

from playback_core.codec.redaction import Redactor
from playback_core.entry import encoded
from tests.interceptors.runs import Runs

REDACTOR = Redactor(key=b"a key of the tests, long enough")
OTHER_REDACTOR = Redactor(key=b"a key of another process, long enough")


def stored(runs: Runs) -> bytes:
    """Return all that a recording holds of arguments and results."""
    return b"".join(
        encoded(part)
        for entry in runs.recording.entries
        for part in (entry.arguments, entry.result)
        if part is not None
    )

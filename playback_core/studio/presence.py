"""Compares pseudonyms of different keys, which cannot tell whether their secrets are the same."""

import re
from typing import Final

from playback_core.codec.redaction import KEY_PART, PSEUDONYM

REDACTED_RULE: Final = "redacted"
"""The rule of values that differ only in pseudonyms of different keys."""

_PSEUDONYM: Final = re.compile(PSEUDONYM.encode())


def presence_note(count: int) -> str:
    """Return what a report says of values under the rule, and how to have them compared."""
    return (
        f"compared by presence only: {count} redacted value(s);"
        " set PLAYBACK_REDACT_KEY to compare them"
    )


def shape_of(encoded: bytes) -> bytes:
    """Return encoded content with all its pseudonyms alike, so that what may be equal is."""
    return _PSEUDONYM.sub(b"psd_", encoded)


def differ_in_keys_only(recorded: bytes, replayed: bytes) -> bool:
    """Tell whether all that two encoded contents differ in is pseudonyms of different keys.

    Those of one key are the same for the same secret, so they have to be equal.
    """
    before, after = _PSEUDONYM.findall(recorded), _PSEUDONYM.findall(replayed)
    if not before or _PSEUDONYM.split(recorded) != _PSEUDONYM.split(replayed):
        return False
    pairs = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    return bool(pairs) and all(one[KEY_PART] != other[KEY_PART] for one, other in pairs)

"""Secrets that an operation makes itself: the key of a new session, that it then asks for.

Without PLAYBACK_REDACT_KEY a replay has another pseudonym for it than the recording. As
comparisons do then, calls are matched by there being one.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from playback_core.codec.redaction import KEY_PART, is_pseudonym
from playback_core.packing import Redaction
from playback_core.playback_session import PlaybackSession
from playback_core.session import Session, current_session

_BEGINNING: Final = b"psd_"
_ANY: Final = "psd_"

_has_other_key: Final[WeakKeyDictionary[Session, bool]] = WeakKeyDictionary()


def with_any_secret(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields in which no pseudonym is told from another, where they can't be compared."""
    session = current_session()
    if not isinstance(session, PlaybackSession) or session.redaction is None:
        return fields
    known = _has_other_key.get(session)
    if known is None:
        known = _has_other_key[session] = _made_by_another_key(session, session.redaction)
    return {name: _blurred(value) for name, value in fields.items()} if known else fields


def _made_by_another_key(session: PlaybackSession, redaction: Redaction) -> bool:
    own = redaction.concealed("any")[KEY_PART].encode()
    for entry in session.recording.entries:
        blob = entry.arguments
        if isinstance(blob, bytes) and _BEGINNING in blob:
            start = blob.index(_BEGINNING)
            return bool(blob[start:][KEY_PART] != own)
    return False


def _blurred(value: Any) -> Any:
    if isinstance(value, str):
        return _ANY if is_pseudonym(value) else value
    if type(value) in (list, tuple):
        return [*map(_blurred, value)]
    if type(value) is dict:
        return {name: _blurred(each) for name, each in value.items()}
    return value

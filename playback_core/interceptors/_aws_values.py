"""Parameters and responses of AWS clients as plain data: files, conditions, binary, secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from playback_core.interceptors._sent_bodies import SentBody, relayed_body, sent_of
from playback_core.packing import Redaction
from playback_core.session import current_session

_BLOCK: Final = 64 * 1024
_SCALARS: Final = frozenset({str, bytes, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class StoredBinary:
    """Stands in a recording for the binary value of a DynamoDB table."""

    value: bytes


@dataclass(frozen=True, slots=True)
class StoredTime:
    """Stands for a time in a zone that only `dateutil` has: in UTC, or where the process is."""

    moment: datetime
    zone: str


_ZONES: Final = frozenset({"tzutc", "tzlocal"})


def told_params(params: dict[str, Any]) -> Any:
    """Return the parameters of a call as they are sent, without using up a file."""
    session = current_session()
    return _without_secrets(_told(params), None if session is None else session.redaction)


def _told(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, dict):
        return {name: _told(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(part) for part in value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "read"):
        return _content(value)
    if hasattr(value, "get_expression"):
        return _told(value.get_expression())
    if _is_binary(value):
        return bytes(value.value)
    # The name of an attribute in a condition.
    return value.name if type(value).__module__ == "boto3.dynamodb.conditions" else value


def _content(file: Any) -> Any:
    sent, position = SentBody(), file.tell()
    try:
        while piece := file.read(_BLOCK):
            sent.take(piece)
    finally:
        file.seek(position)
    return sent.content()


def relayed_files(params: dict[str, Any]) -> dict[str, SentBody]:
    """Keep what is read of files that can't be read twice, in a replay at once, by their names."""
    sent: dict[str, SentBody] = {}
    for name, part in params.items():
        if hasattr(part, "read") and not _is_seekable(part):
            params[name] = relayed_body(part)
            body = sent_of(params[name])
            if isinstance(body, SentBody):
                sent[name] = body
    return sent


def at_its_end(value: Any) -> None:
    """Leave a file as if it had been sent."""
    if hasattr(value, "read") and _is_seekable(value):
        value.seek(0, 2)


def _is_seekable(file: Any) -> bool:
    if hasattr(file, "seekable"):
        return bool(file.seekable())
    return hasattr(file, "seek") and hasattr(file, "tell")


def stored_values(response: Any, redaction: Redaction | None) -> Any:
    """Return what is stored of a response."""
    return _without_secrets(_mapped(response, _stored), redaction)


def restored_values(stored: Any) -> Any:
    """Return the response that `stored_values` was given."""
    return _mapped(stored, _restored)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {name: _mapped(part, change) for name, part in value.items()}
    if kind in (list, set):
        return kind(_mapped(part, change) for part in value)
    return change(value)


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        zone = type(value.tzinfo).__name__
        return StoredTime(value.astimezone(UTC), zone) if zone in _ZONES else value
    return StoredBinary(bytes(value.value)) if _is_binary(value) else value


def _restored(value: Any) -> Any:
    if type(value) is StoredTime:
        from dateutil import tz

        return value.moment.astimezone(getattr(tz, value.zone)())
    if type(value) is StoredBinary:
        from boto3.dynamodb.types import Binary

        return Binary(value.value)
    return value


def _is_binary(value: Any) -> bool:
    return type(value).__name__ == "Binary" and type(value).__module__ == "boto3.dynamodb.types"


def _without_secrets(value: Any, redaction: Redaction | None) -> Any:
    # Those that no name tells: what a key encrypts, and values of secure parameters.
    if redaction is None or not isinstance(value, dict):
        return value
    changed = _secure(value, redaction)
    if isinstance(changed.get("Plaintext"), bytes) and "KeyId" in changed:
        changed["Plaintext"] = redaction.concealed(changed["Plaintext"])
    if "Parameter" in changed:
        changed["Parameter"] = _secure(changed["Parameter"], redaction)
    if isinstance(changed.get("Parameters"), list):
        changed["Parameters"] = [_secure(each, redaction) for each in changed["Parameters"]]
    return changed


def _secure(parameter: Any, redaction: Redaction) -> Any:
    if not isinstance(parameter, dict):
        return parameter
    if parameter.get("Type") != "SecureString":
        return {**parameter}
    return {**parameter, "Value": redaction.concealed(parameter.get("Value"))}

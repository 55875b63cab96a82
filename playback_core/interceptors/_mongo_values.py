"""Values of BSON as plain data, and back: exactly, and by their names in documents.

A type that only BSON has is told as `{"$ObjectId": "65f0c0ff..."}`: it needs no class of ours, so
that most documents are stored at the speed of JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex
from bson import Timestamp as BsonTimestamp
from bson.dbref import DBRef

_DOCUMENT: Final = "$Document"
_ID_DIGITS: Final = 24

_TO_PLAIN: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    Binary: ("$Binary", lambda value: [bytes(value), value.subtype]),
    Code: ("$Code", lambda value: [str(value), plain(value.scope)]),
    DBRef: ("$DBRef", lambda value: plain(value.as_doc().to_dict())),
    DatetimeMS: ("$DatetimeMS", int),
    Decimal128: ("$Decimal128", str),
    Int64: ("$Int64", int),
    MaxKey: ("$MaxKey", lambda value: None),
    MinKey: ("$MinKey", lambda value: None),
    ObjectId: ("$ObjectId", str),
    Regex: ("$Regex", lambda value: [value.pattern, value.flags]),
    BsonTimestamp: ("$Timestamp", lambda value: [value.time, value.inc]),
}


def plain(value: Any) -> Any:
    """Return a decoded document, or a part of one, as plain data."""
    kind = type(value)
    if kind is dict:
        document = {name: plain(part) for name, part in value.items()}
        # One that looks like what stands for a value.
        is_alike = len(document) == 1 and not _FROM_PLAIN.keys().isdisjoint(document)
        return {_DOCUMENT: document} if is_alike else document
    if kind is list:
        return [plain(part) for part in value]
    told = _TO_PLAIN.get(kind)
    return value if told is None else {told[0]: told[1](value)}


def restored(value: Any) -> Any:
    """Return what `plain` was given."""
    kind = type(value)
    if kind is dict:
        if len(value) == 1:
            ((name, part),) = value.items()
            if name in _FROM_PLAIN:
                return _again(name, part)
        return {name: restored(part) for name, part in value.items()}
    return [restored(part) for part in value] if kind is list else value


def _again(name: str, part: Any) -> Any:
    try:
        return _FROM_PLAIN[name](part)
    except (ArithmeticError, TypeError, ValueError):
        # There is a pseudonym in it, which is no such value.
        return part


def _document(document: dict[str, Any]) -> dict[str, Any]:
    return {name: restored(part) for name, part in document.items()}


def _identifier(digits: str) -> ObjectId:
    if ObjectId.is_valid(digits):
        return ObjectId(digits)
    # A pseudonym: another identifier is as good.
    return ObjectId(sha256(digits.encode()).hexdigest()[:_ID_DIGITS])


_FROM_PLAIN: Final[dict[str, Callable[[Any], Any]]] = {
    "$Binary": lambda parts: Binary(*parts),
    "$Code": lambda parts: Code(parts[0], restored(parts[1])),
    # As it is on the wire.
    "$DBRef": restored,
    "$DatetimeMS": DatetimeMS,
    "$Decimal128": Decimal128,
    _DOCUMENT: _document,
    "$Int64": Int64,
    "$MaxKey": lambda value: MaxKey(),
    "$MinKey": lambda value: MinKey(),
    "$ObjectId": _identifier,
    "$Regex": lambda parts: Regex(*parts),
    "$Timestamp": lambda parts: BsonTimestamp(*parts),
}

"""Messages of MongoDB's protocol: what a command is, and replies as plain data."""

from __future__ import annotations

from datetime import UTC
from struct import Struct
from typing import Any, Final, NamedTuple

from bson import decode, encode
from bson.codec_options import CodecOptions, DatetimeConversion

from playback_core.interceptors._mongo_values import plain, restored

_HEADER: Final = 16
_COMPRESSED: Final = 2012
_MORE_TO_COME: Final = 2
_STRING: Final = 2
_LARGE_INTEGER: Final = 18
_int_at: Final = Struct("<i").unpack_from
_large_int_at: Final = Struct("<q").unpack_from

# Moments with their zone; those that Python has no datetime for as what they are.
_OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    tzinfo=UTC,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


class Peeked(NamedTuple):
    """What the beginning of a message tells: the collection or the cursor that it is about."""

    name: str
    collection: str
    cursor: int | None
    is_answered: bool


def peeked(message: bytes) -> Peeked:
    """Return what command a message is, without decoding it."""
    body, start = _body(message)
    (flags,) = _int_at(body, start)
    # The kind of its first section and the length of the document come before the first name.
    kind = body[start + 9]
    end = body.index(b"\0", start + 10)
    name = body[start + 10 : end].decode()
    collection, cursor = "", None
    if kind == _STRING:
        (length,) = _int_at(body, end + 1)
        collection = body[end + 5 : end + 4 + length].decode("utf-8", "replace")
    elif kind == _LARGE_INTEGER:
        (cursor,) = _large_int_at(body, end + 1)
    return Peeked(name, collection, cursor, not flags & _MORE_TO_COME)


def command_of(message: bytes) -> dict[str, Any]:
    """Return the command of a message, with the documents that follow it, decoded."""
    body, start = _body(message)
    position = start + 4
    command: dict[str, Any] = {}
    while position < len(body):
        (size,) = _int_at(body, position + 1)
        section = body[position + 1 : position + 1 + size]
        if body[position] == 0:
            command.update(decode(section, _OPTIONS))
        else:
            name, documents = _documents(section)
            command[name] = documents
        position += 1 + size
    return command


def _documents(section: bytes) -> tuple[str, list[dict[str, Any]]]:
    end = section.index(b"\0", 4)
    documents, position = [], end + 1
    while position < len(section):
        (size,) = _int_at(section, position)
        documents.append(decode(section[position : position + size], _OPTIONS))
        position += size
    return section[4:end].decode(), documents


def _body(message: bytes) -> tuple[bytes, int]:
    (operation,) = _int_at(message, 12)
    if operation != _COMPRESSED:
        return message, _HEADER
    from pymongo.compression_support import decompress

    # The operation that it was, its size, and by what it was compressed come before the rest.
    (size,) = _int_at(message, _HEADER + 4)
    return decompress(message[_HEADER + 9 :], message[_HEADER + 8], size), 0


def stored_reply(payload: bytes) -> dict[str, Any]:
    """Return what is stored of the document of a reply."""
    document = decode(payload, _OPTIONS)
    document.pop("$clusterTime", None)
    stored: dict[str, Any] = plain(document)
    return stored


def reply_of(stored: dict[str, Any]) -> Any:
    """Return the reply as the driver has it, for what was stored of it."""
    from pymongo.message import _OpMsg

    return _OpMsg(0, encode(restored(stored)))

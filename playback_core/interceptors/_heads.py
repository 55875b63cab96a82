"""The head of a recorded response, put where `http.client` puts what it has parsed of one.

To parse it again takes longer than all else that a replayed call does here.
"""

from __future__ import annotations

from http.client import HTTPMessage
from typing import Any, Final

_WITHOUT_BODY: Final = frozenset({204, 304})
_CONTINUE: Final = 100
_PARSED: Final = ("multipart/", "message/")
"""What the parser of heads looks for a body of, and notes that there is none."""


def put_head(response: Any, stored: dict[str, Any], headers: list[list[str]]) -> bool:
    """Give a response its recorded head, as `begin` does; False where that has to parse it."""
    status, reason = stored["status"], stored["reason"]
    if not _CONTINUE < status < 1000 or not (reason.isprintable() and reason == reason.strip()):
        return False
    message = HTTPMessage()
    for name, value in headers:
        if not _is_plain(name, value):
            return False
        message[name] = value
    message.set_payload("")
    response.code = response.status = status
    response.reason = reason
    response.version = 10 if stored["version"] == 10 else 11
    response.headers = response.msg = message
    _put_framing(response, message)
    return True


def _is_plain(name: str, value: str) -> bool:
    """Tell whether a parser has the same of a header as was written: one line, as it is."""
    return (
        (name.isascii() and name.isprintable() and value.isascii() and value.isprintable())
        and (name != "" and " " not in name and ":" not in name)
        and value[:1] != " "
        and not (name.lower() == "content-type" and value.lower().startswith(_PARSED))
    )


def _put_framing(response: Any, message: HTTPMessage) -> None:
    # As in `HTTPResponse.begin`, in the order that it has.
    response.chunked = message.get("transfer-encoding", "").lower() == "chunked"
    if response.chunked:
        response.chunk_left = None
    response.will_close = response._check_close()
    response.length = None if response.chunked else _length(message.get("content-length"))
    if response.status in _WITHOUT_BODY or response.status < 200 or response._method == "HEAD":
        response.length = 0
    if not (response.will_close or response.chunked) and response.length is None:
        response.will_close = True


def _length(text: str | None) -> int | None:
    try:
        length = int(text) if text else None
    except ValueError:
        return None
    return None if length is None or length < 0 else length

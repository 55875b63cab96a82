"""Responses on their way to the application: what is kept of them, and fits in a replay.

An interceptor tells a `ReceivedResponse` of each piece of its body that the application reads, and
in a replay gives the pieces of a `ReplayedBody` again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from playback_core.codec import Deferred, encode_plain
from playback_core.content_codings import decoded as without_coding
from playback_core.http_exchange import header_value
from playback_core.interceptors._bodies import ReceivedBody, stored_body
from playback_core.interceptors._http_secrets import http_redactor, redacted_received
from playback_core.library_interception import Call
from playback_core.session import Session

_HEAD_BYTES: Final = 512
_OF_ENCODED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class ReceivedResponse(Deferred):
    """A response on its way to the application: its head, and its body as it is read.

    `is_decoded` says that the body is kept as its Content-Encoding was taken off.
    `body` is to be told of each piece, and of the end. `version` is 10, 11, 20 or 30.
    """

    __slots__ = ("_head", "_is_decoded", "_redactor", "body")

    def __init__(
        self,
        session: Session,
        call: Call,
        *,
        status: int,
        reason: str,
        headers: Iterable[tuple[str, str]],
        version: int = 11,
        body: ReceivedBody | None = None,
        is_decoded: bool = False,
    ) -> None:
        self._is_decoded = is_decoded
        self._head = (status, reason, tuple(headers), version)
        self._redactor = http_redactor(session.redaction)
        self.body = ReceivedBody(session, call.alias) if body is None else body

    def encode(self) -> bytes:
        return encode_plain(self.stored())

    def stored(self) -> dict[str, Any]:
        """Return what is stored: without secrets."""
        status, reason, headers, version = self._head
        kept = self.body.kept()
        content = kept.content
        pairs = [[name, value] for name, value in headers]
        if self._redactor is not None:
            pairs, content = redacted_received(
                self._redactor, pairs, content, is_encoded=not self._is_decoded
            )
        stored = {
            "status": status,
            "reason": reason,
            "version": version,
            "headers": pairs,
            **stored_body(kept, content),
        }
        return {**stored, "decoded": True} if self._is_decoded else stored

    def __len__(self) -> int:
        return _HEAD_BYTES + len(self.body)


def fitting_headers(stored: dict[str, Any]) -> list[list[str]]:
    """Return the headers of a stored response as they fit its body, also where that is decoded."""
    headers: list[list[str]] = stored["headers"]
    if not stored.get("decoded"):
        return headers
    kept = [pair for pair in headers if pair[0].lower() not in _OF_ENCODED]
    return [*kept, ["Content-Length", str(len(stored["body"]))]]


def decoded(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a stored response for a library that takes the encoding of a body off as it comes."""
    if stored.get("decoded"):
        return stored
    coding = header_value(stored["headers"], "content-encoding").strip().lower()
    plain = without_coding(coding, stored["body"])
    return stored if plain is None else {**stored, "body": plain, "pieces": None}

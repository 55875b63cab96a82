"""Secrets of the HTTP calls an application makes: what is stored of them instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from playback_core.codec.redaction import Redactor
from playback_core.http_exchange import URL_HEADERS, header_value, redacted_response, redacted_url
from playback_core.http_redaction import HttpRedactor
from playback_core.packing import Redaction

Pairs = list[tuple[str, str]]

_made: WeakKeyDictionary[Redactor, HttpRedactor] = WeakKeyDictionary()


def http_redactor(redaction: Redaction | None) -> HttpRedactor | None:
    """Return what redacts HTTP as the redaction of a session does other values."""
    if redaction is None or isinstance(redaction, HttpRedactor):
        return redaction
    if not isinstance(redaction, Redactor):
        return None
    made = _made.get(redaction)
    if made is None:
        made = _made[redaction] = HttpRedactor.like(redaction)
    return made


def redacted_sent(
    redactor: HttpRedactor, url: str, headers: Iterable[tuple[str, str]], body: Any
) -> tuple[str, Pairs, Any]:
    """Return the URL, headers (by lower-case names) and body of a request without secrets."""
    shown = [(name, _header(redactor, name, value)) for name, value in headers]
    if body and isinstance(body, bytes):
        body = _redacted_body(redactor, shown, body)
    return redacted_url(redactor, url), shown, body


def _header(redactor: HttpRedactor, name: str, value: str) -> str:
    if name in URL_HEADERS:
        return redacted_url(redactor, value)
    return redactor.header(name, value)


def redacted_received(
    redactor: HttpRedactor, headers: list[list[str]], body: bytes, *, is_encoded: bool = True
) -> tuple[list[list[str]], bytes]:
    """Return the headers and the body of a response without secrets, its length corrected.

    `is_encoded` says that the body is as its Content-Encoding says.
    """
    given = [(name, value) for name, value in headers]
    shown = _redacted_body(redactor, given, body, is_encoded=is_encoded) if body else body
    pairs, _ = redacted_response(redactor, given, b"", None)
    if len(shown) != len(body):
        for pair in pairs:
            if pair[0].lower() == "content-length":
                pair[1] = str(len(shown))
    return pairs, shown


def _redacted_body(
    redactor: HttpRedactor, headers: Pairs, body: bytes, *, is_encoded: bool = True
) -> bytes:
    coding = header_value(headers, "content-encoding") if is_encoded else ""
    return redactor.coded_body(header_value(headers, "content-type"), coding, body)

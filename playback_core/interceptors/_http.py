"""What an HTTP call is as plain data, whichever library makes it.

An interceptor tells a call by `http_call`, keeps a `ReceivedResponse` whose `body` it tells of each
piece the application reads, and in a replay gives the pieces of a `ReplayedBody` again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from playback_core.codec import Deferred, encode
from playback_core.entry import EntryKind
from playback_core.http_exchange import header_value
from playback_core.http_redaction import DEFAULT_HEADERS, HttpRedactor
from playback_core.interceptor_options import DEFAULT_OPTIONS, InterceptorOptions
from playback_core.interceptors._bodies import ReceivedBody, stored_body
from playback_core.interceptors._codings import decoded as without_coding
from playback_core.interceptors._http_secrets import (
    http_redactor,
    redacted_received,
    redacted_sent,
)
from playback_core.interceptors._sent_bodies import Content, SentBody, within_limit
from playback_core.library_interception import INPUT, OUTPUT, Call
from playback_core.session import Session, current

Headers = tuple[tuple[str, str], ...]

IGNORED_HEADERS: Final = frozenset(
    {
        *("user-agent", "accept-encoding", "host", "date", "content-length"),
        *("connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "expect"),
        *("traceparent", "tracestate", "baggage", "sentry-trace", "x-amzn-trace-id"),
        *("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"),
        *("x-cloud-trace-context", "uber-trace-id", "newrelic", "x-datadog-trace-id"),
        *("x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags"),
    }
)
"""The headers of a request that are not recorded: they tell of the library, the connection and the
tracing, and differ from run to run."""

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_KINDS: Final = {"input": INPUT, "output": OUTPUT}
_HEAD_BYTES: Final = 512
_BOUNDARY: Final = re.compile(r'(multipart/[^;]*;.*boundary="?)([^";,]+)', re.IGNORECASE)
_ANY: Final = "boundary"
_USER: Final = re.compile(r"(?<=://)[^/?]*@")
_ANYTHING: Final = ("accept", "*/*")
"""What some libraries say of themselves, and what saying nothing means."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as a library sends it; nobody changes any of it, but a body that is being sent."""

    method: str
    url: str
    headers: Headers
    body: Content | SentBody = b""


def header_pairs(headers: Iterable[tuple[Any, Any]]) -> Headers:
    """Return the headers of a request as texts, whatever types a library takes them as."""
    return tuple((_text(name), _text(value)) for name, value in headers)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def http_call(request: SentRequest, about: Any = None) -> Call:
    """Tell a request as a call: an input, or an output where it writes or a setting says so."""
    method = request.method.upper()
    branch = current()
    options = DEFAULT_OPTIONS if branch is None else branch.session.interceptor_options
    body = within_limit(request.body, options.body_limit)
    if body is not request.body:
        request = replace(request, body=body)
    size = _HEAD_BYTES + (len(body) if isinstance(body, bytes) else 0)
    later = partial(request_fields, request, _redactor())
    url = _without_user(request.url)
    alias = f"http {method} {_host(url.partition('?')[0])}"
    kind = _kind(method, url, options)
    return Call(kind, alias, {}, about, later, size)


def _kind(method: str, url: str, options: InterceptorOptions) -> EntryKind:
    named = options.http_kind(method, url)
    return _KINDS[named or ("input" if method in _READS else "output")]


@lru_cache(maxsize=1024)
def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "unknown"
    except ValueError:
        return "unknown"


def _redactor() -> HttpRedactor | None:
    branch = current()
    return None if branch is None else http_redactor(branch.session.redaction)


def request_fields(request: SentRequest, redactor: HttpRedactor | None) -> dict[str, Any]:
    """Return what is recorded of a request: without its secrets and what differs in each run."""
    body = request.body
    content = body.content() if isinstance(body, SentBody) else body
    headers = [(name.lower(), value) for name, value in request.headers]
    url = _without_user(request.url)
    if redactor is not None:
        url, headers, content = redacted_sent(redactor, url, headers, content)
    headers, content = _without_boundary(headers, content)
    kept: dict[str, list[str]] = {}
    for name, value in headers:
        if name not in IGNORED_HEADERS and (name, value) != _ANYTHING:
            kept.setdefault(name, []).append(value)
    fields: dict[str, Any] = {"method": request.method.upper(), "url": url, "headers": kept}
    if content:
        fields["body"] = content
    return fields


def _without_boundary(
    headers: list[tuple[str, str]], content: Content
) -> tuple[list[tuple[str, str]], Content]:
    # It is random, and says nothing.
    boundary = _BOUNDARY.match(header_value(headers, "content-type"))
    if boundary is None or not isinstance(content, bytes):
        return headers, content
    found = boundary.group(2)
    delimiter = b"--" + found.encode("latin-1")
    shown = [
        (name, value.replace(found, _ANY) if name == "content-type" else value)
        for name, value in headers
    ]
    return shown, content.replace(delimiter, b"--" + _ANY.encode())


def _without_user(url: str) -> str:
    url = url.partition("#")[0]
    return _USER.sub("", url, count=1) if "@" in url else url


def shown_text(url: str) -> Callable[[str], str]:
    """Return what hides the secrets of a URL's query in the texts of an exception."""
    redactor = _redactor()
    query = url.partition("#")[0].partition("?")[2]
    shown = query if redactor is None or not query else redactor.query(query)
    return str if shown == query else lambda text: text.replace(query, shown)


def same_meaning(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request with its query in order, and without what signs it.

    Credentials that the application computes from redacted ones differ in a replay.
    """
    parts = urlsplit(fields["url"])
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    headers = {
        name: values for name, values in fields["headers"].items() if name not in DEFAULT_HEADERS
    }
    url = urlunsplit(parts._replace(query=""))
    return {**fields, "url": url, "query": query, "headers": headers}


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
        return encode(self.stored())

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


_OF_ENCODED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})

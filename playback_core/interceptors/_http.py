"""What an HTTP call is as plain data, whichever library makes it: told by `http_call`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, partial
from itertools import chain
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from playback_core.entry import EntryKind
from playback_core.http_exchange import header_value
from playback_core.http_redaction import DEFAULT_HEADERS, HttpRedactor
from playback_core.interceptor_options import DEFAULT_OPTIONS, InterceptorOptions
from playback_core.interceptors._http_secrets import http_redactor, redacted_sent
from playback_core.interceptors._sent_bodies import Content, SentBody, within_limit
from playback_core.library_interception import INPUT, OUTPUT, Call
from playback_core.playback_session import PlaybackSession
from playback_core.session import current

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
_TEXTS: Final = frozenset({str})
_MULTIPART: Final = "multipart/"
_ANY: Final = "boundary"
_ANYTHING: Final = ("accept", "*/*")
"""What some libraries say of themselves, and what saying nothing means."""


class SentRequest(NamedTuple):
    """A request as a library sends it; nobody changes any of it, but a body that is being sent."""

    method: str
    url: str
    headers: Headers
    body: Content | SentBody = b""


def header_pairs(headers: Iterable[tuple[Any, Any]]) -> Headers:
    """Return the headers of a request as texts, whatever types a library takes them as."""
    pairs: tuple[Any, ...] = tuple(map(tuple, headers))
    if _TEXTS.issuperset(map(type, chain.from_iterable(pairs))):
        return pairs
    return tuple((_text(name), _text(value)) for name, value in pairs)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def http_call(request: SentRequest, about: Any = None) -> Call:
    """Tell a request as a call: an input, or an output where it writes or a setting says so."""
    options = _options()
    body = within_limit(request.body, options.body_limit)
    if body is not request.body:
        request = request._replace(body=body)
    size = _HEAD_BYTES + (len(body) if isinstance(body, bytes) else 0)
    later = partial(request_fields, request, _redactor())
    kind, alias = _kind_and_alias(request, options)
    if not isinstance(body, SentBody):
        return Call(kind, alias, {}, about, later, size)
    if body.use_up is not None:
        foresee(request)
    return Call(kind, alias, {}, about, later, size, body.place)


def foresee(request: SentRequest) -> None:
    """Prepare a body for being used up by a replay: it ends where the recorded one was cut off.

    What it calls comes after the request that it belongs to.
    """
    branch, body = current(), request.body
    if branch is None or not isinstance(body, SentBody):
        return
    session = branch.session
    if isinstance(session, PlaybackSession) and branch.intercepting and body.place is None:
        body.stop_after = recorded_cut(request).at
        if _kind_and_alias(request, session.interceptor_options)[0] is OUTPUT:
            body.place = session.sent.reserve(branch.path)


class Cut(NamedTuple):
    """After how many bytes the body of a recorded request was cut off, and whether it failed."""

    at: int | None = None
    failed: bool = False


def recorded_cut(request: SentRequest) -> Cut:
    """Return what became of the body of the recorded request that a replay comes to next."""
    branch = current()
    if branch is None or not isinstance(branch.session, PlaybackSession):
        return Cut()
    session = branch.session
    kind, alias = _kind_and_alias(request, session.interceptor_options)
    told = request_fields(request._replace(body=b""), _redactor())
    for entry in session.left(kind, alias, branch.path):
        arguments = entry.decoded_arguments()
        fields = arguments["kwargs"] if kind is OUTPUT else arguments[1]
        # An output is matched by its alias alone.
        if kind is OUTPUT or fields.get("url") == told["url"]:
            return Cut(fields.get("cut_at"), entry.failed)
    return Cut()


def _options() -> InterceptorOptions:
    branch = current()
    return DEFAULT_OPTIONS if branch is None else branch.session.interceptor_options


def _kind_and_alias(request: SentRequest, options: InterceptorOptions) -> tuple[EntryKind, str]:
    method, url = request.method.upper(), _without_user(request.url)
    named = options.http_kind(method, url)
    kind = _KINDS[named or ("input" if method in _READS else "output")]
    return kind, f"http {method} {_host(url.partition('?')[0])}"


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
    if isinstance(body, SentBody) and body.cut_at is not None:
        fields["cut_at"] = body.cut_at
    return fields


def _without_boundary(
    headers: list[tuple[str, str]], content: Content
) -> tuple[list[tuple[str, str]], Content]:
    # It is random, and says nothing.
    content_type = header_value(headers, "content-type")
    if not isinstance(content, bytes) or _MULTIPART not in content_type.lower():
        return headers, content
    boundary = _boundary().match(content_type)
    if boundary is None:
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
    return _user().sub("", url, count=1) if "@" in url else url


# Compiled when they are first needed: few applications have any use for them, and each would
# wait for them to be imported.


@cache
def _boundary() -> re.Pattern[str]:
    return re.compile(r'(multipart/[^;]*;.*boundary="?)([^";,]+)', re.IGNORECASE)


@cache
def _user() -> re.Pattern[str]:
    return re.compile(r"(?<=://)[^/?]*@")


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

"""AsgiExchange: an exchange as the messages that an ASGI server and its application send."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, ClassVar, Final

from playback_core.exchanges.exchange import STOP_AFTER, Exchange
from playback_core.exchanges.rules import ExchangeRules
from playback_core.http_exchange import (
    SCALARS,
    BodyCapture,
    HttpExchange,
    header_value,
    redacted_url,
)
from playback_core.operation import OpenOperation

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiRequestBody:
    """The body of a request, from the messages by which the application has received it."""

    def __init__(self, limit: int, *, is_empty: bool) -> None:
        self.capture = BodyCapture(limit)
        self.is_complete = is_empty
        self.is_broken = False
        self.refusal: str | None = None

    def take(self, message: Message) -> None:
        """Keep what came; the client may have gone instead."""
        if message["type"] == "http.request":
            self.capture.add(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)
        elif message["type"] == "http.disconnect":
            self.is_broken = not self.is_complete


class AsgiHttpExchange(HttpExchange):
    """What is recorded of an exchange whose environment is a scope."""

    __slots__ = ()

    def _redacted_request(self) -> tuple[dict[str, Any], bytes]:
        scope, redactor = dict(self.environ), self.redactor
        headers = [[name, redactor.header(name, value)] for name, value in scope["headers"]]
        query = scope.get("query_string", b"").decode("latin-1")
        scope["query_string"] = redactor.query(query).encode("latin-1")
        kind, coding = (header_value(headers, f"content-{name}") for name in ("type", "encoding"))
        body = redactor.coded_body(kind, coding, self.request_body)
        for pair in headers:
            if pair[0] == "referer":
                pair[1] = redacted_url(redactor, pair[1])
            elif pair[0] == "content-length" and len(body) != len(self.request_body):
                pair[1] = str(len(body))
        return {**scope, "headers": headers}, body


class AsgiExchange(Exchange):
    """One call of an ASGI application for a request of HTTP."""

    _data: ClassVar[type[HttpExchange]] = AsgiHttpExchange

    __slots__ = ("_body", "_is_left", "_stop_after")

    def __init__(self, rules: ExchangeRules, operation: OpenOperation, scope: Scope) -> None:
        stop_after, plain = scope.pop(STOP_AFTER, None), recorded_scope(scope)
        body = AsgiRequestBody(rules.settings.body_limit, is_empty=not _has_body(scope))
        super().__init__(rules, operation, plain, str(scope["path"]), stop_after)
        self._stop_after = stop_after
        self._is_left = False
        self._body = self._request_body = body

    def receive(self, message: Message) -> None:
        """Take a message on its way to the application."""
        with self._guard:
            self._body.take(message)
            self._is_left = self._is_left or message["type"] == "http.disconnect"

    def send(self, message: Message) -> Message:
        """Take a message on its way to the server, and return what to send."""
        with self._guard:
            if message["type"] == "http.response.start":
                if not isinstance(message.get("headers", ()), (list, tuple)):
                    # The specification asks for no more than an iterable.
                    message = {**message, "headers": [*message["headers"]]}
                return self._begin(message)
            if message["type"] == "http.response.body":
                self._response_body.add(message.get("body", b""))
                # An application may end its answer in order when it hears that the client is gone.
                if not (self._is_left or message.get("more_body", False)):
                    self.exhaust()
        return message

    def is_replayed_to_its_end(self) -> bool:
        """Tell whether a replay has sent what the client of the recorded request waited for."""
        return self._stop_after is not None and self._response_body.size >= self._stop_after

    def leave(self) -> None:
        """Note that the client has gone: what the application raises then is no answer."""
        self._is_left = True

    def fail(self, error: BaseException, how: str) -> None:
        if not (self._is_left and self._status is not None):
            super().fail(error, how)

    def _begin(self, message: Message) -> Message:
        status = str(message["status"])
        self.name_by(status)
        headers = [_text_pair(pair) for pair in message.get("headers", ())]
        shown = self._with_recording_id(headers)
        self._status, self._headers = status, headers
        if shown is headers:
            return message
        added = [tuple(text.encode("latin-1") for text in pair) for pair in shown[len(headers) :]]
        return {**message, "headers": [*message.get("headers", ()), *added]}

    def _method(self) -> Any:
        return self._environ.get("method")


def recorded_scope(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a scope is plain: no state, no objects of frameworks; headers as texts."""
    plain = {key: value for key, value in scope.items() if type(value) in SCALARS}
    for key in ("client", "server"):
        address = scope.get(key)
        plain[key] = None if address is None else list(address)
    query = scope.get("query_string", b"")
    # Test clients give the query as a text, which applications take as well.
    plain["query_string"] = query.encode("latin-1") if isinstance(query, str) else query
    plain["headers"] = [list(_text_pair(pair)) for pair in scope.get("headers", ())]
    plain["spec_version"] = str(scope.get("asgi", {}).get("spec_version", "2.0"))
    return plain


def without_files(scope: Scope) -> Scope:
    """Return a scope for the application in which no file can be sent past us."""
    extensions = scope.get("extensions") or {}
    if _FILES.isdisjoint(extensions):
        return scope
    kept = {name: value for name, value in extensions.items() if name not in _FILES}
    return {**scope, "extensions": kept}


_FILES: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


def _has_body(scope: Scope) -> bool:
    lengths = {name: value for name, value in scope.get("headers", ()) if name in _LENGTHS}
    return lengths.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in lengths


_LENGTHS: Final = frozenset({b"content-length", b"transfer-encoding"})


def _text_pair(pair: Iterable[bytes]) -> tuple[str, str]:
    name, value = pair
    return name.decode("latin-1"), value.decode("latin-1")

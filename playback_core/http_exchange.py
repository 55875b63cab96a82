"""HTTP requests and responses as the plain data that recordings hold, whatever the framework."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import chain
from typing import Any, Final, NotRequired, TypedDict

from playback_core.http_redaction import HttpRedactor

URL_HEADERS: Final = frozenset({"location", "content-location", "referer"})
"""The headers whose values are URLs, with a query that may hold secrets."""

SESSION_MARK: Final = "<session>"
"""What stands for the value of a session's cookie."""

Scalar = str | int | float | bool | bytes
SCALARS: Final = frozenset({str, int, float, bool, bytes})
"""The types of what a request's environment is recorded of: nothing else can be run again."""


class RecordedRequest(TypedDict):
    """What came in.

    `environ` has the scalars of a WSGI environment, or what of an ASGI scope is plain; `body` the
    bytes the application read, which are all there were if `body_complete`, and after which reading
    failed if `body_broken`; `app` what of the application's own settings decides how it answers.
    """

    environ: dict[str, Any]
    body: bytes
    body_complete: bool
    body_broken: NotRequired[bool]
    app: dict[str, Any]


class RecordedException(TypedDict):
    """An exception of the application: `how` is handled, unhandled, after response or streaming."""

    type: str
    message: str
    how: str


class RecordedResponse(TypedDict):
    """What went out, as it was streamed; `partial` if the client left before the end."""

    status: int
    reason: str
    headers: list[list[str]]
    body: bytes
    partial: bool
    exceptions: list[RecordedException]


class BodyCapture:
    """Keeps the first `limit` bytes of a body that goes by, `kept` of all the `size`."""

    __slots__ = ("_chunks", "_limit", "kept", "size")

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self.kept = 0
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Take the next piece."""
        size = len(chunk)
        self.size += size
        kept = min(size, self._limit - self.kept)
        if kept > 0:
            self.kept += kept
            self._chunks.append(bytes(chunk if kept == size else chunk[:kept]))

    @property
    def is_cut(self) -> bool:
        """Tell whether the body is longer than what was kept."""
        return self.size > self.kept

    def content(self) -> bytes:
        """Return what was kept."""
        chunks = self._chunks
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


@dataclass(frozen=True, slots=True)
class CutBody:
    """Why an exchange can't be verified: one of its bodies is over the limit."""

    what: str
    size: int
    limit: int

    def __str__(self) -> str:
        return (
            f"the {self.what} body has {self.size} bytes or more and BODY_LIMIT is {self.limit};"
            " raise it to record such bodies whole"
        )


@dataclass(kw_only=True, slots=True, eq=False)
class HttpExchange:
    """A request and its answer as they went; what is recorded of them is made when it is stored.

    `environ` is what of the environment is plain, the bodies are what was kept of them. Nobody
    changes any of it afterwards.
    """

    redactor: HttpRedactor
    app: dict[str, Any]
    environ: dict[str, Any]
    request_body: bytes
    request_complete: bool
    request_broken: bool
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    partial: bool
    exceptions: list[RecordedException]
    session_cookie: str | None

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""
        return _HEADERS_SIZE + len(self.request_body) + len(self.body)

    def request(self) -> RecordedRequest:
        """Return the request without its secrets."""
        environ, body = self._redacted_request()
        request: RecordedRequest = {
            "environ": environ,
            "body": body,
            "body_complete": self.request_complete,
            "app": self.app,
        }
        if self.request_broken:
            request["body_broken"] = True
        return request

    @property
    def redacted_by(self) -> HttpRedactor | None:
        """The redactor, where it has nothing left to find in request and response."""
        names = (*self.app, *self.environ)
        return self.redactor if _leaves_fields(self.redactor, names) else None

    def _redacted_request(self) -> tuple[dict[str, Any], bytes]:
        return redacted_environ(self.redactor, self.environ, self.request_body)

    def response(self) -> RecordedResponse:
        """Return the answer without its secrets."""
        headers, body = redacted_response(
            self.redactor, self.headers, self.body, self.session_cookie
        )
        return {
            "status": self.status,
            "reason": self.reason,
            "headers": headers,
            "body": body,
            "partial": self.partial,
            "exceptions": self.exceptions,
        }


_FIELD_NAMES: Final = (
    *("args", "kwargs"),
    *RecordedRequest.__annotations__,
    *RecordedResponse.__annotations__,
    *RecordedException.__annotations__,
)
"""The names of all fields of what is stored, beside those of an environment and of settings."""


@lru_cache(maxsize=64)
def _leaves_fields(redactor: HttpRedactor, names: tuple[str, ...]) -> bool:
    # Remembered, as the environments of most requests have the same names.
    return redactor.leaves(chain(_FIELD_NAMES, names))


_HEADERS_SIZE: Final = 8 * 1024
"""What an exchange takes beside its bodies: servers allow about so much of headers."""


def recorded_exception(error: BaseException, how: str) -> RecordedException:
    """Return an exception as it is compared: type and text, without what it refers to."""
    kind = type(error)
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "message": str(error),
        "how": how,
    }


def redacted_response(
    redactor: HttpRedactor,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    session_cookie: str | None,
) -> tuple[list[list[str]], bytes]:
    """Return a response's headers and body without their secrets.

    The cookie of the session, if it has one, is marked: it is compared by what the session holds.
    Content-Length follows a body that redaction changed, so that what is stored agrees with itself.
    """
    redacted, content_type, coding = [], "", ""
    for name, value in headers:
        lowered = name.lower()
        if lowered in redactor.headers:
            is_session = (
                session_cookie is not None
                and lowered == "set-cookie"
                and value.startswith(f"{session_cookie}=")
            )
            value = marked_cookie(value) if is_session else redactor.header(name, value)
        elif lowered == "content-type":
            content_type = value
        elif lowered == "content-encoding":
            coding = value
        elif lowered in URL_HEADERS:
            value = redacted_url(redactor, value)
        redacted.append([name, value])
    shown = redactor.coded_body(content_type, coding, body) if body else body
    if len(shown) != len(body):
        for pair in redacted:
            if pair[0].lower() == "content-length":
                pair[1] = str(len(shown))
    return redacted, shown


def marked_cookie(set_cookie: str) -> str:
    """Return a session's Set-Cookie with its value marked and without its moment of expiry.

    Both change with each second. That the cookie is deleted still shows: its value stays empty.
    """
    pair, *attributes = set_cookie.split("; ")
    name, _, value = pair.partition("=")
    mark = SESSION_MARK if value.strip('"') else ""
    kept = [each for each in attributes if not each.lower().startswith("expires=")]
    return "; ".join([f"{name}={mark}", *kept])


def redacted_environ(
    redactor: HttpRedactor, recorded: Mapping[str, Scalar], body: bytes
) -> tuple[dict[str, Scalar], bytes]:
    """Return a WSGI environment and the body without their secrets.

    CONTENT_LENGTH follows a body that this changed.
    """
    environ = dict(recorded)
    for key, name in _environ_keys(redactor.headers):
        value = environ.get(key)
        if isinstance(value, str):
            environ[key] = redactor.header(name, value)
    for key in _QUERIES:
        value = environ.get(key)
        if value and isinstance(value, str):
            redact = redactor.query if key == "QUERY_STRING" else partial(redacted_url, redactor)
            environ[key] = redact(value)
    kind, coding = (str(environ.get(name, "")) for name in ("CONTENT_TYPE", _CODING))
    shown = redactor.coded_body(kind, coding, body) if body else body
    if len(shown) != len(body) and environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(len(shown))
    return environ, shown


def header_value(headers: Iterable[Iterable[str]], name: str) -> str:
    """Return the first value of a header, by its lower-case name, or an empty text."""
    return next((value for given, value in headers if given.lower() == name), "")


@cache
def _environ_keys(headers: frozenset[str]) -> list[tuple[str, str]]:
    return [("HTTP_" + name.upper().replace("-", "_"), name) for name in headers]


_CODING: Final = "HTTP_CONTENT_ENCODING"
_QUERIES: Final = ("QUERY_STRING", "RAW_URI", "REQUEST_URI", "HTTP_REFERER")


def redacted_url(redactor: HttpRedactor, url: str) -> str:
    """Return a URL without the secrets of its query."""
    path, mark, query = url.partition("?")
    return path + mark + redactor.query(query) if query else url

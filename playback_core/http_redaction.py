"""Redaction of what HTTP carries: headers, cookies, queries, form and JSON bodies."""

import json
import re
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from playback_core.codec.redaction import DEFAULT_FIELDS, Redactor

DEFAULT_HEADERS: Final = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie"),
        *("api-key", "x-api-key", "x-access-token", "x-auth-token"),
    }
)
"""The headers whose values are pseudonymised unless left out."""

_PART_NAME: Final = re.compile(rb'[;\s]name="?([^";\r\n]*)', re.IGNORECASE)


class HttpRedactor(Redactor):
    """A redactor that knows where HTTP messages hold named values.

    `headers` are names of headers, case-insensitive. A body is changed only where it holds a
    named field; its length may change with it.
    """

    def __init__(
        self,
        *,
        key: bytes,
        fields: Collection[str] = DEFAULT_FIELDS,
        headers: Collection[str] = DEFAULT_HEADERS,
    ) -> None:
        super().__init__(key=key, fields=fields)
        self.headers = frozenset(name.lower() for name in headers)

    def header(self, name: str, value: str) -> str:
        """Return a header's value; of cookies the names and attributes are kept."""
        lowered = name.lower()
        if lowered not in self.headers:
            return value
        if lowered == "cookie":
            return "; ".join(self._cookie(pair) for pair in value.split(";"))
        if lowered == "set-cookie":
            pair, separator, attributes = value.partition(";")
            return self._cookie(pair) + separator + attributes
        return self.pseudonym(value)

    def query(self, text: str) -> str:
        """Return a query string or urlencoded form with its named fields redacted."""
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
        if not any(self.names(name) for name, _ in pairs):
            return text
        redacted = [(name, self._field(name, value)) for name, value in pairs]
        return urlencode(redacted, encoding="latin-1")

    def body(self, content_type: str, body: bytes) -> bytes:
        """Return a body with its named form or JSON fields redacted."""
        kind, _, parameters = content_type.partition(";")
        kind = kind.strip().lower()
        if kind == "application/x-www-form-urlencoded":
            return self.query(body.decode("latin-1")).encode("latin-1")
        if kind == "multipart/form-data":
            return self._multipart(parameters, body)
        if kind == "application/json" or kind.endswith("+json"):
            return self._json(body)
        return body

    def _cookie(self, pair: str) -> str:
        name, equals, value = pair.strip().partition("=")
        return f"{name}={self.pseudonym(value)}" if equals else name

    def _field(self, name: str, value: Any) -> Any:
        return self.concealed(value) if self.names(name) else value

    def _json(self, body: bytes) -> bytes:
        # A name may be written with escapes.
        if b"\\u" not in body and not self.suspects(body):
            return body
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return body
        redacted, changed = self.walked(value)
        return _written_as(body, redacted) if changed else body

    def _multipart(self, parameters: str, body: bytes) -> bytes:
        boundary = re.search(r'boundary="?([^";]+)"?', parameters)
        if boundary is None:
            return body
        delimiter = b"--" + boundary.group(1).encode("latin-1")
        return delimiter.join(map(self._part, body.split(delimiter)))

    def _part(self, part: bytes) -> bytes:
        head, separator, content = part.partition(b"\r\n\r\n")
        name = _PART_NAME.search(head)
        if not separator or name is None or not self.names(name.group(1).decode("latin-1")):
            return part
        secret = content.removesuffix(b"\r\n")
        return head + separator + bytes(self.concealed(secret)) + b"\r\n"


# How JSON is written on one line: with spaces or without, characters escaped or not.
_STYLES: Final[list[dict[str, Any]]] = [
    {"separators": separators, "ensure_ascii": ascii_only}
    for separators in ((",", ":"), (", ", ": "))
    for ascii_only in (True, False)
]


def _written_as(body: bytes, value: Any) -> bytes:
    """Return JSON in the style of a body: as a replay writes it, which is given pseudonyms."""
    original, text = json.loads(body), body.rstrip()
    for style in _STYLES:
        if _dumped(original, style) == text:
            return _dumped(value, style) + body[len(text) :]
    return json.dumps(value).encode()


def _dumped(value: Any, style: dict[str, Any]) -> bytes:
    return json.dumps(value, **style).encode("utf-8", "surrogatepass")

"""Redaction of what HTTP carries: headers, cookies, queries, form and JSON bodies."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode

from playback_core.codec.pattern_entries import PatternLike
from playback_core.codec.redaction import DEFAULT_FIELDS, Redactor
from playback_core.codec.value_patterns import text_of
from playback_core.content_codings import decoded, encoded

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
    named field or the match of a pattern; its length may change with it.
    """

    def __init__(
        self,
        *,
        key: bytes,
        fields: Collection[str] = DEFAULT_FIELDS,
        headers: Collection[str] = DEFAULT_HEADERS,
        patterns: Iterable[PatternLike] = (),
        forbidden: Iterable[PatternLike] = (),
        lasting: bool = True,
    ) -> None:
        super().__init__(
            key=key, fields=fields, patterns=patterns, forbidden=forbidden, lasting=lasting
        )
        self.headers = frozenset(name.lower() for name in headers)

    @classmethod
    def like(cls, redactor: Redactor) -> Self:
        """Return one that redacts as another redactor does, and HTTP by the default headers."""
        own = cls.__new__(cls)
        vars(own).update(vars(redactor))
        own.headers = DEFAULT_HEADERS | redactor.fields
        return own

    def header(self, name: str, value: str) -> str:
        """Return a header's value; of cookies the names and attributes are kept."""
        lowered = name.lower()
        if lowered not in self.headers:
            return value
        if lowered == "cookie":
            return "; ".join([_cookie(self, pair) for pair in value.split(";")])
        if lowered == "set-cookie":
            pair, separator, attributes = value.partition(";")
            return _cookie(self, pair) + separator + attributes
        return self._basic(value) or self.pseudonym(value)

    def _basic(self, value: str) -> str | None:
        # User and password by themselves: who has their pseudonyms makes the same header of them.
        scheme, _, credentials = value.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = b64decode(credentials, validate=True).partition(b":")
        except ValueError:
            return None
        shown = [self.pseudonym(text_of(part)).encode() for part in (user, password)]
        return f"{scheme} {b64encode(colon.join(shown)).decode()}" if colon else None

    def query(self, text: str) -> str:
        """Return a query string or urlencoded form with its named fields redacted."""
        # Where nothing is escaped, a name stands there as it is, and looking for it is quick.
        if text.isascii() and not ("%" in text or "+" in text or self.suspects(text.encode())):
            return text
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
        if not any(self.names(name) for name, _ in pairs):
            return text
        redacted = [(name, self._field(name, value)) for name, value in pairs]
        return urlencode(redacted, encoding="latin-1")

    def body(self, content_type: str, body: bytes) -> bytes:
        """Return a body with its named form or JSON fields, and what patterns match, redacted."""
        kind, _, parameters = content_type.partition(";")
        kind = kind.strip().lower()
        if kind == "application/x-www-form-urlencoded":
            body = self.query(body.decode("latin-1")).encode("latin-1")
        elif kind == "multipart/form-data":
            body = self._multipart(parameters, body)
        elif kind == "application/json" or kind.endswith("+json"):
            return self._json(body)
        elif kind in _OF_JSON_LINES:
            return self._json_text(body)
        return self.text(body)

    def coded_body(self, content_type: str, coding: str, body: bytes) -> bytes:
        """Return a body redacted within its Content-Encoding, where that can be taken off."""
        coding = coding.strip().lower()
        plain = None if coding in ("", "identity") else decoded(coding, body)
        if plain is None:
            # Some have the body decoded, whatever its header says.
            return self.body(content_type, body)
        shown = self.body(content_type, plain)
        return body if shown == plain else encoded(coding, shown)

    def _field(self, name: str, value: str) -> str:
        # Its characters are the bytes that were sent.
        return self.pseudonym(text_of(value.encode("latin-1"))) if self.names(name) else value

    def _json(self, body: bytes) -> bytes:
        unmatched = self.text(body)
        # A name may be written with escapes.
        if unmatched == body and b"\\u" not in body and not self.suspects(body):
            return body
        try:
            value = json.loads(body)
            value, has_matches = self._json_unmatched(value)
        except (ValueError, RecursionError):
            return self._json_text(body)
        redacted, has_fields = self.walked(value)
        if not (has_matches or has_fields):
            return unmatched
        return self.text(_written_as(body, redacted))

    def _json_text(self, body: bytes) -> bytes:
        # One that is cut, or several: its fields are found as they are written.
        if self.suspects(body) or b"\\u" in body:
            body = _JSON_FIELD.sub(self._written_field, body)
        return self.text(body)

    def _written_field(self, field: re.Match[bytes]) -> bytes:
        name, colon, value = field.groups()
        if not self.names(_json_string(name)):
            return field.group()
        return name + colon + json.dumps(self.pseudonym(_json_string(value))).encode()

    def _json_unmatched(self, value: Any) -> tuple[Any, bool]:
        # Part by part, as a number that is replaced becomes a text.
        if isinstance(value, dict):
            pairs = [(self._json_unmatched(k), self._json_unmatched(v)) for k, v in value.items()]
            changed = any(k[1] or v[1] for k, v in pairs)
            return {k[0]: v[0] for k, v in pairs}, changed
        if isinstance(value, list):
            parts = [self._json_unmatched(part) for part in value]
            return [part for part, _ in parts], any(changed for _, changed in parts)
        if value is None or isinstance(value, bool):
            return value, False
        text = str(value)
        unmatched = text_of(self.text(text.encode("utf-8", "surrogatepass")))
        return (value, False) if unmatched == text else (unmatched, True)

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


_OF_JSON_LINES: Final = frozenset(
    {"application/x-ndjson", "application/jsonl", "application/json-seq", "text/event-stream"}
)
# The value of one may be where the body ends.
_JSON_FIELD: Final = re.compile(
    rb'("(?:[^"\\]|\\.)*")(\s*:\s*)("(?:[^"\\]|\\.)*"?\\?|-?[0-9][0-9.eE+-]*)', re.DOTALL
)


def _json_string(written: bytes) -> str:
    try:
        return str(json.loads(written))
    except ValueError:
        return text_of(written.strip(b'"'))


@lru_cache(maxsize=256)
def _cookie(redactor: HttpRedactor, pair: str) -> str:
    # Remembered, as a client sends the same ones with each request.
    name, equals, value = pair.strip().partition("=")
    return f"{name}={redactor.pseudonym(_unquoted(value))}" if equals else name


def _unquoted(value: str) -> str:
    """Return a cookie's value as an application has it: the pseudonym is that of this."""
    if len(value) < 2 or not (value[0] == value[-1] == '"'):
        return value
    return _QUOTED.sub(lambda found: chr(int(found[1], 8)) if found[1] else found[2], value[1:-1])


_QUOTED: Final = re.compile(r"\\(?:([0-3][0-7]{2})|(.))", re.DOTALL)

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

"""Redaction: secrets become keyed pseudonyms before anything is stored."""

import hmac
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final

from playback_core.codec import decode, describe, encode, encode_key
from playback_core.codec.field_search import FieldSearch
from playback_core.codec.field_walk import FieldWalk
from playback_core.codec.leaf_texts import with_texts_changed
from playback_core.codec.pattern_entries import PatternLike, value_patterns
from playback_core.codec.sealing import Seal
from playback_core.codec.value_patterns import (
    PatternSet,
    ValuePattern,
    found_in,
    text_of,
)
from playback_core.errors import ForbiddenContentError

# No CSRF tokens: pages show them, so that they are no secret, and pages could not be compared.
_FIELDS: Final = (
    *("token", "access_token", "api_token", "auth_token", "id_token", "refresh_token"),
    *("session_key", "session_data"),
    *("session_token", "api_key", "secret", "secret_key", "api_secret", "client_secret"),
    *("password", "passwd", "password1", "password2", "new_password", "old_password"),
    *("new_password1", "new_password2", "current_password", "confirm_password"),
    *("password_confirm", "password_confirmation", "user_password"),
    *("password_hash", "hashed_password"),
    *("secret_access_key", "secret_string", "secret_binary", "secret_hash", "private_key"),
    *("master_user_password", "sse_customer_key", "copy_source_sse_customer_key"),
)

DEFAULT_FIELDS: Final = frozenset(
    spelling
    for name in _FIELDS
    for spelling in (name, name.replace("_", "-"), name.replace("_", ""))
)
"""The names of fields and parameters whose values are pseudonymised unless left out.

`access_token` stands for `access-token` and, as case does not count, `accessToken`, too.
"""

PSEUDONYM: Final = r"psd_[0-9a-f]{24}"
"""What a pseudonym looks like: `psd_`, 4 digits that tell its key, 20 that tell its secret."""

KEY_PART: Final = slice(4, 8)
"""Where in a pseudonym it says under which key it was made."""

_DEEPEST: Final = 100
"""A secret with parts in more levels than that is one pseudonym."""

_PSEUDONYM: Final = re.compile(PSEUDONYM)
_PSEUDONYMS: Final = re.compile(f"({PSEUDONYM})".encode())
_SEGMENTED: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_SCHEME: Final = re.compile(r"(Basic|Bearer|Digest|Token|ApiKey) +(?=\S)", re.IGNORECASE)
_SCHEME_ALONE: Final = re.compile(rb"(Basic|Bearer|Digest|Token|ApiKey) *", re.IGNORECASE)


def is_pseudonym(text: str) -> bool:
    """Tell whether a text is a pseudonym made here."""
    return _PSEUDONYM.fullmatch(text) is not None


class Redactor:
    """Replaces the values of named fields, and whatever patterns match, by pseudonyms.

    The same secret gives the same pseudonym wherever it stands and, under the same `key`, in every
    process, so that a replay still finds what was recorded under it. A pseudonym tells its key
    from others, and is its own pseudonym. `fields` are names of mapping keys and of parameters,
    case-insensitive. `patterns` are searched in every text and bytes; what one of `forbidden`
    matches must not be stored. Both are written as in the settings REDACT and FORBID. Where the
    key is `lasting`, one that replays have too, the random bytes that an operation drew are sealed
    under it. Raise SettingsError for a pattern that is none.
    """

    def __init__(
        self,
        *,
        key: bytes,
        fields: Collection[str] = DEFAULT_FIELDS,
        patterns: Iterable[PatternLike] = (),
        forbidden: Iterable[PatternLike] = (),
        lasting: bool = True,
    ) -> None:
        self._key = key
        self._hmac = hmac.new(key, digestmod=_digest)
        self._seal = Seal(key) if lasting else None
        self._patterns = PatternSet(value_patterns(patterns))
        self._forbidden = PatternSet(value_patterns(forbidden))
        self._beginning = f"psd_{blake2b(key, digest_size=2, person=b'pseudonym key').hexdigest()}"
        self.fields = frozenset(name.lower() for name in fields)
        self._search = FieldSearch(self.fields)

    def __getstate__(self) -> dict[str, Any]:
        # For a process that replays: the state of a hash goes nowhere.
        return {name: value for name, value in vars(self).items() if name != "_hmac"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._hmac = hmac.new(self._key, digestmod=_digest)

    def seal(self, data: bytes) -> bytes | None:
        """Return bytes that only `unseal` reads, under the same key; None: no key lasts."""
        return None if self._seal is None else self._seal.seal(data)

    def unseal(self, data: bytes) -> bytes | None:
        """Return what was sealed; None where that was not under this key."""
        return None if self._seal is None else self._seal.unseal(data)

    def pseudonym(self, text: str) -> str:
        """Return what stands for a secret: its scheme and the segments of a token are kept."""
        scheme = _SCHEME.match(text)
        if scheme:
            return scheme.group() + self.pseudonym(text[scheme.end() :])
        if _SEGMENTED.fullmatch(text):
            return ".".join(map(self._token, text.split(".")))
        return self._token(text)

    def value(self, blob: bytes) -> bytes:
        """Return an encoded value with its named fields and the matches of patterns redacted."""
        return self._without_matches(self._redacted(blob, encode))

    def key(self, blob: bytes) -> bytes:
        """Return an encoded interception key redacted as a value is."""
        redacted = self._redacted(blob, encode_key)
        unmatched = self._without_matches(redacted)
        # The canonical order is that of the pseudonyms.
        return redacted if unmatched == redacted else encode_key(decode(unmatched))

    def text(self, data: bytes) -> bytes:
        """Return one text (as UTF-8), or one bytes, with the matches of patterns redacted."""
        before = None
        # Until nothing changes, so that another time changes nothing: what is left of a text may
        # match alone. It ends, as each time less of it is no pseudonym.
        while data != before:
            before = data
            for pattern in self._patterns.suspecting(data):
                pieces = _PSEUDONYMS.split(data) if b"psd_" in data else [data]
                pieces[::2] = (self._without(pattern, piece) for piece in pieces[::2])
                data = b"".join(pieces)
        return data

    def check(self, blobs: Iterable[bytes | None]) -> None:
        """Raise ForbiddenContentError where encoded values hold what must not be stored."""
        forbidden = self._forbidden
        if not forbidden:
            return
        found: list[str] = []

        def look(text: bytes) -> bytes:
            for pattern in forbidden.suspecting(text):
                if any(True for _ in found_in(text, pattern)):
                    found.append(pattern.name)
                    # It is not one of those that are known to match none.
                    return b""
            return text

        for blob in blobs:
            if blob is not None and forbidden.suspects(blob):
                with_texts_changed(blob, look, forbidden.unmatched)
                if found:
                    raise ForbiddenContentError(found[0])

    def concealed(self, value: Any) -> Any:
        """Return a secret of any type as pseudonyms; None, booleans and containers stay."""
        try:
            return self._concealed(value, 0)
        except RecursionError:  # it holds itself, say
            return self.pseudonym(describe(value))

    def _concealed(self, value: Any, depth: int) -> Any:
        # Where an application has raised the interpreter's own limit, its stack has another.
        if depth > _DEEPEST:
            raise RecursionError
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.pseudonym(value)
        if isinstance(value, (bytes, bytearray)):
            return type(value)(self.pseudonym(text_of(value)).encode("utf-8", "surrogatepass"))
        if type(value) in (list, tuple, set, frozenset):
            return type(value)([self._concealed(item, depth + 1) for item in value])
        if isinstance(value, dict):
            return {name: self._concealed(item, depth + 1) for name, item in value.items()}
        return self.pseudonym(describe(value))

    def walked(self, value: Any) -> tuple[Any, bool]:
        """Conceal the named fields of a value, at any depth; tell whether there were any.

        The value is changed in place: it must be the caller's own.
        """
        walk = FieldWalk(self.names, self.concealed, self.suspects)
        return walk.through(value), walk.changed

    def names(self, name: object) -> bool:
        """Tell whether the values of a field are secret; its name may be bytes."""
        if type(name) is str:
            return name.lower() in self.fields
        if isinstance(name, bytes):
            name = text_of(name)
        return isinstance(name, str) and name.lower() in self.fields

    def leaves(self, names: Iterable[str]) -> bool:
        """Tell whether it surely leaves plain data alone whose fields, at any depth, are these."""
        try:
            return not self._patterns and self.fields.isdisjoint(map(str.lower, names))
        except TypeError:  # a name that is no text
            return False

    def suspects(self, data: bytes) -> bool:
        """Tell whether bytes may hold the name of a field: decoding them is dear."""
        return self._search.finds(data)

    def may_change(self, blobs: Sequence[bytes]) -> set[int]:
        """Return the positions of encoded values that may hold a secret; the others hold none."""
        found = self._search.found_in_encoded(blobs)
        if not self._patterns:
            return found
        return found.union(
            place for place, blob in enumerate(blobs) if self._patterns.suspects(blob)
        )

    def _redacted(self, blob: bytes, encode_again: Callable[[Any], bytes]) -> bytes:
        if not self._search.found_in_encoded((blob,)):
            return blob
        value, changed = self.walked(decode(blob))
        return encode_again(value) if changed else blob

    def _without_matches(self, blob: bytes) -> bytes:
        if not self._patterns.suspects(blob):
            return blob
        return with_texts_changed(blob, self.text, self._patterns.unmatched)

    def _without(self, pattern: ValuePattern, text: bytes) -> bytes:
        parts: list[bytes] = []
        done = 0
        for start, end, secret in sorted(found_in(text, pattern)):
            if start >= done and not _SCHEME_ALONE.fullmatch(secret):
                parts += (text[done:start], self.pseudonym(text_of(secret)).encode())
                done = end
        return b"".join((*parts, text[done:])) if parts else text

    def _token(self, text: str) -> str:
        if is_pseudonym(text) or not text:
            return text
        # A copy takes half the time of a new one.
        digest = self._hmac.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return f"{self._beginning}{digest.hexdigest()[:20]}"


def _digest(data: bytes = b"") -> Any:
    return blake2b(data, digest_size=32)

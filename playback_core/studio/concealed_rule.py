"""The rule `redacted in the replay`: a pseudonym where the recording has the value it stands for.

Recorded code had the secret, and put it where it is not told as one; replayed code has the
pseudonym. Under one key it is known whether it is that of the recorded value.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from playback_core.codec.redaction import PSEUDONYM
from playback_core.codec.value_patterns import text_of
from playback_core.packing import Redaction

CONCEALED_RULE: Final = "redacted in the replay"
"""The rule of values that are the recorded ones but for pseudonyms, which stand for these."""

_PSEUDONYM: Final = re.compile(f"({PSEUDONYM})".encode())
# To find where each of many may begin and end takes time that grows with their number.
_MAX_PSEUDONYMS: Final = 20
_MAX_BYTES: Final = 256 * 1024

_redaction: Final[ContextVar[Redaction | None]] = ContextVar("playback_redaction", default=None)


@contextmanager
def comparing_under(redaction: Redaction | None) -> Iterator[None]:
    """Let what is compared within a block know the redaction of the replay."""
    token = _redaction.set(redaction)
    try:
        yield
    finally:
        _redaction.reset(token)


def is_concealed(recorded: Any, replayed: Any) -> bool:
    """Tell whether a replayed text is the recorded one with pseudonyms in place of their values."""
    redaction = _redaction.get()
    if redaction is None or type(recorded) is not type(replayed):
        return False
    before, after = _content(recorded), _content(replayed)
    if before is None or after is None or b"psd_" not in after or len(before) > _MAX_BYTES:
        return False
    pieces = _PSEUDONYM.split(after)
    pseudonyms = pieces[1::2]
    if not 0 < len(pseudonyms) <= _MAX_PSEUDONYMS:
        return False
    pieces[::2] = map(re.escape, pieces[::2])
    pieces[1::2] = [b"(.+?)"] * len(pseudonyms)
    found = re.fullmatch(b"".join(pieces), before, re.DOTALL)
    return found is not None and all(
        _stands_for(redaction, pseudonym, value)
        for pseudonym, value in zip(pseudonyms, found.groups(), strict=True)
    )


def _stands_for(redaction: Redaction, pseudonym: bytes, value: bytes) -> bool:
    return bool(redaction.concealed(text_of(value)) == pseudonym.decode())


def _content(value: Any) -> bytes | None:
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else None

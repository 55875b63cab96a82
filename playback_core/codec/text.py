"""Canonical readable text of values, for key texts, messages and reports."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from playback_core.codec.bounds import has_too_many_parts
from playback_core.codec.rendering import OverBudget, Renderer
from playback_core.codec.tiers import encode_key

_DIGEST_LENGTH = 14


def describe(value: Any, limit: int = 1000) -> str:
    """Return `value` as one line of text of at most `limit` characters (32 or more).

    JSON-like values read as JSON with sorted keys, others name their type:
    `Decimal("1.0")`, `(1, 2)`, `shop.Order(id=1)`. Different values have different texts; a
    longer text is cut and ends with `…#` and 12 hexadecimal digits of a digest of the value; of one
    with more parts than may be stored, of what is shown.
    """
    if limit < 32:
        raise ValueError(f"describe needs a limit of at least 32 characters, not {limit}")
    renderer = Renderer(limit)
    try:
        text = renderer.show(value)
    except OverBudget:
        text = renderer.beginning(value)
    else:
        if len(text) <= limit:
            return text
    return f"{text[: limit - _DIGEST_LENGTH]}…#{_digest(value, text)}"


def _digest(value: Any, shown: str) -> str:
    # A value whose aliases multiply, as a hostile recording may hold, is never written out.
    is_bomb = has_too_many_parts(value)
    source = shown.encode("utf-8", "surrogatepass") if is_bomb else encode_key(value)
    return blake2b(source, digest_size=6).hexdigest()

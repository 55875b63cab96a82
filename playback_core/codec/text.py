"""Canonical readable text of values, for key texts, messages and reports."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from ormsgpack import packb

from playback_core.codec.format import OPTIONS
from playback_core.codec.rendering import OverBudget, Renderer
from playback_core.codec.tiers import encode_key

_DIGEST_LENGTH = 14


def describe(value: Any, limit: int = 1000) -> str:
    """Return `value` as one line of text of at most `limit` characters (32 or more).

    JSON-like values read as JSON with sorted keys, others name their type:
    `Decimal("1.0")`, `(1, 2)`, `shop.Order(id=1)`. Different values have different texts; a
    longer text is cut and ends with `…#` and 12 hexadecimal digits of a digest of the value.
    """
    if limit < 32:
        raise ValueError(f"describe needs a limit of at least 32 characters, not {limit}")
    text = _json(value)
    if text is None:
        renderer = Renderer(limit)
        try:
            text = renderer.show(value)
        except OverBudget:
            text = renderer.beginning(value)
            return f"{text[: limit - _DIGEST_LENGTH]}…#{_digest(value)}"
    if len(text) <= limit:
        return text
    return f"{text[: limit - _DIGEST_LENGTH]}…#{_digest(value)}"


def _json(value: Any) -> str | None:
    try:
        packb(value, None, OPTIONS)
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None


def _digest(value: Any) -> str:
    return blake2b(encode_key(value), digest_size=6).hexdigest()

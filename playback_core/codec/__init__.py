"""Values to bytes and back: exact, snapshotted at once, and safe to load.

Start at `tiers` (what is tried in which order) and at `kinds` (where a type is added).
"""

from playback_core.codec.forms import Form
from playback_core.codec.frames import compress, decompress
from playback_core.codec.json_form import json_form
from playback_core.codec.layout import is_put_off, store_by_fields, store_by_form
from playback_core.codec.limits import DEFAULT_LIMITS, Limits
from playback_core.codec.opaque import Opaque, UnknownException, on_refused_use
from playback_core.codec.registry import alias_type, known_types, register_type
from playback_core.codec.surrogates import storable_text, stored_text
from playback_core.codec.text import describe
from playback_core.codec.tiers import (
    UNCHANGING,
    Deferred,
    decode,
    encode,
    encode_key,
    encode_plain,
    holds_opaque,
    snapshot,
)

__all__ = [
    "DEFAULT_LIMITS",
    "UNCHANGING",
    "Deferred",
    "Form",
    "Limits",
    "Opaque",
    "UnknownException",
    "alias_type",
    "compress",
    "decode",
    "decompress",
    "describe",
    "encode",
    "encode_key",
    "encode_plain",
    "holds_opaque",
    "is_put_off",
    "json_form",
    "known_types",
    "on_refused_use",
    "register_type",
    "snapshot",
    "storable_text",
    "store_by_fields",
    "store_by_form",
    "stored_text",
]

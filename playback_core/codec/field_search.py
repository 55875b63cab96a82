"""FieldSearch: whether bytes may hold a named field, without decoding them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

import ormsgpack

from playback_core.codec import format as fmt
from playback_core.codec.kinds.subclasses import NamedTuple

# How MessagePack begins an array or a mapping: nothing else holds a field.
_CONTAINERS: Final = frozenset({*range(0x80, 0xA0), *range(0xDC, 0xE0)})

# How an extension begins that is a named tuple, or a graph with a number for one; sought from the
# code backwards, as that is the rarest byte.
_CODES: Final = re.escape(bytes((NamedTuple.code, fmt.DEEP)))
_NAMED_TUPLE: Final = re.compile(
    b"[" + _CODES + rb"](?:(?<=[\xd4-\xd8].)|(?<=\xc7..)|(?<=\xc8.{3})|(?<=\xc9.{5}))", re.DOTALL
)


class FieldSearch:
    """Looks for names of fields, in lower case, that may be written in any case."""

    def __init__(self, fields: Collection[str]) -> None:
        self._needles = _by_stem(fields)
        self._all_ascii = all(name.isascii() for name in fields)

    def finds(self, data: bytes) -> bool:
        """Tell whether bytes may hold a name; False is certain."""
        return self._finds(data, packed=False)

    def finds_in_encoded(self, blobs: Iterable[bytes]) -> bool:
        """Tell whether some encoded value may hold a named field; False is certain."""
        typed: list[bytes] = []
        containers: list[bytes] = []
        for blob in blobs:
            if blob[0] in _CONTAINERS:
                containers.append(blob)
            elif blob[0] == fmt.PREFIX:
                typed.append(blob)
        return (
            self._finds(b"".join(containers), packed=True)
            or self._finds(b"".join(typed), packed=False)
            or any(map(_may_hold_named_tuple, typed))
        )

    def _finds(self, data: bytes, *, packed: bool) -> bool:
        if not data:
            return False
        lowered = data.lower()
        for stem, needles in self._needles.items():
            if stem in lowered and (not packed or any(needle in lowered for needle in needles)):
                return True
        # Only of ASCII letters is the case known without decoding.
        return not self._all_ascii and not data.isascii()


def _may_hold_named_tuple(blob: bytes) -> bool:
    # It is stored without the names of its fields. Its code is an equals sign, too.
    if NamedTuple.code not in blob:
        return False
    return bool(blob[1] & fmt.GRAPH) or _NAMED_TUPLE.search(blob, 2) is not None


def _by_stem(names: Iterable[str]) -> dict[bytes, list[bytes]]:
    """Return the names as they stand in MessagePack, by the shortest name that is within them.

    They stand there behind their lengths: `has_secret_key` is no `secret`. Where the stem is not,
    none of its names is, so that only the stems need be searched for.
    """
    by_stem: dict[str, list[bytes]] = {}
    for name in sorted(names, key=lambda name: (len(name), name)):
        stem = next((known for known in by_stem if known in name), name)
        needles = (ormsgpack.packb(name).lower(), ormsgpack.packb(name.encode()).lower())
        by_stem.setdefault(stem, []).extend(needles)
    return {stem.encode(): needles for stem, needles in by_stem.items()}

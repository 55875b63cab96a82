"""FieldSearch: whether bytes may hold a named field, without decoding them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
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


# How a name may be written in several words: it is sought without what is between them.
_BETWEEN_WORDS: Final = b"-_"
_LOWER: Final = bytes(range(256)).lower()


class FieldSearch:
    """Looks for names of fields, in lower case, that may be written in any case."""

    def __init__(self, fields: Collection[str]) -> None:
        self._stems = _stems(fields)
        self._packed = _packed(fields)
        self._all_ascii = all(name.isascii() for name in fields)

    def finds(self, data: bytes) -> bool:
        """Tell whether bytes may hold a name; False is certain."""
        letters = data.translate(_LOWER, _BETWEEN_WORDS)
        return any(stem in letters for stem in self._stems) or self._may_be_in_other_case(data)

    def found_in_encoded(self, blobs: Sequence[bytes]) -> set[int]:
        """Return the positions of encoded values that may hold a named field; others hold none."""
        typed = [place for place, blob in enumerate(blobs) if blob[0] == fmt.PREFIX]
        return self._found_in_typed(blobs, typed) | self._found_in_packed(
            [place for place, blob in enumerate(blobs) if blob[0] in _CONTAINERS], blobs
        )

    def _found_in_typed(self, blobs: Sequence[bytes], places: list[int]) -> set[int]:
        return {
            place
            for place in places
            if self.finds(blobs[place]) or _may_hold_named_tuple(blobs[place])
        }

    def _found_in_packed(self, places: list[int], blobs: Sequence[bytes]) -> set[int]:
        # All at once: a search costs little beside beginning one.
        found = [blobs[place] for place in places]
        data = b"".join(found)
        if self._may_be_in_other_case(data):
            return set(places)
        starts = [0, *accumulate(map(len, found))]
        return {
            places[bisect_right(starts, match.start()) - 1]
            for match in self._packed.finditer(data.lower())
        }

    def _may_be_in_other_case(self, data: bytes) -> bool:
        # Only of ASCII letters is the case known without decoding.
        return not (self._all_ascii or data.isascii())


def _may_hold_named_tuple(blob: bytes) -> bool:
    # It is stored without the names of its fields. Its code is an equals sign, too.
    if NamedTuple.code not in blob:
        return False
    return bool(blob[1] & fmt.GRAPH) or _NAMED_TUPLE.search(blob, 2) is not None


def _stems(names: Iterable[str]) -> list[bytes]:
    """Return the shortest of the names, in one word: where none of them is, no name is."""
    stems: list[bytes] = []
    for name in sorted({_in_one_word(name) for name in names}, key=len):
        if not any(stem in name for stem in stems):
            stems.append(name)
    return stems


def _in_one_word(name: str) -> bytes:
    return name.encode().translate(_LOWER, _BETWEEN_WORDS)


def _packed(names: Iterable[str]) -> re.Pattern[bytes]:
    """Return what finds names as they stand in MessagePack, in lower case.

    They stand there behind their lengths: `has_secret_key` is no `secret`. As a length is rare
    among bytes, this is faster than to search for a few names alone.
    """
    needles = {ormsgpack.packb(each).lower() for name in names for each in (name, name.encode())}
    # Nothing is found by what matches nowhere.
    return re.compile(_tree(needles) if needles else rb"(?!)")


def _tree(needles: Iterable[bytes]) -> bytes:
    """Return a pattern of all needles, of which none begins with another.

    What they have in common at the beginning stands there once: where a text has a byte that begins
    one, as each short text of MessagePack does, `re` looks at every alternative.
    """
    by_first: dict[bytes, set[bytes]] = {}
    for needle in needles:
        if needle:
            by_first.setdefault(needle[:1], set()).add(needle[1:])
    branches = [re.escape(first) + _tree(rest) for first, rest in sorted(by_first.items())]
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"

"""Leaves of encoded values, changed where they stand: nothing of a value is built."""

from collections.abc import Callable
from typing import Any, Final

from ormsgpack import Ext, packb, unpackb

from playback_core.codec.format import DEEP, GRAPH, OPTIONS, PREFIX, typed
from playback_core.codec.kinds import NODES, SURROGATE_TEXT, scalars
from playback_core.codec.opaque import OPAQUE_CODE

Change = Callable[[bytes], bytes]

_WHOLE: Final = frozenset({SURROGATE_TEXT.code, scalars.Bytearray.code})


# A text longer than a name is rarely met again; more of them than these are not kept.
_SHORT: Final = 64
_MOST_UNCHANGED: Final = 10_000


def with_texts_changed(blob: bytes, change: Change, unchanged: set[str]) -> bytes:
    """Return an encoded value with `change` done to each text (as UTF-8) and each bytes in it.

    Those are keys of mappings and members of sets too, text of exceptions, paths, and parts of
    values whose type is not known here; not names of types and of enum members. What `change`
    makes of UTF-8 has to be UTF-8. `unchanged` has short texts that it leaves alone, and gets more
    of them. The very `blob` is returned where nothing changes.
    """
    return TextWalk(change, unchanged).through(blob)


class TextWalk:
    """One walk through an encoded value; see `with_texts_changed`.

    `merged` tells that keys of a mapping, or what they became, are the same now.
    """

    def __init__(self, change: Change, unchanged: set[str]) -> None:
        self.changed = False
        self.merged = False
        self._unchanged = unchanged
        self._change = change
        self._failure: BaseException | None = None

    def through(self, blob: bytes) -> bytes:
        """Return the value as changed, the very `blob` where nothing is."""
        if blob[0] != PREFIX:
            body = self._tree(blob)
            return body if self.changed else blob
        body = self._graph(blob[2:]) if blob[1] & GRAPH else self._tree(blob[2:])
        return typed(body, blob[1]) if self.changed else blob

    def _tree(self, body: bytes) -> bytes:
        return packb(self._part(self._read(body)), None, OPTIONS)

    def _graph(self, body: bytes) -> bytes:
        root, *rows = self._read(body)
        for row in rows:
            row[2:] = map(self._part, row[2:])
        return packb([self._part(root), *rows], None, OPTIONS)

    def _read(self, body: bytes) -> Any:
        try:
            return unpackb(body, ext_hook=self._extension)
        except ValueError:
            # The native decoder hides what a hook raised.
            if self._failure is not None:
                raise self._failure from None
            raise

    def _extension(self, code: int, payload: bytes) -> Ext:
        try:
            return Ext(code, self._payload(code, payload))
        except BaseException as error:
            self._failure = self._failure or error
            raise

    def _payload(self, code: int, payload: bytes) -> bytes:
        if code in NODES:
            header, *children = self._read(payload)
            return packb([header, *map(self._part, children)], None, OPTIONS)
        if code in _WHOLE:
            return self._text(payload)
        if code == scalars.Path.code:
            kind, colon, path = payload.partition(b":")
            return kind + colon + self._text(path)
        if code == OPAQUE_CODE:
            path, text = unpackb(payload)
            return packb([path, self._part(text)])
        return self._graph(payload) if code == DEEP else payload

    def _part(self, value: Any) -> Any:
        root = [value]
        waiting: list[Any] = [root]
        while waiting:
            container = waiting.pop()
            if type(container) is list:
                for index, part in enumerate(container):
                    container[index] = self._leaf(part, waiting)
            else:
                items = [
                    (self._leaf(name, waiting), self._leaf(part, waiting))
                    for name, part in container.items()
                ]
                container.clear()
                container.update(items)
                self.merged = self.merged or len(container) < len(items)
        return root[0]

    def _leaf(self, part: Any, waiting: list[Any]) -> Any:
        kind = type(part)
        if kind is str:
            return part if part in self._unchanged else self._str(part)
        if kind is bytes:
            return self._text(part)
        if kind is list or kind is dict:
            waiting.append(part)
        return part

    def _str(self, part: str) -> str:
        text = part.encode()
        changed = self._text(text)
        if changed != text:
            return changed.decode()
        if len(part) <= _SHORT and len(self._unchanged) < _MOST_UNCHANGED:
            self._unchanged.add(part)
        return part

    def _text(self, text: bytes) -> bytes:
        changed = self._change(text)
        self.changed = self.changed or changed != text
        return changed

"""Compares two values by structure and exact type, and says where they differ."""

import dataclasses
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from types import SimpleNamespace
from typing import Any, Final

from playback_core.codec import Opaque, UnknownException, describe, encode_key
from playback_core.codec.layout import layout_of
from playback_core.studio.alignment import align
from playback_core.studio.clock_rule import CLOCK_RULE, recorded_form, replayed_form
from playback_core.studio.concealed_rule import CONCEALED_RULE, is_concealed
from playback_core.studio.difference import (
    MAX_DIFFERENCES,
    Diff,
    Difference,
    changed,
    extra,
    missing,
    taken_out,
)
from playback_core.studio.presence import REDACTED_RULE, differ_in_keys_only, shape_of

_MAX_DEPTH: Final = 60
_MAX_KEY_TEXT: Final = 60
_OF_UNKNOWN_EXCEPTION: Final = ("type_path", "args", "recorded_text")
# These are no more than their parts; others may have attributes or a length limit besides.
_ONLY_PARTS: Final = frozenset({list, tuple, dict, set, frozenset})

KeyStep = Callable[[Any], str]


def compare_values(
    recorded: Any, replayed: Any, path: str = "value", *, limit: int = MAX_DIFFERENCES
) -> Diff:
    """Return where two values differ, at most `limit` differences; none if they are the same.

    Same means what it means for interception keys: same type and same value (1, 1.0 and True
    differ), whatever the order of dictionaries and sets; NaN is the same as NaN. Pseudonyms of
    different keys are listed under the rule `redacted` and do not count.
    """
    return Diff.of(differences(recorded, replayed, path), limit)


def same(recorded: Any, replayed: Any) -> bool:
    """Tell whether two values have the same type and value."""
    if recorded is replayed:
        return True
    return type(recorded) is type(replayed) and encode_key(recorded) == encode_key(replayed)


def differences(
    recorded: Any, replayed: Any, path: str, *, key_step: KeyStep | None = None
) -> Iterator[Difference]:
    """Yield where two values differ, outermost path first.

    `key_step` makes the part of a path for a key of a dictionary; `['total']` by default.
    """
    return _Walk(key_step or _index_step).differences(recorded, replayed, path)


def attribute_step(key: Any) -> str:
    """Return a path's part as JSON paths have it: `.total`, or `["odd name"]`."""
    return f".{key}" if isinstance(key, str) and key.isidentifier() else _index_step(key)


def exception_differences(
    recorded: BaseException, replayed: BaseException, path: str
) -> Iterator[Difference]:
    """Yield where two exceptions differ in type and arguments, which is what tells them apart."""
    if type(recorded) is not type(replayed):
        yield changed(path, recorded, replayed)
    elif isinstance(recorded, UnknownException):
        for name in _OF_UNKNOWN_EXCEPTION:
            yield from differences(
                getattr(recorded, name), getattr(replayed, name), f"{path}.{name}"
            )
    else:
        yield from differences(recorded.args, replayed.args, f"{path}.args")


def rules_between(recorded: Any, replayed: Any) -> list[str]:
    """Return the rules that take out all that two values differ in; none where something counts."""
    if type(recorded) is not type(replayed):
        return []
    if is_concealed(recorded, replayed):
        return [CONCEALED_RULE]
    one, other = encode_key(recorded), encode_key(replayed)
    if differ_in_keys_only(one, other):
        return [REDACTED_RULE]
    named, other_named = recorded_form(one), replayed_form(other)
    if named == other_named:
        return [CLOCK_RULE]
    return [CLOCK_RULE, REDACTED_RULE] if differ_in_keys_only(named, other_named) else []


class _Walk:
    """One descent through two values; `_open` has the pairs being compared further out."""

    def __init__(self, key_step: KeyStep) -> None:
        self._key_step = key_step
        self._open: set[tuple[int, int]] = set()
        self._is_cyclic = False

    def differences(self, recorded: Any, replayed: Any, path: str) -> Iterator[Difference]:
        if same(recorded, replayed):
            return
        pair = (id(recorded), id(replayed))
        if pair in self._open:
            self._is_cyclic = True
            return
        inside = None if len(self._open) >= _MAX_DEPTH else self._inside(recorded, replayed, path)
        found = counts = False
        if inside is not None:
            self._open.add(pair)
            for difference in inside:
                found, counts = True, counts or difference.counts
                yield difference
            self._open.discard(pair)
        if counts or (found and type(recorded) in _ONLY_PARTS and not self._is_cyclic):
            return
        # The two are not the same: where no part of them shows it, the whole is the difference.
        rules = rules_between(recorded, replayed)
        if not rules:
            yield changed(path, recorded, replayed)
        elif not found:
            yield from (taken_out(changed(path, recorded, replayed), rule) for rule in rules)

    def _inside(self, recorded: Any, replayed: Any, path: str) -> Iterator[Difference] | None:
        if type(recorded) is not type(replayed):
            return None
        form = layout_of(type(recorded)).form
        if form is not None:
            # A lazy object must not be asked what it is: it would look.
            fields, others = form.fields(recorded), form.fields(replayed)
            return self._mapping_of_attributes(fields, others, path)
        if isinstance(recorded, str):
            return self._lines(recorded, replayed, path)
        if isinstance(recorded, dict):
            return self._mapping(recorded, replayed, path)
        if isinstance(recorded, (set, frozenset)):
            return self._members(recorded, replayed, path)
        if isinstance(recorded, BaseException):
            return self._exception(recorded, replayed, path)
        if isinstance(recorded, (list, deque)) or type(recorded) is tuple:
            return self._elements(recorded, replayed, path)
        names = _field_names(recorded)
        return None if names is None else self._fields(names, recorded, replayed, path)

    def _mapping(
        self, recorded: dict[Any, Any], replayed: dict[Any, Any], path: str
    ) -> Iterator[Difference]:
        others = {encode_key(key): key for key in replayed}
        for key, value in recorded.items():
            here = path + self._key_step(key)
            other_key = others.pop(encode_key(key), _ABSENT)
            if other_key is _ABSENT:
                yield missing(here, value)
            else:
                yield from self.differences(value, replayed[other_key], here)
        for key in others.values():
            yield extra(path + self._key_step(key), replayed[key])

    def _elements(
        self, recorded: Sequence[Any], replayed: Sequence[Any], path: str
    ) -> Iterator[Difference]:
        keys, other_keys = list(map(encode_key, recorded)), list(map(encode_key, replayed))
        for one, other in align(keys, other_keys, shape_of):
            if other is None and one is not None:
                yield missing(f"{path}[{one}]", recorded[one])
            elif one is None and other is not None:
                yield extra(f"{path}[{other}]", replayed[other])
            elif one is not None and other is not None:
                yield from self.differences(recorded[one], replayed[other], f"{path}[{one}]")

    def _lines(self, recorded: str, replayed: str, path: str) -> Iterator[Difference]:
        lines, other_lines = recorded.splitlines(True), replayed.splitlines(True)
        if len(lines) <= 1 and len(other_lines) <= 1:
            return
        for one, other in align(lines, other_lines, _shape_of_line):
            if other is None and one is not None:
                yield missing(f"{path} line {one + 1}", lines[one])
            elif one is None and other is not None:
                yield extra(f"{path} line {other + 1}", other_lines[other])
            elif one is not None and other is not None:
                yield from self.differences(
                    lines[one], other_lines[other], f"{path} line {one + 1}"
                )

    def _members(
        self, recorded: set[Any] | frozenset[Any], replayed: set[Any] | frozenset[Any], path: str
    ) -> Iterator[Difference]:
        members = {encode_key(member): member for member in recorded}
        others = {encode_key(member): member for member in replayed}
        come: dict[bytes, list[bytes]] = {}
        for key in sorted(others.keys() - members.keys(), reverse=True):
            come.setdefault(shape_of(replayed_form(key)), []).append(key)
        for key in sorted(members.keys() - others.keys()):
            if counterparts := come.get(shape_of(recorded_form(key))):
                other = others[counterparts.pop()]
                yield from self.differences(members[key], other, f"{path} member")
            else:
                yield missing(f"{path} member", members[key])
        for key in sorted(key for keys in come.values() for key in keys):
            yield extra(f"{path} member", others[key])

    def _exception(
        self, recorded: BaseException, replayed: BaseException, path: str
    ) -> Iterator[Difference]:
        yield from exception_differences(recorded, replayed, path)
        if isinstance(recorded, UnknownException):
            return
        yield from self._mapping_of_attributes(vars(recorded), vars(replayed), path)
        yield from self.differences(recorded.__cause__, replayed.__cause__, f"{path}.__cause__")

    def _mapping_of_attributes(
        self, recorded: dict[str, Any], replayed: dict[str, Any], path: str
    ) -> Iterator[Difference]:
        for name in dict.fromkeys([*recorded, *replayed]):
            yield from self._field(
                recorded.get(name, _ABSENT), replayed.get(name, _ABSENT), f"{path}.{name}"
            )

    def _fields(
        self, names: list[str], recorded: Any, replayed: Any, path: str
    ) -> Iterator[Difference]:
        for name in dict.fromkeys([*names, *(_field_names(replayed) or ())]):
            yield from self._field(
                getattr(recorded, name, _ABSENT), getattr(replayed, name, _ABSENT), f"{path}.{name}"
            )

    def _field(self, recorded: Any, replayed: Any, path: str) -> Iterator[Difference]:
        if recorded is not _ABSENT and replayed is not _ABSENT:
            yield from self.differences(recorded, replayed, path)
        elif recorded is not _ABSENT:
            yield missing(path, recorded)
        elif replayed is not _ABSENT:
            yield extra(path, replayed)


_ABSENT: Final = object()


def _shape_of_line(line: str) -> bytes:
    return shape_of(line.encode("utf-8", "surrogatepass"))


def _index_step(key: Any) -> str:
    return f"[{key!r}]" if isinstance(key, str) else f"[{describe(key, _MAX_KEY_TEXT)}]"


def _field_names(value: Any) -> list[str] | None:
    if isinstance(value, Opaque):
        return ["type_path", "text", "data"]
    if isinstance(value, tuple):
        return list(getattr(value, "_fields", ())) or None
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    if isinstance(value, (Enum, type)) or _is_of_standard_library(type(value)):
        return None
    slots = [name for cls in type(value).__mro__ for name in _slots(cls)]
    return list(dict.fromkeys([*slots, *getattr(value, "__dict__", {})])) or None


def _is_of_standard_library(cls: type) -> bool:
    # A UUID or a Path has slots, but reads best whole.
    module = cls.__module__.partition(".")[0]
    return module in sys.stdlib_module_names and cls is not SimpleNamespace and module != "__main__"


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))

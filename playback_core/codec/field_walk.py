"""FieldWalk: conceals named fields wherever they are in a value that was just decoded."""

from collections import deque
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, Final

from playback_core.codec.graph import write_graph
from playback_core.codec.kinds.exceptions import native_fields
from playback_core.codec.kinds.subclasses import NamedTuple
from playback_core.codec.layout import Flavour, layout_of
from playback_core.codec.opaque import OPAQUE_CODE, Encoded, Opaque, UnknownException
from playback_core.codec.state import read_state, write_state
from playback_core.codec.tiers import UNCHANGING

_LEAVES: Final = UNCHANGING | {bytearray, complex}
"""Types without parts, so that there is nothing to enter."""

_WITH_STATE: Final = frozenset(
    {
        *(Flavour.DATACLASS, Flavour.ATTRS, Flavour.PYDANTIC, Flavour.PLAIN),
        *(Flavour.SUBCLASS, Flavour.EXCEPTION, Flavour.GROUP),
    }
)


class FieldWalk:
    """One walk through a value that nobody else holds and that is only encoded afterwards.

    It changes the value in place, so that cycles stay cycles and no `__init__` is run; the hashes
    of keys and members may no longer fit. `names` tells a secret field by its name, `conceal`
    makes what stands for it, `suspects` tells encoded bytes that may hold one. `changed` says
    whether there was any.
    """

    def __init__(
        self,
        names: Callable[[object], bool],
        conceal: Callable[[Any], Any],
        suspects: Callable[[bytes], bool],
    ) -> None:
        self.changed = False
        self._names = names
        self._conceal = conceal
        self._suspects = suspects
        self._seen: dict[int, tuple[Any, Any]] = {}
        self._waiting: list[Any] = []

    def through(self, value: Any) -> Any:
        """Return the value with its named fields concealed, at any depth."""
        walked = self._replaced(value)
        while self._waiting:
            self._enter(self._waiting.pop())
        return walked

    def _replaced(self, value: Any) -> Any:
        if type(value) in _LEAVES:
            return value
        known = self._seen.get(id(value))
        if known is None:
            # The value itself is kept too, so that its id stays its own.
            known = self._seen[id(value)] = value, self._made_anew(value)
        return known[1]

    def _made_anew(self, value: Any) -> Any:
        # A lazy object must not be asked what it is: it would look.
        if layout_of(type(value)).form is not None:
            self._waiting.append(value)
            return value
        if isinstance(value, tuple):
            return self._tuple(value)
        if type(value) is frozenset:
            members = self._all_replaced(value)
            return value if members is None else frozenset(members)
        if type(value) is Opaque or isinstance(value, UnknownException):
            return self._stand_in(value)
        # What can be changed in place is: later, so that depth takes no recursion.
        self._waiting.append(value)
        return value

    def _tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        cls = type(value)
        fields = getattr(cls, "_fields", None)
        if type(fields) is tuple and len(fields) == len(value):
            parts = [self._field(name, part) for name, part in zip(fields, value, strict=True)]
        else:
            parts = [self._replaced(part) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        if cls is tuple:
            return tuple(parts)
        layout = layout_of(cls)
        copy = tuple.__new__(cls, parts)
        write_state(copy, layout, read_state(value, layout))
        return copy

    def _stand_in(self, value: Any) -> Any:
        # Its parts are out of reach: where they may be secret, they go.
        encoded: Encoded = value._encoded
        if encoded.code == OPAQUE_CODE:
            return value
        data = write_graph(encoded.parts) if encoded.payload is None else encoded.payload
        if encoded.code != NamedTuple.code and not self._suspects(data):
            return value
        self.changed = True
        if type(value) is Opaque:
            return Opaque(value.type_path)
        return Exception(f"{value.type_path}: {value}")

    def _enter(self, value: Any) -> None:
        # Nearly all there is: neither has a state of its own.
        if type(value) is dict:
            self._mapping(value)
        elif type(value) is list:
            self._list(value)
        else:
            self._enter_other(value)

    def _enter_other(self, value: Any) -> None:
        form = layout_of(type(value)).form
        if form is not None:
            fields = form.fields(value)
            self._mapping(fields)
            form.fill(value, fields)
            return
        if isinstance(value, dict):
            self._mapping(value)
        elif isinstance(value, list):
            self._list(value)
        elif isinstance(value, deque):
            for index, part in enumerate(list(value)):
                deque.__setitem__(value, index, self._replaced(part))
        elif isinstance(value, (set, frozenset)):
            self._set(value)
        elif isinstance(value, BaseException):
            self._exception(value)
        elif type(value) is SimpleNamespace:
            self._mapping(vars(value))
        self._state(value)

    def _list(self, value: list[Any]) -> None:
        if _LEAVES.issuperset(map(type, list.__iter__(value))):
            return
        for index, part in enumerate(value):
            list.__setitem__(value, index, self._replaced(part))

    def _mapping(self, value: dict[Any, Any]) -> None:
        for key, part in list(dict.items(value)):
            new = self._field(key, part)
            if new is not part:
                dict.__setitem__(value, key, new)
        keys = list(dict.__iter__(value))
        new_keys = None if _LEAVES.issuperset(map(type, keys)) else self._all_replaced(keys)
        if new_keys is not None:
            parts = list(dict.values(value))
            dict.clear(value)
            dict.update(value, zip(new_keys, parts, strict=True))

    def _set(self, value: set[Any] | frozenset[Any]) -> None:
        members = self._all_replaced(value)
        if members is not None and isinstance(value, set):
            set.clear(value)
            set.update(value, members)

    def _exception(self, value: BaseException) -> None:
        value.args = self._replaced(value.args)
        self._replaced(value.__cause__)
        self._all_replaced(native_fields(value).values())
        if isinstance(value, BaseExceptionGroup):
            self._all_replaced(value.exceptions)

    def _state(self, value: Any) -> None:
        layout = layout_of(type(value))
        if layout.flavour not in _WITH_STATE:
            return
        if layout.has_dict:
            self._mapping(object.__getattribute__(value, "__dict__"))
        state = read_state(value, layout)
        if len(state) == 2:
            slots = {name: self._field(name, part) for name, part in state[1].items()}
            write_state(value, layout, [{}, slots])

    def _field(self, name: object, value: Any) -> Any:
        if not self._names(name):
            return self._replaced(value)
        concealed = self._conceal(value)
        self.changed = self.changed or concealed is not value
        return concealed

    def _all_replaced(self, values: Iterable[Any]) -> list[Any] | None:
        old = list(values)
        new = [self._replaced(value) for value in old]
        return None if all(a is b for a, b in zip(new, old, strict=True)) else new

"""The state of instances: read from their dictionaries and slots, and written back into them."""

from __future__ import annotations

from typing import Any

from playback_core.codec.layout import CACHED_HASH, Layout, lookup


def read_state(value: Any, layout: Layout) -> list[dict[str, Any]]:
    """Return copies of the instance dictionary and the slots; neither runs a property."""
    state: list[dict[str, Any]] = []
    if layout.has_dict:
        state.append(object.__getattribute__(value, "__dict__").copy())
        state[0].pop("__orig_class__", None)
        if CACHED_HASH in state[0]:
            state[0][CACHED_HASH] = None
    if layout.slots:
        if not state:
            state.append({})
        state.append(_read_slots(value, layout))
    return state


def _read_slots(value: Any, layout: Layout) -> dict[str, Any]:
    if layout.read_slots is None:
        return _filled_slots(value, layout)
    try:
        return dict(zip(layout.slots, layout.read_slots(value), strict=True))
    except AttributeError:
        return _filled_slots(value, layout)


def _filled_slots(value: Any, layout: Layout) -> dict[str, Any]:
    slots: dict[str, Any] = {}
    for name in layout.slots:
        if name == CACHED_HASH:
            slots[name] = None  # hashes of text differ from process to process
            continue
        try:
            slots[name] = object.__getattribute__(value, name)
        except AttributeError:
            continue
    return slots


def write_state(value: Any, layout: Layout, state: list[Any]) -> None:
    """Set each name in its slot or in the instance dictionary.

    A name the class has no place for any more is left out: no code could read it.
    """
    free = object.__getattribute__(value, "__dict__") if layout.has_dict else {}
    for names in state:
        if type(names) is not dict:
            raise ValueError("the state of an object is not made of names and values")
        for name, part in names.items():
            if name in layout.slots:
                lookup(type(value).__mro__, name).__set__(value, part)
            else:
                free[name] = part

"""Places: attributes of modules and objects that are wrapped, and put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from playback_core.replacing import Function, is_ours, marked, original_of

Wrap = Callable[[Function], Function]


@dataclass(frozen=True, slots=True)
class Place:
    """An attribute of an object, and what makes of the function there the one that wraps it.

    `alias` makes what other modules get in a replay that have the original under a name of their
    own, which is not recorded.
    """

    owner: Any
    name: str
    wrap: Wrap
    alias: Wrap


def install_all(places: Sequence[Place]) -> None:
    """Wrap what is not wrapped yet."""
    for place in places:
        original = getattr(place.owner, place.name)
        if not is_ours(original):
            setattr(place.owner, place.name, marked(place.wrap(original), original))


def uninstall_all(places: Sequence[Place]) -> None:
    """Put the originals back, but where somebody else has wrapped ours."""
    for place in places:
        ours = getattr(place.owner, place.name)
        if is_ours(ours):
            if isinstance(place.owner, ModuleType):
                setattr(place.owner, place.name, original_of(ours))
            else:
                # The original is the method of its class.
                delattr(place.owner, place.name)

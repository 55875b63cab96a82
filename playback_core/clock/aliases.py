"""Names of the application's modules for what tells the time: `from time import time`.

What a module bound before it was wrapped was not recorded by that name. In a replay the name is
given what reads the virtual clock and takes no recorded read from the others.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from playback_core.clock import recorded, virtual
from playback_core.replacing import Function, is_ours, names_of, original_of, standing_for

_replaced: Final[list[tuple[ModuleType, str, Function]]] = []


def install() -> None:
    """Replace the names in all modules but those of the standard library and our own."""
    replacements = {id(original): ours for original, ours in _replacements()}
    originals = [original_of(ours) for ours in replacements.values()]
    for module, name, original in names_of(originals):
        ours = replacements[id(original)]
        setattr(module, name, ours)
        _replaced.append((module, name, ours))


def uninstall() -> None:
    """Give the names their originals back, but where they have another value since."""
    for module, name, ours in _replaced:
        if vars(module).get(name) is ours:
            setattr(module, name, original_of(ours))
    _replaced.clear()


def _replacements() -> list[tuple[Any, Any]]:
    found = []
    for place in [*recorded.PLACES, *virtual.PLACES]:
        installed = getattr(place.owner, place.name)
        if is_ours(installed):
            original = original_of(installed)
            # Not known as ours: an interceptor of such a name goes over it.
            found.append((original, standing_for(place.alias(original), original)))
    return found

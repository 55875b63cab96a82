"""Values of Django in recordings: instances of models are what their fields hold."""

from __future__ import annotations

from importlib import import_module

from playback_core.codec import store_by_fields


def register_values() -> None:
    """Have instances of models be stored as they are, with what was loaded of related ones."""
    from django.db.models.base import Model, ModelState

    # Their pickles have the version of Django beside that.
    for kind in (Model, ModelState, *_modes()):
        store_by_fields(kind)


def _modes() -> list[type]:
    """Return how instances fetch what is missing, where a version of Django has choices of it."""
    try:
        modes = import_module("django.db.models.fetch_modes")
    except ImportError:
        return []
    return [modes.FetchMode, *modes.FetchMode.__subclasses__()]

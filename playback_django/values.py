"""Values of Django in recordings: instances of models are what their fields hold."""

from __future__ import annotations

from playback_core.codec import store_by_fields


def register_values() -> None:
    """Have instances of models be stored as they are, with what was loaded of related ones."""
    from django.db.models.base import Model, ModelState

    # Their pickles have the version of Django beside that.
    store_by_fields(Model)
    store_by_fields(ModelState)

"""Classes that a project's settings name: the places of their methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.utils.module_loading import import_string

from playback_core.interceptor import Target

Making = Callable[[str, str, str], Target]
"""Makes the target of a method: by module, place and name."""


def targets_of(paths: Iterable[str], names: Iterable[str], make: Making) -> Iterator[Target]:
    """Give the places of methods in the classes of dotted paths, whoever they inherit them of.

    A class that can't be imported has none: what asks for it tells why.
    """
    chosen = tuple(names)
    for path in dict.fromkeys(paths):
        try:
            found: Any = import_string(path)
        except ImportError:
            continue
        if isinstance(found, type) and "<" not in found.__qualname__:
            for name in chosen:
                if hasattr(found, name):
                    yield make(found.__module__, f"{found.__qualname__}.{name}", name)

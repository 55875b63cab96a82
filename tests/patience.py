"""How long a test waits for what it has asked for before it takes it for lost."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 120
"""Seconds. Only what fails waits as long, so that no busy machine decides a test."""


def until_there(look: Callable[[], T | None], told: Callable[[], str]) -> T:
    """Look until there is something, and return it; raise AssertionError with what is told."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(told())
        time.sleep(0.02)
    return found

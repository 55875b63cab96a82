"""Outcome: the value or the exception of a call, as a value of its own."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Outcome:
    """What a call came to: a value, or the exception it raised."""

    value: Any = None
    exception: BaseException | None = None

    @property
    def is_exception(self) -> bool:
        """Tell whether the call raised."""
        return self.exception is not None

    @property
    def result(self) -> Any:
        """The value, or the exception as an object where the call raised."""
        return self.value if self.exception is None else self.exception

    def get(self) -> Any:
        """Return the value, or raise the exception."""
        if self.exception is not None:
            raise self.exception
        return self.value


def fresh(value: Any) -> Any:
    """Return a copy, so that what one caller does to it does not reach the next.

    What cannot be copied, a lock or a client, is given as it is.
    """
    try:
        return deepcopy(value)
    except Exception:  # noqa: BLE001 - whatever its class says to that
        return value

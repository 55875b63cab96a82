"""Workload: a row of the table, what it is measured against and what it is to reach."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurement import Effort, Measurement
from benchmarks.systems import System

Measure = Callable[[type[System], Path, Effort], Measurement]


@dataclass(frozen=True, slots=True)
class Target:
    """The value to reach: at most `limit`, or at least."""

    limit: float
    at_least: bool = False

    def is_reached(self, value: float) -> bool:
        """Tell whether a measured value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """A row of the table.

    `measure` is given the system, an empty folder for it and the effort; two rows that share it
    are measured in one run, the second among the `others` of its measurement. `unit` is "x" for a
    ratio, "ms" or "us". `target` is None where a row only informs. `predecessor_rounds` bounds the
    rounds where the predecessor takes many seconds for one; it is 0 where it cannot do this at all.
    """

    name: str
    title: str
    unit: str
    target: Target | None
    measure: Measure
    predecessor_rounds: int | None = None

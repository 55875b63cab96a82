"""Measurement: what one workload came to, round by round, and how rounds are taken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from time import thread_time
from typing import Any, Final, Self

LOST: Final = "lost"
"""The detail that counts operations whose recording was not stored."""

ERRORS: Final = "recorded errors"
"""The detail that counts requests a recorded application failed to answer."""

Timed = Callable[[], float]
Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How much is measured: the rounds, and the share of a round's usual repetitions."""

    rounds: int = 9
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}; at least one has to be measured.")
        if self.scale <= 0:
            raise ValueError(f"scale is {self.scale}; it must be more than 0.")

    def repetitions(self, usual: int) -> int:
        """Return how often to do what is usually done so often in a round."""
        return max(1, round(usual * self.scale))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One value for each round; `details` says what they were made of, by name.

    `others` has the rounds of further rows that the same run has measured, by their names.
    """

    rounds: list[float]
    details: dict[str, Any] = field(default_factory=dict)
    others: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("A measurement has no rounds; nothing was measured.")

    @property
    def is_whole(self) -> bool:
        """Tell whether everything was recorded and answered; speed says nothing otherwise."""
        return not (self.details.get(LOST) or self.details.get(ERRORS))

    def of_row(self, name: str) -> Self:
        """Return the measurement of one row of those measured in this run."""
        return replace(self, rounds=self.others.get(name, self.rounds), others={})

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.rounds)


def interleaved(variants: Mapping[str, Timed], rounds: int) -> dict[str, list[float]]:
    """Time the variants in turn, once for each round, after one turn that does not count.

    Each round starts with another variant, so that none always follows the same one.
    """
    for variant in variants.values():
        variant()
    names = list(variants)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            times[name].append(variants[name]())
    return times


def ratios(times: Mapping[str, Sequence[float]], variant: str, less: str, base: str) -> list[float]:
    """Return, by round, what `variant` took more than `less`, in units of what `base` took."""
    columns = zip(times[variant], times[less], times[base], strict=True)
    return [(whole - bare) / unit for whole, bare, unit in columns]


def timed(run: Callable[[], object], clock: Clock = thread_time) -> Timed:
    """Return a function that does `run` and tells what it took, in seconds of a clock.

    `thread_time`, the default, counts the CPU of the calling thread; `process_time` that of all.
    """

    def time_once() -> float:
        started = clock()
        run()
        return clock() - started

    return time_once


def microseconds(times: Sequence[float], repetitions: int) -> float:
    """Return the median time of one of the repetitions of a round, in microseconds."""
    return round(median(times) / repetitions * 1e6, 3)

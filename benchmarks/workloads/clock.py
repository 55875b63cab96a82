"""A read of the clock, beyond what it costs bare: within a recorded operation, and outside."""

import time
from itertools import repeat
from pathlib import Path

# By this name it is never wrapped: it is bound before there is a recorder.
from time import time as bare_time

from benchmarks.measurement import Effort, Measurement, interleaved, microseconds, timed
from benchmarks.operations import CATEGORY
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

# All of a recording's rounds are kept in it.
_READS = 10_000


def _reads_of_clock(effort: Effort) -> Measurement:
    reads = effort.repetitions(_READS)

    def read_bare() -> None:
        for _ in repeat(None, reads):
            bare_time()

    def read() -> None:
        for _ in repeat(None, reads):
            time.time()

    times = interleaved({"bare": timed(read_bare), "read": timed(read)}, effort.rounds)
    pairs = zip(times["read"], times["bare"], strict=True)
    return Measurement(
        rounds=[(wrapped - bare) / reads * 1e6 for wrapped, bare in pairs],
        details={f"{name} us": microseconds(spent, reads) for name, spent in times.items()},
    )


def _measure_inside(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    operation = running.recorder.operation(category=CATEGORY)

    measured: list[Measurement] = []
    operation(lambda: measured.append(_reads_of_clock(effort)))()
    running.close()
    return measured[0]


def _measure_outside(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    measured = _reads_of_clock(effort)
    running.close()
    return measured


CLOCK = Workload(
    name="clock",
    title="one read of time.time in a recorded operation, more than bare",
    unit="us",
    target=Target(1),
    measure=_measure_inside,
    predecessor_rounds=0,
)
CLOCK_OUTSIDE = Workload(
    name="clock-outside",
    title="one read of time.time outside of an operation, more than bare",
    unit="us",
    target=Target(0.2),
    measure=_measure_outside,
    predecessor_rounds=0,
)

"""What a recorder keeps in memory, however long it runs."""

import gc
import os
from pathlib import Path

from benchmarks.measurement import LOST, Effort, Measurement
from benchmarks.operations import INPUTS, OUTPUTS, checkout_class
from benchmarks.payloads import orders
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_OPERATIONS = 50_000
_BETWEEN_DRAINS = 500


def _resident_bytes() -> int:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    count = max(10, effort.repetitions(_OPERATIONS))
    values = orders(INPUTS + OUTPUTS)
    checkout = checkout_class(running.recorder)

    def record(operations: int) -> int:
        for number in range(operations):
            checkout(values[:INPUTS], values[INPUTS:]).execute()
            if number % _BETWEEN_DRAINS == 0:
                running.drain()
        running.drain()
        gc.collect()
        return _resident_bytes()

    warm = record(count // 10)
    grown = [record(count * 9 // 10 // effort.rounds) for _ in range(effort.rounds)]
    recorded = count // 10 + count * 9 // 10 // effort.rounds * effort.rounds
    lost = recorded - running.stored().recordings
    running.close()
    return Measurement(
        rounds=[after / warm for after in grown],
        details={
            "operations": recorded,
            "MB after a tenth": round(warm / 1e6, 1),
            "MB at the end": round(grown[-1] / 1e6, 1),
            LOST: lost,
        },
    )


MEMORY = Workload(
    name="memory",
    title="resident memory after 50,000 operations of 20x5, against that after a tenth of them",
    unit="x",
    target=Target(1.2),
    measure=_measure,
    predecessor_rounds=0,
)

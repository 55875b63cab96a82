"""How many bytes a recording takes, against its payloads' compact JSON under zlib."""

import zlib
from pathlib import Path

from benchmarks.measurement import LOST, Effort, Measurement
from benchmarks.operations import INPUTS, OUTPUTS, checkout_class, run_all
from benchmarks.payloads import compact_json, orders
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_OPERATIONS = 100
_LEVEL = 6


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    recorded_class = checkout_class(running.recorder)
    count = effort.repetitions(_OPERATIONS)
    per_round = []
    empty = before = running.stored()
    compressed = 0
    for number in range(effort.rounds):
        payloads = [orders(INPUTS + OUTPUTS, seed=number * count + one) for one in range(count)]
        run_all(recorded_class, payloads, OUTPUTS)
        running.drain()
        after = running.stored()
        base = sum(len(zlib.compress(compact_json(values), _LEVEL)) for values in payloads)
        per_round.append((after.payload_bytes - before.payload_bytes) / base)
        compressed += base
        before = after
    running.close()
    recordings = before.recordings
    growth = before.file_bytes - empty.file_bytes
    return Measurement(
        rounds=per_round,
        details={
            "zlib-6 bytes": round(compressed / recordings),
            "payload bytes": round(before.payload_bytes / recordings),
            "file growth bytes": round(growth / recordings),
            "file growth": round(growth / compressed, 3),
            LOST: count * effort.rounds - recordings,
        },
    )


STORED_BYTES = Workload(
    name="bytes",
    title="bytes stored for 20x5 of 1 KB, against zlib-6 of the payloads' compact JSON",
    unit="x",
    target=Target(1.05),
    measure=_measure,
)

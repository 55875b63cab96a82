"""Comparing in dedicated processes, against the same comparisons in the process itself."""

from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measurement import Effort, Measurement, interleaved, microseconds, timed
from benchmarks.operations import CATEGORY, INPUTS, OUTPUTS, checkout_class, run_all
from benchmarks.payloads import orders
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_COMPARISONS = 300


class ComparisonWentWrong(Exception):
    """Some comparisons were not equal, so their time says nothing."""


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    checkout = checkout_class(running.recorder)
    count = effort.repetitions(_COMPARISONS)
    sent = orders(OUTPUTS)
    inputs = [orders(INPUTS, seed=seed) for seed in range(count)]
    run_all(checkout, [[*values, *sent] for values in inputs], OUTPUTS)
    running.turn_to_reading()
    ids = list(running.find(CATEGORY, {}))
    operation = checkout([None] * INPUTS, sent)

    def play(recording_id: str) -> Any:
        return running.recorder.play(recording_id, lambda recording: operation.execute())

    def compare(dedicated: bool) -> None:
        equal = running.equal(ids, play, dedicated=dedicated)
        if equal != count:
            raise ComparisonWentWrong(f"{equal} of {count} comparisons are equal")

    times = interleaved(
        {
            "in process": timed(lambda: compare(False), perf_counter),
            "dedicated": timed(lambda: compare(True), perf_counter),
        },
        effort.rounds,
    )
    running.close()
    return Measurement(
        rounds=[a / b for a, b in zip(times["dedicated"], times["in process"], strict=True)],
        details={f"{name} us": microseconds(spent, count) for name, spent in times.items()},
    )


DEDICATED = Workload(
    name="dedicated",
    title="20x5 compared in dedicated processes of 100 each, against in process",
    unit="x",
    target=Target(1.3),
    measure=_measure,
    predecessor_rounds=3,
)

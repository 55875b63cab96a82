"""Looking recordings up by their metadata."""

from pathlib import Path
from time import perf_counter

from benchmarks.measurement import Effort, Measurement, interleaved, timed
from benchmarks.operations import CATEGORY, INPUTS, OUTPUTS, checkout_class
from benchmarks.payloads import orders
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_RECORDINGS = 2_000
_CUSTOMERS = 20
_DIFFERENT_PAYLOADS = 20


class LookupWentWrong(Exception):
    """A lookup did not find what was recorded, so its time says nothing."""


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    checkout = checkout_class(running.recorder)
    count = max(effort.repetitions(_RECORDINGS), _CUSTOMERS)
    payloads = [orders(INPUTS + OUTPUTS, seed=seed) for seed in range(_DIFFERENT_PAYLOADS)]
    for number in range(count):
        values = payloads[number % _DIFFERENT_PAYLOADS]
        customer = f"customer-{number % _CUSTOMERS}"
        checkout(values[:INPUTS], values[INPUTS:], customer).execute()
    running.turn_to_reading()

    wanted = {"customer": "customer-7"}
    expected = sum(1 for number in range(count) if number % _CUSTOMERS == 7)

    def look_up() -> None:
        found = list(running.find(CATEGORY, wanted))
        if len(found) != expected:
            raise LookupWentWrong(f"{len(found)} of {expected} recordings were found")

    times = interleaved({"lookup": timed(look_up, perf_counter)}, effort.rounds)
    running.close()
    return Measurement(
        rounds=[seconds * 1000 for seconds in times["lookup"]],
        details={"recordings": count, "found": expected},
    )


def _measure_files(system: type[System], folder: Path, effort: Effort) -> Measurement:
    return _measure(system.in_files(), folder, effort)


LOOKUP = Workload(
    name="lookup",
    title="metadata-filtered lookup among 2,000 recordings, all 100 matches",
    unit="ms",
    target=Target(10),
    measure=_measure,
    predecessor_rounds=3,
)

LOOKUP_FILES = Workload(
    name="lookup-files",
    title="the same lookup where each recording is a file",
    unit="ms",
    target=Target(50),
    measure=_measure_files,
    predecessor_rounds=3,
)

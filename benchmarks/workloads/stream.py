"""A generator of many items that is an input, recorded while it is read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.measurement import (
    LOST,
    Effort,
    Measurement,
    interleaved,
    microseconds,
    timed,
)
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_ITEMS = 10_000


def _rows(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"sku": f"A{number:06d}", "price": number / 7, "in_stock": True}


def _reading(rows: Callable[[int], Iterator[Any]], count: int) -> Callable[[], int]:
    def read() -> int:
        return sum(1 for _ in rows(count))

    return read


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    items = effort.repetitions(_ITEMS)
    recorder = running.recorder
    recorded = recorder.operation()(_reading(recorder.intercept_input("rows")(_rows), items))
    clocks: dict[str, list[float]] = {"storing": []}

    def record_and_store() -> None:
        recorded()
        started = process_time()
        running.drain()
        clocks["storing"].append(process_time() - started)

    times = interleaved(
        {"bare": timed(_reading(_rows, items)), "recorded": timed(record_and_store)}, effort.rounds
    )
    lost = effort.rounds + 1 - running.stored().recordings
    running.close()
    return Measurement(
        rounds=[
            (slow - fast) / items * 1e6
            for slow, fast in zip(times["recorded"], times["bare"], strict=True)
        ],
        details={
            "items": items,
            "bare us": microseconds(times["bare"], items),
            "recorded us": microseconds(times["recorded"], items),
            "storing us": microseconds(clocks["storing"], items),
            LOST: lost,
        },
    )


STREAM = Workload(
    name="stream",
    title="an item of a generator of 10,000, CPU added to the caller's thread",
    unit="us",
    target=Target(3),
    measure=_measure,
    predecessor_rounds=0,
)

"""What recording an operation adds to it, in pickles of its payloads (P)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.measurement import (
    LOST,
    Effort,
    Measurement,
    interleaved,
    microseconds,
    ratios,
    timed,
)
from benchmarks.operations import INPUTS, OUTPUTS, checkout_class, pickle_all, run_all
from benchmarks.payloads import KILOBYTE, orders, typed_orders
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

MakePayloads = Callable[[int, int, int], Sequence[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shape:
    """What is recorded in a round, and whether storing it counts.

    An operation reads `inputs` and sends `outputs`, of `size` bytes each; a round has `operations`
    of them, each with payloads of its own.
    """

    inputs: int = INPUTS
    outputs: int = OUTPUTS
    size: int = KILOBYTE
    operations: int = 100
    with_storing: bool
    payloads: MakePayloads = orders

    def measure(self, system: type[System], folder: Path, effort: Effort) -> Measurement:
        running = system(folder)
        count = effort.repetitions(self.operations)
        payloads = [
            self.payloads(self.inputs + self.outputs, self.size, seed) for seed in range(count)
        ]
        bare_class = checkout_class(None)
        recorded = _Recorded(running, payloads, self.outputs)
        times = interleaved(
            {
                "P": timed(lambda: pickle_all(payloads)),
                "bare": timed(lambda: run_all(bare_class, payloads, self.outputs)),
                "recorded": recorded.all_cpu if self.with_storing else recorded.caller_cpu,
            },
            effort.rounds,
        )
        expected = count * (effort.rounds + 1)
        details = {f"{name} us": microseconds(spent, count) for name, spent in times.items()}
        details["recorded wall us"] = microseconds(recorded.wall[1:], count)
        details[LOST] = expected - running.stored().recordings
        running.close()
        return Measurement(rounds=ratios(times, "recorded", "bare", "P"), details=details)


class _Recorded:
    """Records a round of operations, each time from an empty queue.

    `wall` has what the caller waited each time, in seconds: more than its own CPU where the writer
    holds the interpreter.
    """

    def __init__(self, running: System, payloads: Sequence[Sequence[Any]], outputs: int) -> None:
        self.wall: list[float] = []
        self._running = running
        self._class = checkout_class(running.recorder)
        self._payloads = payloads
        self._outputs = outputs

    def caller_cpu(self) -> float:
        """Return the CPU seconds of the recording thread."""
        spent = timed(self._record)()
        self._running.drain()
        return spent

    def all_cpu(self) -> float:
        """Return the CPU seconds of all threads until everything is stored."""
        return timed(self._record_and_store, process_time)()

    def _record(self) -> None:
        started = perf_counter()
        run_all(self._class, self._payloads, self._outputs)
        self.wall.append(perf_counter() - started)

    def _record_and_store(self) -> None:
        self._record()
        self._running.drain()


def _workload(name: str, title: str, limit: float | None, shape: _Shape) -> Workload:
    target = None if limit is None else Target(limit)
    return Workload(name=name, title=title, unit="x", target=target, measure=shape.measure)


ONE_INPUT = _workload(
    "input",
    "one input of 1 KB within an operation of 200, all CPU incl. storing, against P",
    3,
    _Shape(inputs=200, outputs=0, operations=20, with_storing=True),
)
ONE_TYPED_INPUT = _workload(
    "input-typed",
    "the same with dates, Decimals and dataclasses in it",
    None,
    _Shape(inputs=200, outputs=0, operations=20, with_storing=True, payloads=typed_orders),
)
FOREGROUND = _workload(
    "foreground",
    "20x5 of 1 KB, CPU added to the caller's thread, against P of all 25",
    1.5,
    _Shape(with_storing=False),
)
FOREGROUND_TYPED = _workload(
    "foreground-typed",
    "the same with dates, Decimals and dataclasses in it",
    None,
    _Shape(with_storing=False, payloads=typed_orders),
)
ALL_CPU = _workload(
    "all-cpu",
    "20x5 of 1 KB, all CPU incl. storing, against P of all 25",
    4,
    _Shape(with_storing=True),
)
ALL_CPU_TYPED = _workload(
    "all-cpu-typed",
    "the same with dates, Decimals and dataclasses in it",
    None,
    _Shape(with_storing=True, payloads=typed_orders),
)
LARGE = _workload(
    "foreground-100kb",
    "20x5 of 100 KB, CPU added to the caller's thread, against P of all 25",
    0.7,
    _Shape(size=100 * KILOBYTE, operations=8, with_storing=False),
)

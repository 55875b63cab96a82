"""A decorated method while recording is off, against a wrapper that does nothing."""

from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

from wrapt import FunctionWrapper

from benchmarks.measurement import Effort, Measurement, interleaved, microseconds, timed
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_CALLS = 100_000


def _no_op(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


def _double(self: object, number: int) -> int:
    return number * 2


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    running = system(folder)
    running.recorder.disable_recording()
    calls = effort.repetitions(_CALLS)

    class Shop:
        bare = _double
        wrapped = FunctionWrapper(_double, _no_op)
        decorated = running.recorder.intercept_input("shop.double")(_double)

    shop = Shop()

    def call_bare() -> None:
        for _ in repeat(None, calls):
            shop.bare(21)

    def call_wrapped() -> None:
        for _ in repeat(None, calls):
            shop.wrapped(21)

    def call_decorated() -> None:
        for _ in repeat(None, calls):
            shop.decorated(21)

    variants = {"bare": call_bare, "wrapped": call_wrapped, "decorated": call_decorated}
    times = interleaved({name: timed(run) for name, run in variants.items()}, effort.rounds)
    running.close()
    return Measurement(
        rounds=[a / b for a, b in zip(times["decorated"], times["wrapped"], strict=True)],
        details={f"{name} us": microseconds(times[name], calls) for name in variants},
    )


OFF_CALL = Workload(
    name="off-call",
    title="decorated method, recording off, against a no-op wrapt.FunctionWrapper",
    unit="x",
    target=Target(0.5),
    measure=_measure,
)

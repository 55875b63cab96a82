"""An application for workers of their own processes; the environment has the broker."""

import os
import time
from typing import Any

from celery import Celery, Task, chain, chord

from playback_celery import PlaybackCelery

_PORT = os.environ.get("WORKERS_PORT", "0")

app = Celery(
    "workers", broker=f"redis://127.0.0.1:{_PORT}/0", backend=f"redis://127.0.0.1:{_PORT}/1"
)
app.conf.update(
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    result_expires=None,
    playback={"SAMPLING": {"workers_app.unsampled": 0}, "EXCLUDE": ["*.excluded"]},
)
PlaybackCelery(app)


@app.task
def add(*numbers: int) -> int:
    return sum(numbers)


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task
def order(number: int) -> int:
    chain(add.s(number, 2), add.s(3)).delay()
    chord([add.s(number, 1), add.s(number, 2)], total.s()).delay()
    return number


@app.task(bind=True, autoretry_for=(ValueError,), retry_backoff=True, max_retries=1)
def flaky(self: Task) -> int:
    if self.request.retries:
        return int(self.request.retries)
    raise ValueError("again")


@app.task
def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@app.task
def process() -> int:
    return os.getpid()


@app.task
def die() -> None:
    os.kill(os.getpid(), 9)


@app.task
def leave() -> None:
    os._exit(3)


@app.task(time_limit=1)
def hang() -> None:
    time.sleep(60)


@app.task(soft_time_limit=1)
def linger() -> None:
    time.sleep(60)


@app.task
def excluded() -> None:
    """Do nothing."""


@app.task(name="workers_app.unsampled")
def unsampled() -> None:
    """Do nothing."""


@app.task(bind=True)
def headers(self: Task) -> Any:
    return self.request.headers

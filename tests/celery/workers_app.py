"""An application for workers of their own processes; the environment has the broker."""

import os
import time
from typing import Any

from celery import Celery, Task, chain, chord
from celery.exceptions import Reject, SoftTimeLimitExceeded
from celery.result import allow_join_result

from playback_celery import PlaybackCelery
from playback_core import recorder
from tests.patience import PATIENCE

app = Celery(
    "workers",
    broker=os.environ.get("WORKERS_BROKER"),
    backend=os.environ.get("WORKERS_BACKEND"),
)
app.conf.update(
    worker_prefetch_multiplier=1,
    task_queue_max_priority=9,
    broker_connection_retry_on_startup=True,
    result_expires=None,
    playback={"SAMPLING": {"workers_app.unsampled": 0}, "EXCLUDE": ["*.excluded"]},
)
PlaybackCelery(app)


@recorder.intercept_input("answer")
def answer() -> str:
    time.sleep(60)
    return "late"


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


@app.task(soft_time_limit=1)
def give_up() -> str:
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded:
        return "given up"
    return "done"


@app.task(soft_time_limit=1)
def do_without() -> str:
    try:
        return answer()
    except SoftTimeLimitExceeded:
        add.delay(1)
        return "done without"


@app.task(soft_time_limit=1)
def need() -> str:
    return answer()


@app.task
def excluded() -> None:
    """Do nothing."""


@app.task(name="workers_app.unsampled")
def unsampled() -> None:
    """Do nothing."""


@app.task(bind=True)
def headers(self: Task) -> Any:
    return self.request.headers


@app.task(bind=True)
def delivery(self: Task) -> Any:
    request = self.request
    return [request.delivery_info, request.headers, request.eta]


@app.task(bind=True, acks_late=True)
def requeue(self: Task) -> bool:
    if not self.request.delivery_info["redelivered"]:
        raise Reject("once more", requeue=True)
    return True


@app.task(bind=True, acks_late=True, reject_on_worker_lost=True)
def die_once(self: Task) -> bool:
    if not self.request.delivery_info["redelivered"]:
        os.kill(os.getpid(), 9)
    return True


@app.task
def wait_for(number: int) -> int:
    with allow_join_result():
        total: int = add.delay(number, 1).get(timeout=PATIENCE)
    return total

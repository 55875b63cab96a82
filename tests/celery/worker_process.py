"""Workers of Celery as processes of their own, over a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from celery import Celery
from celery.backends.rpc import RPCBackend
from celery.result import AsyncResult
from kombu import pools

from playback_core import Recording, SQLiteTapeCassette
from tests.celery.services import NOWHERE, Services, redis_services
from tests.patience import PATIENCE
from tests.servers import inherited_environment

APP: Final = "tests.celery.workers_app"
HIGHEST_PRIORITY: Final = 9
_ROOT: Final = Path(__file__).parents[2]


class Worker:
    """A running worker, and what sends tasks to it."""

    def __init__(self, folder: Path, services: Services, *options: str, app: str = APP) -> None:
        self._folder = folder
        self._app = app
        self._environ = environment(folder, services)
        self._log = folder / "worker.log"
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "-l", "WARNING"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat", *options]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, env=self._environ, cwd=_ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        self.client = Celery(broker=services.broker, backend=services.backend, set_as_current=False)
        self.client.conf.task_queue_max_priority = HIGHEST_PRIORITY

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def send(self, task: str, *args: Any, **options: Any) -> AsyncResult:
        return self.client.send_task(f"{self._app}.{task}", args, **options)

    def run(self, task: str, *args: Any, **options: Any) -> Any:
        return self.send(task, *args, **options).get(timeout=PATIENCE)

    def until_running(self, task: str) -> None:
        """Wait until the worker knows that a child runs a task."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            replies = self.client.control.broadcast("active", reply=True, limit=1, timeout=PATIENCE)
            running = [each["name"] for reply in replies for each in next(iter(reply.values()))]
            if f"{self._app}.{task}" in running:
                return
        raise AssertionError(f"{task} did not run")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the worker, by default when its tasks are done, and return how it ended."""
        if self._process.poll() is None:
            self._process.send_signal(how)
            # A worker that waits for messages looks once in 10 seconds whether it is to end.
            self.client.control.broadcast("ping")
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE)
        backend = self.client.backend
        if isinstance(backend, RPCBackend):
            backend.result_consumer.stop()
        # A result that is freed later would tell the backend so, which is gone by then.
        backend.remove_pending_result = lambda result: result
        self.client.close()
        pools.reset()

    def recordings(self, task: str) -> list[Recording]:
        cassette = SQLiteTapeCassette(cassette_path(self._folder))
        try:
            name = f"{self._app}.{task}" if "." not in task else task
            ids = cassette.iter_recording_ids(name)
            return [cassette.get_recording(each) for each in ids]
        finally:
            cassette.close()

    def until_recorded(self, task: str, number: int) -> None:
        """Wait until a number of runs of a task are stored."""
        end = time.monotonic() + PATIENCE
        while len(self.recordings(task)) < number:
            if time.monotonic() > end:
                raise AssertionError(f"{task} was not recorded {number} times")
            time.sleep(0.05)


@contextmanager
def worker_process(
    folder: Path, *options: str, app: str = APP, services: Services | None = None
) -> Iterator[Worker]:
    """Run a worker for a block, over services that run already, or else of its own."""
    with redis_services() if services is None else nullcontext(services) as used:
        worker = Worker(folder, used, *options, app=app)
        try:
            yield worker
        finally:
            worker.close()


def cassette_path(folder: Path) -> Path:
    return folder / "recorded.db"


def environment(folder: Path, services: Services = NOWHERE) -> dict[str, str]:
    """Return the environment in which the application records."""
    return inherited_environment() | {
        "WORKERS_BROKER": services.broker,
        "WORKERS_BACKEND": services.backend,
        "SHOP_DATABASE": str(folder / "shop.db"),
        "PLAYBACK_ENABLED": "1",
        "PLAYBACK_CASSETTE": f"sqlite:///{cassette_path(folder)}",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
    }


def command(
    folder: Path, *arguments: str, app: str = APP, services: Services = NOWHERE
) -> subprocess.CompletedProcess[str]:
    """Run `celery playback` for the application, by default with no broker there is."""
    line = [sys.executable, "-m", "celery", "-A", app, "playback", *arguments]
    return subprocess.run(
        line,
        env=environment(folder, services),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

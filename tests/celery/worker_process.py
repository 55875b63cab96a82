"""Workers of Celery as processes of their own, over a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from celery import Celery
from celery.result import AsyncResult

from playback_core import Recording, SQLiteTapeCassette
from tests.celery.conftest import WAIT
from tests.interceptors.redis_server import redis_server

APP: Final = "tests.celery.workers_app"
_ROOT: Final = Path(__file__).parents[2]


class Worker:
    """A running worker, and what sends tasks to it."""

    def __init__(self, folder: Path, port: int, *options: str, app: str = APP) -> None:
        self._folder = folder
        self._app = app
        self._environ = environment(folder, port)
        self._log = folder / "worker.log"
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "-l", "WARNING"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat", *options]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, env=self._environ, cwd=_ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        url = f"redis://127.0.0.1:{port}"
        self.client = Celery(broker=f"{url}/0", backend=f"{url}/1", set_as_current=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def send(self, task: str, *args: Any, **options: Any) -> AsyncResult:
        return self.client.send_task(f"{self._app}.{task}", args, **options)

    def run(self, task: str, *args: Any, **options: Any) -> Any:
        return self.send(task, *args, **options).get(timeout=WAIT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the worker, by default when its tasks are done, and return how it ended."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(WAIT)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(WAIT)
        # A result that is freed later would tell the backend so, which is gone by then.
        self.client.backend.remove_pending_result = lambda result: result
        self.client.close()

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
        end = time.monotonic() + WAIT
        while len(self.recordings(task)) < number:
            if time.monotonic() > end:
                raise AssertionError(f"{task} was not recorded {number} times")
            time.sleep(0.05)


@contextmanager
def worker_process(folder: Path, *options: str, app: str = APP) -> Iterator[Worker]:
    """Run a worker and its broker for a block."""
    with redis_server() as port:
        worker = Worker(folder, port, *options, app=app)
        try:
            yield worker
        finally:
            worker.close()


def cassette_path(folder: Path) -> Path:
    return folder / "recorded.db"


def environment(folder: Path, port: int) -> dict[str, str]:
    """Return the environment in which the application records."""
    return {
        **os.environ,
        "WORKERS_PORT": str(port),
        "SHOP_DATABASE": str(folder / "shop.db"),
        "PLAYBACK_ENABLED": "1",
        "PLAYBACK_CASSETTE": f"sqlite:///{cassette_path(folder)}",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
    }


def command(folder: Path, *arguments: str, app: str = APP) -> subprocess.CompletedProcess[str]:
    """Run `celery playback` for the application, with no broker there is."""
    line = [sys.executable, "-m", "celery", "-A", app, "playback", *arguments]
    return subprocess.run(
        line,
        env=environment(folder, 1),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=3 * WAIT,
        check=False,
    )

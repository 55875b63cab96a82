"""Runs of a demo: one from end to end, one that is interrupted, and what their recordings hold."""

import signal
import subprocess
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from playback_core import SQLiteTapeCassette
from tests.patience import PATIENCE


def finished_run(
    command: list[str], folder: Path, environment: dict[str, str], *, timeout: int
) -> subprocess.CompletedProcess[str]:
    """Run a demo to its end, and have it keep in a folder what it recorded."""
    return subprocess.run(
        [*command, "--keep", str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def stored_texts(folder: Path, category: str) -> list[str]:
    """Return all that each recording of a category holds, as it was kept by a run."""
    with SQLiteTapeCassette(folder / "playback.db") as cassette:
        recordings = map(cassette.get_recording, cassette.iter_recording_ids(category))
        return [
            "".join(repr(each.get_data(key)) for key in each.get_all_keys()) for each in recordings
        ]


def assert_interrupting_leaves_nothing(command: Iterable[str], environment: dict[str, str]) -> None:
    """Interrupt a demo, as Ctrl-C does, once its server has told its address: nobody is left."""
    with subprocess.Popen(
        [*command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        if demo.stdout is None or demo.stderr is None:
            raise AssertionError("the demo was started without pipes")
        address = next(word for word in demo.stdout.readline().split() if "://" in word)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(PATIENCE) == 130, demo.stderr.read()
        assert "Interrupted." in demo.stderr.read()

    connection = HTTPConnection(urlsplit(address).netloc, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/")

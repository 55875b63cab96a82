"""Child processes of the demo: what they leave behind, and how their failures read."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.live_demo.processes import Child, ChildFailed

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def child(code: str) -> Child:
        command = [sys.executable, "-c", code]
        here = dict(os.environ)
        return Child("worker", command, folder=tmp_path, logs=tmp_path, environment=here)

    return child


def test_a_child_that_ends_too_soon_shows_the_end_of_its_log(start: Start) -> None:
    with (
        start("import sys; sys.exit('no free port')") as child,
        pytest.raises(ChildFailed, match=r"worker ended with code 1.*\n.*no free port"),
    ):
        child.wait_for("ready at (.+)")


def test_a_child_that_is_never_ready_is_named(start: Start) -> None:
    with (
        start("import time; time.sleep(60)") as child,
        pytest.raises(ChildFailed, match="worker was not ready"),
    ):
        child.wait_for("ready at (.+)", timeout=0.1)


def test_waiting_gives_what_the_log_says(start: Start) -> None:
    with start("print('ready at port 1', flush=True); import time; time.sleep(60)") as child:
        assert child.wait_for("ready at (.+)") == "port 1"


def test_a_failing_block_leaves_no_child_and_no_grandchild(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "life")
    life = os.open(tmp_path / "life", os.O_RDONLY | os.O_NONBLOCK)
    grandchild = "l = open('life', 'wb'); print('alive', flush=True); import time; time.sleep(60)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"

    def interrupted() -> None:
        with start(child) as family:
            family.wait_for("(alive)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    # The file ends when the last process that could write to it is gone.
    os.set_blocking(life, True)
    assert os.read(life, 1) == b""
    os.close(life)


def test_a_child_that_ignores_the_request_to_stop_is_killed(start: Start) -> None:
    stubborn = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pid", os.getpid(), flush=True)
time.sleep(60)
"""
    child = start(stubborn)
    pid = int(child.wait_for(r"pid (\d+)"))

    with pytest.raises(ChildFailed, match="worker did not stop"):
        child.stop(timeout=0.1)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

"""`playback` in a process of its own: Ctrl-C, a closed pipe, an input to debug from."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playback_core import NoSuchRecording
from tests.patience import PATIENCE

WAITS = """
        if name == "milk":
            import select
            # What came before is on its way from the process that replays.
            select.select([], [], [], 1)
            open("waiting", "w").close()
            try:
                for _ in range(600):  # a signal that comes just before one waits for it
                    select.select([], [], [], 0.1)
            except {caught}:
                pass
        total = self.price(name) * RATE
"""


ALLOWED = ("--allow", "./waiting")


def _interrupted(folder: Any, *arguments: str, caught: str = "ValueError") -> Any:
    folder.change("\n        total = self.price(name) * RATE\n", WAITS.format(caught=caught))
    process = folder.start("--app", "service", "compare", "Order", *ALLOWED, *arguments)
    while not (folder.path / "waiting").exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def test_ctrl_c_prints_what_was_compared_so_far(folder: Any) -> None:
    code, out, err = _interrupted(folder)
    assert (code, err) == (130, "")
    assert "Equal  " in out
    assert out.splitlines()[-1].startswith("Interrupted: 1 of 2 compared: 1 Equal; sealed: ")


def test_ctrl_c_leaves_a_whole_document(folder: Any) -> None:
    code, out, _ = _interrupted(folder, "--json")
    document = json.loads(out)
    assert code == 130
    assert (document["interrupted"], document["total"]) == (True, 2)
    assert [row["status"] for row in document["categories"]["Order"]] == ["Equal"]


def test_ctrl_c_that_the_application_swallows_ends_the_command(folder: Any) -> None:
    code, out, _ = _interrupted(folder, caught="KeyboardInterrupt")
    assert code == 130
    assert out.splitlines()[-1].startswith("Interrupted: 1 of 2 compared: 1 Equal; sealed: ")


def test_ctrl_c_while_the_application_is_loaded(folder: Any) -> None:
    folder.write("open('waiting', 'w').close(); import time; time.sleep(60)")
    process = folder.start("--app", "service", "compare")
    while not (folder.path / "waiting").exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE) == ("", "Interrupted.\n")
    assert process.returncode == 130


def test_a_closed_pipe_ends_quietly(folder: Any) -> None:
    process = folder.start("export")
    process.stdout.close()
    process.wait(timeout=PATIENCE)
    assert process.stderr.read() == ""
    assert process.returncode == 141
    process.stdin.close()
    process.stderr.close()


@pytest.mark.parametrize("closed", [(1,), (1, 2)])
def test_streams_that_the_shell_closed_stop_no_command(
    folder: Any, closed: tuple[int, ...]
) -> None:
    oldest = folder.ids()[0]
    command = [sys.executable, "-m", "playback_core.cli", "prune", "--max-size", "0"]
    done = subprocess.run(
        command,
        cwd=folder.path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        preexec_fn=lambda: [os.close(number) for number in closed],
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    with pytest.raises(NoSuchRecording):
        folder.cassette.get_recording(oldest)


def _debugged(folder: Any, commands: str) -> tuple[int, str]:
    process = folder.start("--app", "service", "replay", folder.ids()[0], "--pdb")
    out, _ = process.communicate(commands, timeout=PATIENCE)
    return process.returncode, out


def test_pdb_opens_where_the_operation_raised(folder: Any) -> None:
    folder.change("RATE = 2", "RATE = None")
    code, out = _debugged(folder, "p 'name is ' + name\nq\n")
    assert code == 1
    assert "-> total = self.price(name) * RATE" in out
    assert "'name is tea'" in out


def test_pdb_opens_where_the_application_made_a_call_that_was_not_recorded(folder: Any) -> None:
    folder.change("self.price(name)", "self.price(name + 's')")
    code, out = _debugged(folder, "")
    assert code == 3
    assert "-> total = self.price(name + 's') * RATE" in out

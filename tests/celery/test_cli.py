"""`celery playback`: every command, for recordings of real workers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.celery.worker_process import APP, command, environment, worker_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    with worker_process(folder, "-P", "solo") as worker:
        for number in range(3):
            worker.run("add", number, 1)
        assert worker.stop() == 0
    return folder


def test_recordings_are_listed_and_shown(folder: Path) -> None:
    listed = command(folder, "list", "--json")
    assert listed.returncode == 0, listed.stderr
    ids = [row["recording_id"] for row in json.loads(listed.stdout)["recordings"]]
    assert len(ids) == 3
    shown = command(folder, "show", ids[0])
    assert shown.returncode == 0, shown.stderr
    assert "tests.celery.workers_app.add" in shown.stdout


def test_recordings_are_replayed_and_compared(folder: Path) -> None:
    listed = command(folder, "list", "--json", "--limit", "1")
    (row,) = json.loads(listed.stdout)["recordings"]
    replayed = command(folder, "replay", row["recording_id"])
    assert (replayed.returncode, "Equal" in replayed.stdout) == (0, True), replayed.stderr
    compared = command(folder, "compare", "tests.celery.workers_app.add")
    assert compared.returncode == 0, compared.stderr
    assert "3 compared: 3 Equal" in compared.stdout


def test_a_category_that_is_not_there_is_one_line(folder: Path) -> None:
    compared = command(folder, "compare", "nothing")
    assert compared.returncode == 2
    assert "No recordings of category 'nothing'" in compared.stderr
    assert "Traceback" not in compared.stderr


def test_an_application_without_recordings_is_told_so(tmp_path: Path) -> None:
    listed = command(tmp_path, "list")
    assert listed.returncode == 2
    assert "Traceback" not in listed.stderr
    assert not list(tmp_path.iterdir())


def test_a_wrong_setting_is_one_line_whatever_the_command(tmp_path: Path) -> None:
    # Ends at once: a right setting would have asked for the bindings there are, of no broker.
    line = [sys.executable, "-m", "celery", "-A", APP, "list", "bindings"]
    environ = environment(tmp_path) | {"PLAYBACK_SAMPLING": "7"}
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (told,) = done.stderr.splitlines()
    assert told.startswith("Error: PLAYBACK_SAMPLING in the environment is '7'; it must be a share")
    environ["PLAYBACK_DEBUG"] = "1"
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr
    assert "PLAYBACK_SAMPLING in the environment is '7'" in done.stderr.splitlines()[-2]


def test_the_command_playback_takes_applications_of_celery(folder: Path) -> None:
    line = [sys.executable, "-m", "playback_core.cli", "--app", f"{APP}:app", "compare"]
    compared = subprocess.run(
        line, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert compared.returncode == 0, compared.stderr
    assert "3 compared: 3 Equal" in compared.stdout


def test_a_recording_is_shown_in_the_tree_it_belongs_to(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-P", "solo") as worker:
        worker.run("order", 3)
        worker.until_recorded("total", 1)
        worker.until_recorded("add", 4)
        assert worker.stop() == 0
        (total,) = worker.recordings("total")
        (order,) = worker.recordings("order")
    shown = command(tmp_path, "show", "--json", total.id)
    family = json.loads(shown.stdout)["family"]
    depths = [each["depth"] for each in family]
    assert family[0] == {"depth": 0, "recording_id": order.id}
    # Of three members one sent what followed in its chain, and another one the body of its chord.
    assert sorted(depths) == [0, 1, 1, 1, 2, 2]
    assert {"depth": 2, "recording_id": total.id} in family
    text = command(tmp_path, "show", total.id).stdout
    assert f"{order.id}\n" in text
    marked = [line.split() for line in text.splitlines() if line.lstrip().startswith("*")]
    assert marked == [["*", total.id]]

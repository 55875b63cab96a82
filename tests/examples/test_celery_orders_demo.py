"""The demo of Celery from end to end, with few tasks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from playback_core import SQLiteTapeCassette, TapeRecorder
from tests.examples.demo_runs import finished_run

DEMO = [sys.executable, "-m", "examples.celery_orders.demo"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo kept what it recorded."""
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def finished(folder: Path, example_environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One whole run of the demo with few tasks."""
    return finished_run([*DEMO, "--tasks", "80"], folder, example_environment, timeout=180)


def test_the_demo_finds_exactly_the_planted_regressions(
    finished: subprocess.CompletedProcess[str],
) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    first, second = re.findall(r"with no broker: (.*)\.", finished.stdout)
    assert re.fullmatch(r"\d+ Equal", first)
    assert re.fullmatch(r"\d+ Equal, \d+ Different", second)
    for task in ("orders.total", "orders.payment", "orders.place"):
        assert f"{task}: " in finished.stdout


def test_a_task_and_the_request_that_sent_it_know_each_other(
    finished: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert finished.returncode == 0
    with SQLiteTapeCassette(folder / "playback.db") as cassette:
        for recording_id in cassette.iter_recording_ids("orders.place"):
            metadata = cassette.get_recording_metadata(recording_id)
            request = cassette.get_recording(metadata[TapeRecorder.PARENT_ID])
            assert request.get_metadata()[TapeRecorder.KIND] == "flask"
            sent = request.get_data("output: celery send orders.place #1.result")
            assert sent["value"]["id"] == metadata["task_id"]

"""The demo from end to end, with little traffic, and what is left when it is interrupted."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from tests.examples.demo_runs import (
    assert_interrupting_leaves_nothing,
    finished_run,
    stored_texts,
)

DEMO = [sys.executable, "-m", "examples.flask_shop.demo"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo kept what it recorded."""
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def finished(folder: Path, example_environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One whole run of the demo with little traffic."""
    command = [*DEMO, "--requests", "60"]
    return finished_run(command, folder, example_environment, timeout=120)


def test_the_demo_finds_exactly_the_planted_regression(
    finished: subprocess.CompletedProcess[str],
) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    replayed = r"Replayed on the \w+ version, 90 days later, sealed \w+: (.*)\."
    first, second = re.findall(replayed, finished.stdout)
    assert re.fullmatch(r"\d+ Equal", first)
    assert re.fullmatch(r"\d+ Equal, \d+ Different", second)
    assert "Those are exactly the" in finished.stdout


def test_the_demo_shows_old_and_new_total_of_the_affected_orders(
    finished: subprocess.CompletedProcess[str],
) -> None:
    assert re.search(
        r"^  \S+  POST /api/v1/orders:  \d+ x [\d.]+ = [\d.]+, now [\d.]+$", finished.stdout, re.M
    )


def test_the_recordings_are_kept_and_hold_no_password(
    finished: subprocess.CompletedProcess[str], folder: Path
) -> None:
    sign_ins = stored_texts(folder, "site.sign_in")
    stored = "".join(sign_ins)

    assert len(sign_ins) == 16
    assert "ada" in stored
    for password in ("engine", "mikrokosmos", "one plus two", "displacement", "a guess"):
        assert password not in stored
        assert quote_plus(password) not in stored


def test_an_interrupted_demo_leaves_no_server_behind(
    example_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*DEMO, "--requests", "100000", "--keep", str(tmp_path / "kept")]
    assert_interrupting_leaves_nothing(command, example_environment)

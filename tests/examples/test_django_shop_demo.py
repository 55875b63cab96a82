"""The Django demo from end to end, with as little traffic as shows all; what is left of it."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from examples.django_shop.traffic import PASSWORDS
from tests.examples.demo_runs import (
    assert_interrupting_leaves_nothing,
    finished_run,
    stored_texts,
)

DEMO = [sys.executable, "-m", "examples.django_shop.demo"]
ONE_OF_EACH = "384"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo kept what it recorded."""
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def finished(folder: Path, example_environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One whole run of the demo with little traffic."""
    command = [*DEMO, "--requests", ONE_OF_EACH]
    return finished_run(command, folder, example_environment, timeout=600)


def test_the_demo_finds_exactly_the_planted_regressions(
    finished: subprocess.CompletedProcess[str],
) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    replayed = r"Replayed on the \w+ version, 90 days later, sealed \w+: (.*)\."
    first, second = re.findall(replayed, finished.stdout)
    assert re.fullmatch(r"\d+ Equal", first)
    assert re.fullmatch(r"\d+ Equal, \d+ Different, \d+ EqualizerFailure", second)
    named = re.findall(r"^\d+ times, ([^:]+):", finished.stdout, re.M)
    assert sorted(named) == [
        "a mail is dropped",
        "a query for each product",
        "orders of others are shown",
        "prices are rounded down",
    ]


def test_both_servers_were_recorded(finished: subprocess.CompletedProcess[str]) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    served = re.findall(r"^The shop runs at \S+ under (\w+)\.$", finished.stdout, re.M)
    assert served == ["gunicorn", "uvicorn"]


def test_the_recordings_are_kept_and_hold_no_password(
    finished: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    sign_ins = stored_texts(folder, "sign-in")
    stored = "".join(sign_ins)

    assert len(sign_ins) >= 96
    assert "ada" in stored
    for password in (*PASSWORDS.values(), "a guess"):
        assert f"'{password}'" not in stored
        assert f"={quote_plus(password)}" not in stored


def test_an_interrupted_demo_leaves_no_server_behind(
    example_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*DEMO, "--requests", "100000", "--keep", str(tmp_path / "kept")]
    assert_interrupting_leaves_nothing(command, example_environment)

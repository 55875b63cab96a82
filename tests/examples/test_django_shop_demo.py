"""The Django demo from end to end, with as little traffic as shows all; what is left of it."""

import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import pytest

from examples.django_shop.traffic import PASSWORDS
from playback_core import SQLiteTapeCassette

DEMO = [sys.executable, "-m", "examples.django_shop.demo"]
ONE_OF_EACH = "384"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo kept what it recorded."""
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def finished(folder: Path, example_environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One whole run of the demo with little traffic."""
    return subprocess.run(
        [*DEMO, "--requests", ONE_OF_EACH, "--keep", str(folder)],
        env=example_environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


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
    with SQLiteTapeCassette(folder / "playback.db") as cassette:
        sign_ins = [
            cassette.get_recording(recording_id)
            for recording_id in cassette.iter_recording_ids("sign-in")
        ]
    stored = "".join(
        repr(recording.get_data(key)) for recording in sign_ins for key in recording.get_all_keys()
    )

    assert len(sign_ins) >= 96
    assert "ada" in stored
    for password in (*PASSWORDS.values(), "a guess"):
        assert f"'{password}'" not in stored
        assert f"={quote_plus(password)}" not in stored


def test_an_interrupted_demo_leaves_no_server_behind(
    example_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*DEMO, "--requests", "100000", "--keep", str(tmp_path / "kept")]
    with subprocess.Popen(
        command,
        env=example_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        if demo.stdout is None or demo.stderr is None:
            raise AssertionError("the demo was started without pipes")
        address = demo.stdout.readline().split()[4]
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 130, demo.stderr.read()
        assert "Interrupted." in demo.stderr.read()

    connection = HTTPConnection(urlsplit(address).netloc, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/")

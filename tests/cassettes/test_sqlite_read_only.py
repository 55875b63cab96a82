"""A database that its reader must not write to, in a folder that may be read-only, too."""

import subprocess
import sys
from pathlib import Path

import pytest

from playback_core import SQLiteTapeCassette
from playback_core.testing import save_new
from tests.unprivileged import PRELUDE

READ = """
import sys
from playback_core import CassetteError, SQLiteTapeCassette
try:
    with SQLiteTapeCassette(sys.argv[1], create=False) as cassette:
        for recording_id in cassette.iter_recording_ids("Operation"):
            print("read", cassette.get_recording(recording_id).get_data("key"))
        cassette.prune(__import__("datetime").datetime.now())
        print("pruned")
except CassetteError as error:
    print(error)
"""

RECORD = """
import logging, sys
from playback_core import AsyncRecordOnlyTapeCassette, SQLiteTapeCassette
from playback_core.testing import save_new
logging.basicConfig()
writer = AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(sys.argv[1]))
for _ in range(3):
    save_new(writer)
    writer.flush()
print(writer.counters)
"""

READ_ONCE = "read {'value': 1}\n"


@pytest.fixture
def path(tmp_path):
    """A database with one recording, in a folder of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    yield folder / "playback.db"
    folder.chmod(0o700)


@pytest.fixture
def closed(path):
    with SQLiteTapeCassette(path) as cassette:
        save_new(cassette)
    return path


@pytest.fixture
def killed(path):
    """The files that a process leaves that could not close its database."""
    with SQLiteTapeCassette(path) as cassette:
        save_new(cassette)
        left = {file: file.read_bytes() for file in path.parent.iterdir()}
    for file, content in left.items():
        file.write_bytes(content)
    return path


def protect(path: Path, *, file: int, folder: int) -> None:
    for each in path.parent.iterdir():
        each.chmod(file)
    path.parent.chmod(folder)


def run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


PROTECTED = pytest.mark.parametrize(
    ("file", "folder"),
    [(0o400, 0o700), (0o400, 0o500), (0o600, 0o500)],
    ids=["file", "file and folder", "folder"],
)


@PROTECTED
def test_what_must_not_be_written_is_read_and_nothing_is_left_beside_it(closed, file, folder):
    protect(closed, file=file, folder=folder)
    out = run(READ, closed).stdout
    assert out.startswith(READ_ONCE)
    assert "read-only; allow writing" in out
    assert [each.name for each in closed.parent.iterdir()] == ["playback.db"]


@PROTECTED
def test_what_is_in_the_log_only_is_read(killed, file, folder):
    protect(killed, file=file, folder=folder)
    assert run(READ, killed).stdout.startswith(READ_ONCE)


def test_an_empty_log_is_not_needed(closed):
    closed.with_name("playback.db-wal").touch()
    protect(closed, file=0o400, folder=0o500)
    assert run(READ, closed).stdout.startswith(READ_ONCE)


def test_a_log_that_cannot_be_read_is_an_error_with_advice(killed):
    killed.with_name("playback.db-shm").unlink()
    protect(killed, file=0o400, folder=0o500)
    out = run(READ, killed).stdout
    assert "check the permissions of the file, its log (-wal) and the folder" in out
    assert "read {" not in out


def test_recording_to_a_read_only_file_counts_what_is_lost_and_logs_the_cause_once(closed):
    protect(closed, file=0o400, folder=0o700)
    done = run(RECORD, closed)
    assert "queued=3, saved=0, dropped=0, failed=3" in done.stdout
    assert done.stderr.count("Storing recordings in") == 1
    assert "read-only; allow writing" in done.stderr

"""The cache folder: bounded, whole, private, and shared by processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from playback_core.cassettes._local_cache import LocalCache

PROJECT = Path(__file__).resolve().parents[2]
LARGE = 10**9


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def bytes_in(folder):
    return sum(path.stat().st_size for path in files_in(folder))


def test_what_is_put_is_got(folder):
    cache = LocalCache(folder, LARGE)
    assert cache.get("a", LARGE) is None
    for body in (b"first", b"", b"x" * 100_000):
        cache.put("a", body)
        assert LocalCache(folder, LARGE).get("a", LARGE) == body
    assert cache.get("b", LARGE) is None
    assert len(files_in(folder)) == 1


def test_what_is_longer_than_asked_for_is_not_read(folder):
    cache = LocalCache(folder, LARGE)
    cache.put("a", b"x" * 100)
    assert cache.get("a", 99) is None
    assert cache.get("a", 100) == b"x" * 100


def test_the_size_is_bounded_and_the_longest_unused_goes_first(folder):
    cache = LocalCache(folder, 100_000)
    for number in range(9):
        cache.put(f"{number}", b"x" * 10_000)
        for age, path in enumerate(sorted(files_in(folder), key=os.path.getmtime)):
            os.utime(path, (1000 + age, 1000 + age))
    assert cache.get("0", LARGE) is not None
    for number in range(9, 12):
        cache.put(f"{number}", b"x" * 10_000)
    assert bytes_in(folder) <= 100_000
    assert cache.get("0", LARGE) is not None
    assert cache.get("1", LARGE) is None
    assert cache.get("11", LARGE) is not None


def test_what_is_a_large_part_of_the_cache_is_not_kept(folder):
    cache = LocalCache(folder, 1000)
    cache.put("a", b"x" * 500)
    assert cache.get("a", LARGE) is None
    assert not folder.exists()


def test_the_bound_holds_for_files_of_other_processes(folder):
    for number in range(20):
        LocalCache(folder, 100_000).put(f"{number}", b"x" * 10_000)
    assert bytes_in(folder) <= 100_000


def test_what_a_killed_process_left_is_removed(folder):
    cache = LocalCache(folder, LARGE)
    cache.put("a", b"x")
    (kept,) = files_in(folder)
    abandoned, fresh = kept.with_suffix(".1.writing"), kept.with_suffix(".2.writing")
    foreign = kept.with_name("notes.txt")
    for path in (abandoned, fresh, foreign):
        path.touch()
    hours_ago = time.time() - 7200
    for path in (abandoned, foreign):
        os.utime(path, (hours_ago, hours_ago))
    LocalCache(folder, LARGE).put("b", b"x")
    assert not abandoned.exists()
    assert fresh.exists()
    assert foreign.exists()


def test_a_write_that_fails_leaves_nothing(folder, monkeypatch, caplog):
    cache = LocalCache(folder, LARGE)
    cache.put("a", b"x")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.put("b", b"x")
    assert len(files_in(folder)) == 1
    assert "No space left" in caplog.text
    assert cache.get("a", LARGE) == b"x"


def test_files_of_others_are_not_read(folder, monkeypatch):
    cache = LocalCache(folder, LARGE)
    cache.put("a", b"x")
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert cache.get("a", LARGE) is None


WRITE = """
import sys
from pathlib import Path
from playback_core.cassettes._local_cache import LocalCache

cache = LocalCache(Path(sys.argv[1]), 60_000)
for number in range(100):
    name = str(number % 20)
    body = cache.get(name, 10**6)
    assert body in (None, name.encode() * 5000), body
    cache.put(name, name.encode() * 5000)
"""


def test_processes_share_a_folder(folder):
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(folder)], cwd=PROJECT) for _ in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert bytes_in(folder) <= 60_000 + 3 * 60_000 // 16 + 3 * 10_032
    assert not list(folder.rglob("*.writing"))

"""Files of the setting are read once, when it is recorded; a replay needs none of them."""

import io
import json
import os
from pathlib import Path

import pytest

from playback_core.errors import RecordingKeyError
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from tests.interceptors.runs import Runs

TEXT = "prïces\r\n1,5\n2,7\n"


@pytest.fixture
def folder(tmp_path):
    """A folder in which files of two kinds are inputs, and others are not."""
    folder = tmp_path / "shop"
    folder.mkdir()
    install_interceptors([f"files:{folder}/*.csv", f"files:{folder}/prices.json"])
    yield folder
    uninstall_interceptors()


@pytest.fixture
def prices(folder):
    path = folder / "prices.csv"
    path.write_bytes(TEXT.encode())
    return path


def test_a_file_is_read_as_it_was(prices):
    def work():
        with open(prices, encoding="utf-8") as file:
            first = file.readline()
            rest = list(file)
            file.seek(0)
            found = [first, rest, file.read(), file.name, file.mode, file.encoding, type(file)]
        with open(os.fsencode(prices), "rb") as file:
            found += [file.read(3), file.tell(), file.peek()[:1], file.read(), file.mode]
        with open(str(prices), "rb", 0) as file:
            found += [file.read(), file.read(), file.seek(0, io.SEEK_END)]
        with open(prices, encoding="ascii", errors="replace", newline="") as file:
            found.append(file.readlines())
        return found

    runs = Runs(work)
    prices.unlink()
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal


def test_every_way_to_open_it(folder, prices):
    (folder / "prices.json").write_text('{"a": 1}')

    def work():
        with io.open(folder / "prices.json") as file:  # noqa: UP020 - another name of it
            loaded = json.load(file)
        return loaded, prices.read_bytes(), Path(prices).read_text(encoding="utf-8")

    runs = Runs(work)
    assert runs.aliases == ["files open"] * 3
    prices.write_text("other")
    (folder / "prices.json").unlink()
    assert runs.replayed().result == runs.result


def test_a_file_that_was_not_there_is_not_there_again(folder):
    path = folder / "gone.csv"

    def work():
        try:
            path.read_text()
        except OSError as error:
            return type(error), error.errno, error.filename

    runs = Runs(work)
    assert runs.result[0] is FileNotFoundError
    path.write_text("come")
    assert runs.replayed().result == runs.result


def test_the_application_reads_the_file_itself(prices):
    def work():
        with open(prices) as file:
            file.readline()
            return os.fstat(file.fileno()).st_size, file.read()

    assert Runs(work).result == (len(TEXT.encode()), "1,5\n2,7\n")


def test_other_files_and_writing_are_left_alone(folder, prices):
    other = folder / "notes.txt"
    other.write_text("first")

    def work():
        with open(folder / "new.csv", "w") as file:
            file.write("x")
        with open(prices, "r+") as file:
            changed = file.read(1)
        with open(os.open(prices, os.O_RDONLY)) as file:
            return other.read_text(), changed, file.read()

    runs = Runs(work)
    assert runs.aliases == []


def test_a_file_that_was_not_recorded_is_a_miss(folder, prices):
    (folder / "more.csv").write_text("more")
    runs = Runs(lambda: prices.read_text())
    with pytest.raises(RecordingKeyError, match=r"files open .*more\.csv"):
        runs.replayed(lambda: (folder / "more.csv").read_text())


def test_what_is_too_large_is_a_miss_in_the_replay(prices, monkeypatch):
    uninstall_interceptors()
    monkeypatch.setenv("PLAYBACK_INTERCEPTED_FILE_SIZE_LIMIT", "0.00001")
    install_interceptors([f"files:{prices}"])
    runs = Runs(lambda: prices.read_bytes())
    assert runs.result == TEXT.encode()
    with pytest.raises(RecordingKeyError, match="content was not recorded: it has 17 bytes"):
        runs.replayed()


def test_without_the_setting_nothing_is_replaced():
    assert open is io.open
    before = open
    install_interceptors(["*"])
    uninstall_interceptors()
    assert open is before

"""`playback export`: a line of JSON for each recording, whatever is in it."""

import json
import sqlite3
import stat
from typing import Any

import pytest

from playback_core.commands import json_line
from tests.patience import PATIENCE


def _exported(folder: Any, *arguments: str) -> list[dict[str, Any]]:
    done = folder.run("export", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_holds_a_recording_as_plain_data(folder: Any) -> None:
    (tea, milk, ping) = _exported(folder)
    assert [tea["recording_id"], milk["recording_id"]] == folder.ids()
    assert (tea["category"], ping["category"]) == ("Order", "čaj")
    assert tea["recorded_at"] == tea["metadata"]["_tape_recorder_recorded_at"]
    assert (tea["metadata"]["name"], tea["metadata"]["n"]) == ("tea", 3)
    request, price, store, result = tea["entries"]
    assert request["value"] == {"args": ["tea"], "kwargs": {}}
    at_us = price.pop("at_us")
    assert at_us >= 0
    assert price == {
        "kind": "input",
        "alias": "price",
        "branch": "",
        "args": ["tea"],
        "kwargs": {},
        "value": 3,
    }
    assert store["args"] == [6, 'Decimal("1.5")', ["\x1b[31m", "{1}"]]
    assert result["args"] == [6]


def test_lines_can_be_searched_and_hold_no_control_characters(folder: Any) -> None:
    out = folder.run("export").stdout
    assert '"category": "čaj"' in out
    assert '"name": "tea"' in out
    assert "\x1b" not in out
    assert out.count("\n") == 3


def test_an_ascii_stream_gets_escapes(folder: Any) -> None:
    process = folder.start("export", "čaj", PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert out.isascii()
    assert json.loads(out)["category"] == "čaj"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_what_is_no_unicode_breaks_no_parser(ascii_only: bool) -> None:
    document = {"čaj \ud800": "\ud83d\ude00 \udcff", "face": "\U0001f600\u2028\x1b"}
    line = json_line(document, ascii_only=ascii_only)
    assert line.isprintable()
    assert line.isascii() is ascii_only
    # jq and pandas refuse the whole file for one half of a pair.
    read = {
        name.encode().decode(): text.encode().decode() for name, text in json.loads(line).items()
    }
    assert read == {
        "čaj \\ud800": "\\ud83d\\ude00 \\udcff",
        "face": "\U0001f600\u2028\x1b",
    }


def test_recordings_are_selected(folder: Any) -> None:
    (first, second) = folder.ids()
    assert len(_exported(folder, "čaj")) == 1
    assert [each["recording_id"] for each in _exported(folder, "--metadata", "name=m*")] == [second]
    assert [each["recording_id"] for each in _exported(folder, "--recording-id", first)] == [first]
    assert not _exported(folder, "--since", "2999-01-01")
    assert not _exported(folder, "--until", "2001-01-01")
    assert len(_exported(folder, "--since", "2001-01-01", "--until", "2999-01-01")) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("absent",),
        ("--recording-id", "Order/20260101/0"),
        ("--recording-id", "Order/20260101/0", "Order"),
        ("--since", "2999-01-01", "--until", "2001-01-01"),
        ("--output", "absent/file"),
    ],
)
def test_a_wrong_selection_is_wrong_usage(folder: Any, arguments: tuple[str, ...]) -> None:
    done = folder.run("export", *arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_file_is_nobody_elses_business(folder: Any) -> None:
    done = folder.run("export", "--output", "lines")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "3 recordings exported\n")
    file = folder.path / "lines"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8") == folder.run("export").stdout


def test_a_damaged_recording_is_named_and_does_not_stop_the_others(folder: Any) -> None:
    with sqlite3.connect(folder.path / "playback.db") as database:
        database.execute("update payloads set payload = x'00' where block = 1")
    database.close()
    done = folder.run("export")
    assert done.exit_code == 3
    assert done.stdout.count("\n") == 2
    not_exported, counted = done.stderr.splitlines()
    assert not_exported.startswith("Not exported: ")
    assert folder.ids()[0] in not_exported
    assert counted == "2 recordings exported, 1 cannot be read"

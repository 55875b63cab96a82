"""`flask playback`: what the commands print, and the codes they end with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from playback_core import TapeRecorder
from playback_flask import FlaskPlayback
from tests.patience import PATIENCE
from tests.unprivileged import PRELUDE

APP = """
from flask import Flask
from playback_core import recorder
from playback_flask import FlaskPlayback

VERSION = 1

@recorder.intercept_input("stock")
def stock(name):
    return {"tea": 3}[name]

def create_app():
    app = Flask("shop", instance_path=__file__.rpartition("/")[0])
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/stock", "stock", lambda: {"stock": stock("tea") * VERSION})
    app.config["PLAYBACK_SERVICE"] = "shop"
    FlaskPlayback(app)
    return app
"""

RECORD = """
import os
os.environ["PLAYBACK_ENABLED"] = "1"
from shop import create_app
client = create_app().test_client()
for path in ("/", "/stock", "/stock", "/none"):
    client.get(path, buffered=True)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder with an application and recordings of four of its requests."""
    folder: Path = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(APP)
    subprocess.run([sys.executable, "-c", RECORD], cwd=folder, env=_environment(), check=True)
    return folder


def _environment() -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PLAYBACK_", "FLASK_", "PYTEST_"))
    }
    root = str(Path(__file__).parents[2])
    return inherited | {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}


def _started(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a command of flask; `options` are those of `_start`."""
    code = PRELUDE + "from flask.cli import main; from playback_flask.cli import playback_cli;"
    # The entry point is there only where the bundle is installed.
    code += "import flask.cli; add = flask.cli.FlaskGroup._load_plugin_commands;"
    code += "flask.cli.FlaskGroup._load_plugin_commands = lambda self:"
    code += " (add(self), self.add_command(playback_cli))[0]; main()"
    return _start(folder, "-c", code, "--app", "shop", "playback", *arguments, **options)


def _start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start Python; `options` are of Popen, and `environment`, which goes over the inherited."""
    environment = _environment() | options.pop("environment", {})
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def _flask(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return _ended(
        _started(folder, *arguments, environment=environment, stdout=subprocess.PIPE), None
    )


def _playback(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = ("-m", "playback_core.cli", *arguments)
    return _ended(_start(folder, *command, environment=environment, stdout=subprocess.PIPE), None)


def _ended(process: subprocess.Popen[str], given: str | None) -> subprocess.CompletedProcess[str]:
    with process:
        out, err = process.communicate(given, timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_list_names_the_recordings_of_each_category(shop: Path):
    done = _flask(shop, "list")
    assert (done.returncode, done.stderr) == (0, "")
    for category in ("home/", "stock/", "unmatched%3A404/"):
        assert category in done.stdout
    listed = json.loads(_flask(shop, "list", "stock", "--limit", "1", "--json").stdout)
    assert "stock/" in json.dumps(listed)
    assert "home/" not in json.dumps(listed)


def test_list_filters_by_metadata(shop: Path):
    assert "home/" not in _flask(shop, "list", "--metadata", "status=404").stdout
    assert "unmatched" in _flask(shop, "list", "--metadata", "status=404").stdout


def _one_id(shop: Path, category: str) -> str:
    text = _flask(shop, "list", category).stdout
    return next(word for word in text.split() if word.startswith(f"{category}/"))


def test_show_tells_what_a_recording_holds(shop: Path):
    done = _flask(shop, "show", _one_id(shop, "stock"))
    assert done.returncode == 0
    assert "stock" in done.stdout
    assert "REMOTE_ADDR" in done.stdout


def test_replay_of_the_same_code_is_equal(shop: Path):
    done = _flask(shop, "replay", _one_id(shop, "stock"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Equal" in done.stdout


def test_compare_on_the_same_code_ends_with_0_and_records_nothing(shop: Path):
    done = _flask(shop, "compare")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(_flask(shop, "compare", "--json", PLAYBACK_ENABLED="1").stdout)
    assert document["counts"]["Equal"] == sum(document["counts"].values()) == 4
    assert sorted(document["categories"]) == ["home", "stock", "unmatched:404"]


@pytest.fixture
def changed(shop: Path, tmp_path: Path) -> Path:
    """A folder with the application's recordings, to put another version of it beside."""
    (tmp_path / "playback.db").write_bytes((shop / "playback.db").read_bytes())
    return tmp_path


def test_compare_on_changed_code_ends_with_1_and_names_what_differs(changed: Path):
    (changed / "shop.py").write_text(APP.replace("VERSION = 1", "VERSION = 2"))
    done = _flask(changed, "compare")
    assert done.returncode == 1
    assert "$.stock" in done.stdout
    assert _flask(changed, "compare", "home").returncode == 0


def test_compare_ends_with_3_where_replays_fail(changed: Path):
    (changed / "shop.py").write_text(APP.replace('stock("tea")', 'stock("coffee")'))
    done = _flask(changed, "compare", "stock")
    assert done.returncode == 3
    assert "coffee" in done.stdout


def test_compare_ends_with_4_where_nothing_was_verified(changed: Path):
    (changed / "shop.py").write_text(APP)
    assert _flask(changed, "compare", "--metadata", "status=999").returncode == 4


def test_prune_removes_what_is_older(changed: Path):
    (changed / "shop.py").write_text(APP)
    assert _flask(changed, "prune", "--older-than", "30d").returncode == 0
    assert "home/" in _flask(changed, "list").stdout
    assert _flask(changed, "prune", "--older-than", "2999-01-01").returncode == 0
    assert "home/" not in _flask(changed, "list").stdout


def test_prune_removes_what_is_beyond_a_size(changed: Path):
    (changed / "shop.py").write_text(APP)
    assert _flask(changed, "prune", "--max-size", "500MB").returncode == 0
    assert "home/" in _flask(changed, "list").stdout
    assert _flask(changed, "prune", "--max-size", "0").returncode == 0
    assert "home/" not in _flask(changed, "list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "home/20260101/0000"),
        ("show", "nonsense"),
        ("replay", "home/20260101/0000"),
        ("compare", "no-such-category"),
        ("compare", "--recording-id", "home/20260101/0000"),
        ("compare", "--since", "yesterday"),
        ("compare", "--metadata", "nonsense"),
        ("list", "no-such-category"),
        ("prune",),
        ("prune", "--older-than", "soon"),
        ("prune", "--max-size", "little"),
    ],
)
def test_bad_input_gives_one_clear_line_and_code_2(shop: Path, arguments):
    done = _flask(shop, *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_a_missing_and_a_hostile_cassette_give_one_clear_line_and_code_2(shop: Path, tmp_path):
    missing = tmp_path / "missing.db"
    done = _flask(shop, "list", PLAYBACK_CASSETTE=f"sqlite:///{missing}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not missing.exists()
    (tmp_path / "hostile.db").write_bytes(b"\x00\xff" * 5000)
    done = _flask(shop, "compare", PLAYBACK_CASSETTE=f"sqlite:///{tmp_path / 'hostile.db'}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "hostile.db" in done.stderr


def test_a_wrong_setting_and_an_application_without_playback_give_code_2(shop: Path, tmp_path):
    done = _flask(shop, "list", PLAYBACK_SAMPLING="lots")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: PLAYBACK_SAMPLING")
    (tmp_path / "shop.py").write_text("from flask import Flask; app = Flask('bare')")
    done = _flask(tmp_path, "list")
    assert done.returncode == 2
    assert "add FlaskPlayback(app)" in done.stderr


def test_a_tuner_of_ones_own_is_used(changed: Path):
    (changed / "shop.py").write_text(APP)
    (changed / "tuner.py").write_text(
        "from playback_core.studio import EqualizerTuner\n"
        "class Mine(EqualizerTuner):\n"
        "    def create_category_tuning(self, category):\n"
        "        raise LookupError('my own tuner')\n"
    )
    done = _flask(changed, "compare", PLAYBACK_TUNER="tuner:Mine")
    assert done.returncode == 3
    assert "my own tuner" in done.stdout
    done = _flask(changed, "compare", PLAYBACK_TUNER="tuner:Missing")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_commands_of_a_running_application_read_what_it_has_recorded(recorded):
    from playback_flask.cli import playback_cli

    app: Flask = recorded.app
    app.add_url_rule("/", "home", lambda: "home")
    app.cli.add_command(playback_cli)
    extension: FlaskPlayback = recorded.play_back()
    recorder: TapeRecorder = extension.recorder
    with app.test_client() as client:
        client.get("/", buffered=True)
    result = app.test_cli_runner().invoke(args=["playback", "compare", "--json"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["counts"]["Equal"] == 1
    assert recorder.recording_enabled
    assert len(recorded.recordings()) == 1


def test_a_database_that_may_only_be_read_is_replayed_and_compared(changed: Path):
    (changed / "shop.py").write_text(APP)
    (changed / "playback.db").chmod(0o400)
    changed.chmod(0o500)
    try:
        recording_id = _one_id(changed, "stock")
        codes = [
            _flask(changed, *arguments).returncode
            for arguments in (["show", recording_id], ["replay", recording_id], ["compare"])
        ]
        pruned = _flask(changed, "prune", "--older-than", "0d")
    finally:
        changed.chmod(0o700)
    assert codes == [0, 0, 0]
    assert (pruned.returncode, pruned.stderr.count("\n")) == (2, 1)
    assert "read-only" in pruned.stderr


@pytest.mark.parametrize("folder_mode", [0o500, 0o700])
def test_recording_to_a_read_only_database_is_logged_once_and_changes_no_answer(
    changed: Path, folder_mode: int
):
    (changed / "shop.py").write_text(APP)
    (changed / "playback.db").chmod(0o400)
    changed.chmod(folder_mode)
    answers = "print(*(client.get('/').text for _ in range(3)))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + RECORD + answers],
            cwd=changed,
            env=_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        changed.chmod(0o700)
    assert done.stdout == "home home home\n"
    first, *rest = done.stderr.splitlines()
    assert "read-only; allow writing" in first
    assert not [line for line in rest if line.startswith(first[:20])]


@pytest.mark.parametrize("code", ["raise RuntimeError('no database')", "def create_app(:"])
def test_code_that_cannot_be_loaded_is_no_difference(tmp_path, code):
    (tmp_path / "shop.py").write_text(code)
    done = _flask(tmp_path, "compare")
    assert done.returncode == 2
    assert "The application cannot be loaded" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_age_is_not_taken_for_none(shop: Path):
    assert _flask(shop, "list", "--since", "").returncode == 2


@pytest.mark.parametrize("command", ["show", "replay"])
def test_an_empty_id_is_said_to_be_empty(shop: Path, command):
    done = _flask(shop, command, "")
    assert done.returncode == 2
    assert "the id is empty" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["compare"], ["compare", "--json"]]
)
def test_a_reader_that_has_left_ends_a_command_quietly_and_is_no_verdict(shop: Path, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    with _started(shop, *arguments, stdout=writing) as process:
        os.close(writing)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full")
def test_output_that_cannot_be_written_is_one_line_and_no_verdict(shop: Path):
    full = os.open("/dev/full", os.O_WRONLY)
    with _started(shop, "compare", "--json", stdout=full) as process:
        os.close(full)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err.count("\n")) == (2, 1)
    assert "No space left" in err


def test_an_interrupted_compare_ends_with_130(changed: Path):
    wait = '(open("waiting", "w").close(), __import__("select").select([], [], [], 60))'
    (changed / "shop.py").write_text(APP.replace('lambda: "home"', f"lambda: {wait}"))
    arguments = ("compare", "home", "--allow", "./waiting")
    with _started(changed, *arguments, stdout=subprocess.PIPE) as process:
        while not (changed / "waiting").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "")
    assert out.endswith("Interrupted: 0 of 1 compared: nothing verified\n")


@pytest.mark.parametrize("app", ["shop:create_app", "shop"])
def test_the_playback_command_takes_an_application_of_flask(shop: Path, app: str):
    done = _playback(shop, "--app", app, "compare", PLAYBACK_ENABLED="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == _flask(shop, "compare").stdout
    assert done.stdout.splitlines()[-1].startswith("4 compared: 4 Equal; sealed: ")


def test_the_playback_command_takes_another_cassette_for_it(changed: Path):
    (changed / "shop.py").write_text(APP)
    (changed / "playback.db").rename(changed / "other.db")
    done = _playback(
        changed, "--app", "shop:create_app", "--cassette", "sqlite:///other.db", "list"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "home/" in done.stdout
    assert not (changed / "playback.db").exists()


def test_an_application_of_flask_without_playback_is_refused_by_the_playback_command(
    tmp_path: Path,
):
    (tmp_path / "shop.py").write_text("from flask import Flask; app = Flask('bare')")
    done = _playback(tmp_path, "--app", "shop:app", "list")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "FlaskPlayback(app)" in done.stderr


def test_pdb_opens_where_a_view_raised(changed: Path):
    (changed / "shop.py").write_text(APP.replace('stock("tea") * VERSION', "1 / 0"))
    recording_id = _one_id(changed, "stock")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = _started(changed, "replay", recording_id, "--pdb", **pipes)
    done = _ended(process, "p 40 + 2\nq\n")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "(Pdb) 42" in done.stdout


def test_export_writes_requests_and_answers(shop: Path):
    done = _flask(shop, "export", "stock")
    assert (done.returncode, done.stderr) == (0, "")
    exported = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["metadata"]["path"] for each in exported] == ["/stock", "/stock"]
    (read,) = [entry for entry in exported[0]["entries"] if entry["alias"] == "stock"]
    assert (read["args"], read["value"]) == (["tea"], 3)


def test_the_traceback_of_what_cannot_be_loaded_is_shown_when_asked_for(tmp_path):
    (tmp_path / "shop.py").write_text("raise RuntimeError('no database')")
    done = _flask(tmp_path, "--verbose", "compare")
    assert done.returncode == 2
    assert 'shop.py", line 1' in done.stderr


def test_a_command_of_flask_itself_does_not_load_the_studio():
    code = "import sys, playback_flask.cli; print('playback_core.studio' in sys.modules)"
    done = _ended(_start(Path.cwd(), "-c", code, stdout=subprocess.PIPE), None)
    assert (done.returncode, done.stdout) == (0, "False\n")

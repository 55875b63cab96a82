"""`playback`: its subcommands on a plain script, what they print, the codes they end with."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from playback_core.commands import SUBCOMMANDS, debugging
from tests.patience import PATIENCE


def test_every_subcommand_has_its_help(folder: Any) -> None:
    shown = folder.run("--help")
    assert shown.exit_code == 0
    for subcommand in SUBCOMMANDS:
        assert subcommand.summary[:30] in shown.stdout
        options = folder.run(subcommand.name, "--help").stdout
        for parameter in subcommand.parameters:
            assert (parameter.flag or parameter.metavar) in options
    assert folder.run("lists").exit_code == 2


def test_a_cassette_alone_is_looked_at_without_importing_anything(folder: Any) -> None:
    folder.write("raise RuntimeError('imported')")
    listed = folder.run("list")
    assert (listed.exit_code, listed.stdout.count("\n")) == (0, 3)
    (recording_id, _) = folder.ids()
    shown = folder.run("show", recording_id)
    assert shown.exit_code == 0
    assert "Opaque(service.Order)" in shown.stdout
    assert json.loads(folder.run("list", "čaj", "--json").stdout)["recordings"]
    assert folder.run("prune", "--older-than", "2999-01-01").stdout == "3 recordings removed\n"


@pytest.mark.parametrize("command", [("compare",), ("replay", "Order/20260101/0")])
def test_a_replay_takes_an_application(folder: Any, command: tuple[str, ...]) -> None:
    done = folder.run(*command)
    assert done.exit_code == 2
    assert "playback --app module:attribute" in done.stderr


@pytest.mark.parametrize("app", ["service", "service:recorder", "service:Order", "service:ping"])
def test_unchanged_code_is_equal_and_stores_nothing(folder: Any, app: str) -> None:
    done = folder.run("--app", app, "compare")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("3 compared: 3 Equal; sealed: ")
    assert not (folder.path / "stored.txt").exists()
    assert len(folder.ids()) == 2


def test_changed_code_ends_with_1_failing_replays_with_3_and_nothing_with_4(folder: Any) -> None:
    folder.change("RATE = 2", "RATE = 3")
    done = folder.run("--app", "service", "compare", "Order", "--limit", "1")
    assert done.exit_code == 1
    assert "result: 6 -> 9" in done.stdout
    folder.change("self.price(name)", "self.price(name + 's')")
    assert folder.run("--app", "service", "compare", "--metadata", "n=3").exit_code == 3
    assert folder.run("--app", "service", "compare", "--metadata", "n=9").exit_code == 4


def test_a_replay_that_ends_its_dedicated_process_costs_one_comparison(folder: Any) -> None:
    crash = "print('printed', flush=True); name == 'tea' or __import__('os')._exit(3)"
    folder.change("total = self.price(name) * RATE", f"{crash}; total = self.price(name) * RATE")
    done = folder.start("--app", "service", "compare", "--json", "--dedicated-process")
    out, err = done.communicate(timeout=PATIENCE)
    assert (done.returncode, "printed" in err) == (3, True)
    found = json.loads(out)["categories"]
    assert [row["status"] for rows in found.values() for row in rows] == [
        "Equal",
        "EqualizerFailure",
        "Equal",
    ]
    assert "exit code 3" in found["Order"][1]["message"]


def test_a_hanging_replay_is_stopped_when_its_time_is_over(folder: Any) -> None:
    folder.change(
        "total = self.price(name) * RATE", "import select; select.select([], [], [], 600)"
    )
    # It is also the time that a process has to start.
    options = ("--dedicated-process", "--process-timeout", "3", "--limit", "1")
    done = folder.run("--app", "service", "compare", "Order", *options)
    assert done.exit_code == 3
    assert "did not come to an end within 3 s" in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--in-process", "--recycle", "3"),
        ("--in-process", "--process-timeout", "3"),
        ("--in-process", "--dedicated-process"),
        ("--recycle", "0"),
        ("--process-timeout", "0"),
        ("--process-timeout", "nan"),
        ("--process-timeout", "long"),
    ],
)
def test_wrong_options_for_processes_are_wrong_usage(folder: Any, options: tuple[str, ...]) -> None:
    done = folder.run("--app", "service", "compare", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "process" in done.stderr or "Not a number" in done.stderr


def test_replay_shows_what_was_sent_and_what_was_missed(folder: Any) -> None:
    (recording_id, _) = folder.ids()
    done = folder.run("--app", "service", "replay", recording_id)
    assert done.exit_code == 0
    assert "sent  output: store #1.output" in done.stdout
    swallowed = "try: self.price('coffee')\n        except Exception: pass\n        total = 6"
    folder.change("total = self.price(name) * RATE", swallowed)
    done = folder.run("--app", "service", "replay", recording_id)
    assert done.exit_code == 3
    assert "missed  Not in recording" in done.stdout
    document = json.loads(folder.run("--app", "service", "replay", recording_id, "--json").stdout)
    assert [miss["alias"] for miss in document["missed"]] == ["price"]


def test_there_may_be_nothing_to_debug(folder: Any) -> None:
    done = folder.run("--app", "service", "replay", folder.ids()[0], "--pdb", input="")
    assert done.exit_code == 0
    assert "nothing to debug" in done.stderr


def test_pdb_without_an_input_says_so(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.change("RATE = 2", "RATE = None")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(debugging, "sys", SimpleNamespace(stdin=closed))
    done = folder.run("--app", "service", "replay", folder.ids()[0], "--pdb")
    assert (done.exit_code, done.stderr) == (1, "There is no input to debug from.\n")


TUNER = """
from playback_core.studio import DefaultTuner, EqualizerTuner
class Mine(EqualizerTuner):
    def create_category_tuning(self, category):
        raise LookupError("my own tuner")
mine = Mine()
def make(): return mine
def broken(): raise SystemExit(0)
def none(category): return None
class Nothing(EqualizerTuner):
    def create_category_tuning(self, category):
        return None
"""


@pytest.mark.parametrize("name", ["tuner:Mine", "tuner:mine", "tuner:make"])
def test_a_tuner_is_an_instance_a_class_or_a_factory(folder: Any, name: str) -> None:
    folder.write(TUNER, "tuner")
    done = folder.run("--app", "service", "compare", "--tuner", name)
    assert done.exit_code == 3
    assert "my own tuner" in done.stdout
    by_setting = folder.run("--app", "service", "compare", env={"PLAYBACK_TUNER": name})
    assert by_setting.stdout == done.stdout
    (recording_id, _) = folder.ids()
    assert folder.run("--app", "service", "replay", recording_id, "--tuner", name).exit_code == 3


@pytest.mark.parametrize("name", ["tuner", "tuner:absent", "tuner:broken", "absent:x"])
def test_a_tuner_that_cannot_be_loaded_is_wrong_usage(folder: Any, name: str) -> None:
    folder.write(TUNER, "tuner")
    done = folder.run("--app", "service", "compare", "--tuner", name)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_a_tuner_without_a_tuning_is_named_by_the_studio(folder: Any) -> None:
    folder.write(TUNER, "tuner")
    (recording_id, _) = folder.ids()
    done = folder.run("--app", "service", "replay", recording_id, "--tuner", "tuner:Nothing")
    assert "it has to return an EqualizerTuning" in done.stdout


@pytest.mark.parametrize(
    "code", ["raise RuntimeError('no database')", "import absent", "def f(:", "raise SystemExit(0)"]
)
def test_code_that_cannot_be_loaded_is_one_line_and_verbose_shows_why(
    folder: Any, code: str
) -> None:
    folder.write(code)
    done = folder.run("--app", "service", "compare")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("Error: The application 'service' cannot be loaded: ")
    for shown in (
        folder.run("--app", "service", "--verbose", "compare"),
        folder.run("--app", "service", "compare", env={"PLAYBACK_DEBUG": "1"}),
    ):
        assert shown.exit_code == 2
        assert 'service.py", line 1' in shown.stderr
        assert shown.stderr.splitlines()[-1] == done.stderr.strip()


@pytest.mark.parametrize(
    ("app", "message"),
    [
        ("absent", "No module named 'absent'"),
        ("service:absent.deeper", "no attribute 'absent'"),
        ("service:RATE", "is a int, and no application"),
        ("service:Order.place.__name__", "is a str"),
        ("", "Empty module name"),
    ],
)
def test_what_is_no_application_is_refused(folder: Any, app: str, message: str) -> None:
    done = folder.run("--app", app, "compare")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


def test_an_operation_is_not_taken_for_a_factory(folder: Any) -> None:
    folder.change('return "pong"', 'open("called", "w").close(); return "pong"')
    assert folder.run("--app", "service:ping", "list").exit_code == 0
    assert not (folder.path / "called").exists()


def test_a_factory_may_make_the_recorder(folder: Any) -> None:
    folder.change("RATE = 2", "def make(): return recorder\nRATE = 2")
    assert folder.run("--app", "service:make", "compare").exit_code == 0


def test_of_several_recorders_one_has_to_be_named(folder: Any) -> None:
    folder.change("RATE = 2", "other = TapeRecorder()\nRATE = 2")
    done = folder.run("--app", "service", "compare")
    assert done.exit_code == 2
    assert "recorder, other; name one: --app service:recorder" in done.stderr
    assert folder.run("--app", "service:recorder", "compare").exit_code == 0


def test_without_a_recorder_in_the_module_it_is_the_default_one(folder: Any) -> None:
    folder.write("import playback_core\n@playback_core.recorder.operation()\ndef ping(): ...\n")
    done = folder.run("--app", "service", "compare", "čaj")
    assert (done.exit_code, done.stderr) == (1, "")


def test_another_cassette_is_given_by_option_or_environment(folder: Any) -> None:
    (folder.path / "playback.db").rename(folder.path / "other.db")
    url = "sqlite:///other.db"
    assert folder.run("list").exit_code == 2
    assert folder.run("--cassette", url, "list").stdout.count("\n") == 3
    assert folder.run("list", env={"PLAYBACK_CASSETTE": url}).stdout.count("\n") == 3
    for given, environment in ((("--cassette", url), {}), ((), {"PLAYBACK_CASSETTE": url})):
        done = folder.run(*given, "--app", "service", "compare", env=environment)
        assert done.stdout.splitlines()[-1].startswith("3 compared: 3 Equal; sealed: ")
    done = folder.run("--cassette", "nonsense", "list")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_without_click_the_extra_is_named(folder: Any) -> None:
    code = "import sys; sys.modules['click'] = None; from playback_core.cli import main; main()"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "The command playback takes click: pip install 'playback-bundle[studio]'\n"
    )


WRITES = "self.store(total, Decimal('1.5'), open('cache', 'w').close())"


@pytest.mark.parametrize("command", ["replay", "compare"])
def test_a_replay_that_reaches_out_is_no_verdict_until_it_is_allowed(
    folder: Any, command: str
) -> None:
    folder.change('self.store(total, Decimal("1.5"), ("\\x1b[31m", {1}))', WRITES)
    arguments = [command, *(folder.ids()[:1] if command == "replay" else ["Order"])]
    refused = folder.run("--app", "service", *arguments)
    assert refused.exit_code == 3
    assert "open 'cache' for writing, at service.py:" in refused.stdout
    assert "allow it: --allow ./cache." in refused.stdout
    assert not (folder.path / "cache").exists()

    allowed = folder.run("--app", "service", *arguments, "--allow", "./cache")
    assert allowed.exit_code == 1
    assert "sealed: " in allowed.stdout
    assert (folder.path / "cache").exists()


def test_an_allowance_that_means_nothing_is_wrong_usage(folder: Any) -> None:
    done = folder.run("--app", "service", "compare", "--allow", "host:0")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "host:0" in done.stderr


def test_a_replay_kept_in_process_is_sealed_by_python(folder: Any) -> None:
    (recording_id, _) = folder.ids()
    compared = folder.run("--app", "service", "compare", "--in-process")
    assert compared.stdout.splitlines()[-1] == "3 compared: 3 Equal; sealed: python"
    replayed = folder.run("--app", "service", "replay", recording_id, "--in-process")
    assert "sealed: python" in replayed.stdout


def test_a_strict_comparison_takes_calls_from_their_own_places(folder: Any) -> None:
    folder.change(
        "total = self.price(name) * RATE",
        "total = [self.price(name)] * 2 and self.price(name) * RATE",
    )
    compare = ["--app", "service", "compare", "Order"]
    assert folder.run(*compare).exit_code == 0
    strict = folder.run(*compare, "--strict")
    assert strict.exit_code == 3
    assert "repeated; a strict replay takes a call from its own place alone" in strict.stdout

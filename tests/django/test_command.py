"""`manage.py playback_...`: what the commands print, and the codes they end with."""

import json

import pytest

from playback_core.commands import SUBCOMMANDS


def _one_id(project, category):
    text = project.manage("playback_list", category).stdout
    return next(word for word in text.split() if word.startswith(f"{category}/"))


def test_there_is_a_command_for_each_subcommand(shop):
    listed = shop.manage("help", "--commands").stdout.split()
    assert [each for each in listed if each.startswith("playback_")] == sorted(
        f"playback_{each.name}" for each in SUBCOMMANDS
    )


@pytest.mark.parametrize("subcommand", SUBCOMMANDS, ids=lambda each: each.name)
def test_each_command_has_the_options_of_the_other_front_ends(shop, subcommand):
    text = shop.manage(f"playback_{subcommand.name}", "--help").stdout
    for flag in (each.flag for each in subcommand.parameters if each.flag):
        assert flag in text
    assert "--verbose" in text


def test_list_names_the_recordings_of_each_category(shop):
    done = shop.manage("playback_list")
    assert (done.returncode, done.stderr) == (0, "")
    for category in ("home/", "stock/", "unmatched%3A404/"):
        assert category in done.stdout
    listed = shop.manage("playback_list", "stock", "--limit", "1", "--json").stdout
    assert "stock/" in json.dumps(json.loads(listed))
    assert "home/" not in listed


def test_list_filters_by_metadata(shop):
    done = shop.manage("playback_list", "--metadata", "status=404", "--metadata", "method=GET")
    assert "home/" not in done.stdout
    assert "unmatched" in done.stdout


def test_show_tells_what_a_recording_holds(shop):
    done = shop.manage("playback_show", _one_id(shop, "stock"))
    assert done.returncode == 0
    assert "SERVER_NAME" in done.stdout


def test_export_writes_a_line_for_each(shop):
    done = shop.manage("playback_export")
    assert done.returncode == 0
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(each["category"] for each in documents) == [
        "home",
        "stock",
        "stock",
        "unmatched:404",
    ]


def test_replay_of_the_same_code_is_equal(shop):
    done = shop.manage("playback_replay", _one_id(shop, "stock"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Equal" in done.stdout


def test_replay_with_pdb_opens_where_the_view_raised(edited):
    project = edited("* VERSION", "* VERSION / 0")
    done = project.manage("playback_replay", _one_id(project, "stock"), "--pdb", given="w\nq\n")
    assert done.returncode == 1
    assert "/ 0})" in done.stdout
    assert "(Pdb)" in done.stdout


def test_compare_on_the_same_code_ends_with_0_and_records_nothing(shop):
    done = shop.manage("playback_compare")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(shop.manage("playback_compare", "--json", PLAYBACK_ENABLED="1").stdout)
    assert document["counts"]["Equal"] == sum(document["counts"].values()) == 4
    assert sorted(document["categories"]) == ["home", "stock", "unmatched:404"]


def test_the_command_playback_finds_the_project_by_its_handler(shop):
    command = ("-m", "playback_core.cli", "--app", "shop_wsgi", "compare", "--json")
    done = shop.run(*command)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["Equal"] == 4


def test_compare_on_changed_code_ends_with_1_and_names_what_differs(edited):
    project = edited("VERSION = 1", "VERSION = 2")
    done = project.manage("playback_compare")
    assert done.returncode == 1
    assert "$.stock" in done.stdout
    assert project.manage("playback_compare", "home").returncode == 0


def test_a_view_that_is_gone_or_moved_is_a_difference(edited):
    project = edited(', path("stock/", stock, name="stock")', "")
    done = project.manage("playback_compare", "stock")
    assert done.returncode == 1
    assert "response status: 200 -> 404" in done.stdout


def test_compare_ends_with_3_where_replays_fail(edited):
    done = edited('read_stock("tea")', 'read_stock("coffee")').manage("playback_compare", "stock")
    assert done.returncode == 3
    assert "coffee" in done.stdout
    # What Django logs of it is in the comparison.
    assert done.stderr == ""


def test_compare_ends_with_4_where_nothing_was_verified(shop):
    assert shop.manage("playback_compare", "--metadata", "status=999").returncode == 4


def test_prune_removes_what_is_older(changed):
    assert changed.manage("playback_prune", "--older-than", "30d").returncode == 0
    assert "home/" in changed.manage("playback_list").stdout
    assert changed.manage("playback_prune", "--older-than", "2999-01-01").returncode == 0
    assert "home/" not in changed.manage("playback_list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "home/20260101/0000"),
        ("show", ""),
        ("replay", "nonsense"),
        ("compare", "no-such-category"),
        ("compare", "--recording-id", "home/20260101/0000"),
        ("compare", "--since", "yesterday"),
        ("list", "--metadata", "nonsense"),
        ("prune",),
    ],
)
def test_bad_input_gives_one_clear_line_and_code_2(shop, arguments):
    command, *rest = arguments
    done = shop.manage(f"playback_{command}", *rest)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("Error: ")
    assert "Traceback" in shop.manage(f"playback_{command}", *rest, "--verbose").stderr
    assert "Traceback" in shop.manage(f"playback_{command}", *rest, "--traceback").stderr


def test_a_missing_option_is_an_error_of_the_command_line(shop):
    done = shop.manage("playback_replay")
    assert done.returncode == 2
    assert "usage: manage.py playback_replay" in done.stderr


def test_a_missing_cassette_is_not_made(shop, tmp_path):
    missing = tmp_path / "missing.db"
    done = shop.manage("playback_list", PLAYBACK_CASSETTE=f"sqlite:///{missing}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not missing.exists()


@pytest.mark.parametrize("command", ["playback_list", "playback_compare"])
def test_a_wrong_setting_gives_one_clear_line_and_code_2(shop, command):
    done = shop.manage(command, PLAYBACK_SAMPLING="lots")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("Error: PLAYBACK_SAMPLING")


def test_code_that_cannot_be_loaded_is_no_difference(edited):
    project = edited("VERSION = 1", "raise RuntimeError('no')")
    done = project.manage("playback_compare")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "The project cannot be loaded: RuntimeError: no" in done.stderr
    # What is only looked at needs no code.
    assert project.manage("playback_list").returncode == 0


def test_a_command_that_is_called_in_a_process_that_records_leaves_it_recording(shop):
    code = """
import io
from shop_wsgi import application
from django.core.management import call_command
from playback_core import recorder
out = io.StringIO()
call_command("playback_compare", stdout=out)
assert recorder.recording_enabled
assert "Equal" in out.getvalue(), out.getvalue()
try:
    call_command("playback_list", "none", stderr=out)
except SystemExit as ended:
    print(ended.code)
"""
    done = shop.run("-c", code, PLAYBACK_ENABLED="1")
    assert done.stdout == "2\n", done.stderr


def test_what_the_urls_do_when_they_are_imported_is_of_no_replay(edited):
    project = edited("VERSION = 1", "VERSION = 1; import os; os.system('true')")
    assert project.manage("playback_compare").returncode == 0

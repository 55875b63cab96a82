"""FlaskPlayback: one line, checked settings, several applications, installed and uninstalled."""

import logging
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, got_request_exception, request_started

from playback_core import InMemoryTapeCassette, SettingsError, SQLiteTapeCassette, TapeRecorder
from playback_core.adapters import made_for_commands
from playback_flask import FlaskPlayback, RecordingIdFilter


def _app(name: str = "shop", **config: Any) -> Flask:
    app = Flask(name)
    app.config.update(config)
    app.add_url_rule("/", "home", lambda: "home")
    return app


def _get(app: Flask) -> bytes:
    with app.test_client() as client:
        return client.get("/", buffered=True).data


def test_one_line_records_to_a_database_in_the_instance_folder(tmp_path: Path):
    app = Flask("shop", instance_path=str(tmp_path / "instance"))
    app.add_url_rule("/", "home", lambda: "home")
    app.config["PLAYBACK_ENABLED"] = True
    recorder = TapeRecorder()
    FlaskPlayback(app, recorder)
    assert _get(app) == b"home"
    assert recorder.tape_cassette is not None
    recorder.tape_cassette.close()
    with SQLiteTapeCassette(tmp_path / "instance" / "playback.db", create=False) as tape:
        assert len(list(tape.iter_recording_ids("home"))) == 1


def test_recording_is_off_under_pytest_and_leaves_no_file(tmp_path: Path):
    app = Flask("shop", instance_path=str(tmp_path / "instance"))
    recorder = TapeRecorder()
    FlaskPlayback(app, recorder)
    assert not recorder.recording_enabled
    assert not (tmp_path / "instance").exists()


def test_an_application_that_is_testing_is_not_recorded_even_if_it_says_so_later(monkeypatch):
    monkeypatch.delenv("PYTEST_VERSION")
    tape = InMemoryTapeCassette()
    app = _app(PLAYBACK_CASSETTE=tape)
    recorder = TapeRecorder()
    FlaskPlayback(app, recorder)
    _get(app)
    app.testing = True
    _get(app)
    assert recorder.counters == {"recorded": 1}
    assert recorder.tape_cassette is not None
    recorder.tape_cassette.close()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("PLAYBACK_CASETTE", "memory://", "did you mean PLAYBACK_CASSETTE"),
        ("PLAYBACK_CASSETTE", "postgres://x", "choose from sqlite:///playback.db"),
        ("PLAYBACK_SAMPLING", 2, "a share from 0 to 1"),
        ("PLAYBACK_ENABLED", "perhaps", "one of 1, true"),
        ("PLAYBACK_BODY_LIMIT", "big", "a number of bytes"),
        ("PLAYBACK_FORBID", "x", "'x' is no pattern; write /x/"),
        ("PLAYBACK_REDACT", ["pin", "/(/"], "the pattern /(/ is no regular expression"),
    ],
)
def test_a_wrong_setting_is_an_error_at_start_that_names_it(key, value, told):
    app = _app(**{"PLAYBACK_ENABLED": True, key: value})
    with pytest.raises(SettingsError) as caught:
        FlaskPlayback(app, TapeRecorder())
    assert told in str(caught.value)
    if "://" not in told:
        assert key in str(caught.value)


def test_the_environment_goes_over_the_configuration(monkeypatch):
    monkeypatch.setenv("PLAYBACK_ENABLED", "no")
    recorder = TapeRecorder()
    FlaskPlayback(_app(PLAYBACK_ENABLED=True), recorder)
    assert not recorder.recording_enabled


def test_a_cassette_that_cannot_be_opened_stops_no_application(tmp_path: Path, caplog):
    (tmp_path / "playback.db").write_text("this is no database" * 100)
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=f"sqlite:///{tmp_path / 'playback.db'}")
    recorder = TapeRecorder()
    with caplog.at_level(logging.ERROR, "playback.flask"):
        FlaskPlayback(app, recorder)
    assert _get(app) == b"home"
    assert "Nothing is recorded" in caplog.text
    assert not recorder.recording_enabled


def test_a_full_disk_changes_no_answer(tmp_path: Path, monkeypatch):
    path = tmp_path / "playback.db"
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=f"sqlite:///{path}")
    recorder = TapeRecorder()
    FlaskPlayback(app, recorder)

    def full(*args: Any, **kwargs: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SQLiteTapeCassette, "_save_recordings", full)
    assert [_get(app) for _ in range(3)] == [b"home"] * 3
    assert recorder.tape_cassette is not None
    recorder.tape_cassette.close()


def test_initialising_twice_is_the_same_as_once():
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=InMemoryTapeCassette())
    recorder = TapeRecorder()
    extension = FlaskPlayback(app, recorder)
    wrapped = app.wsgi_app
    extension.init_app(app)
    FlaskPlayback(app, recorder)
    assert app.wsgi_app == wrapped
    _get(app)
    assert recorder.counters == {"recorded": 1}


def test_the_factory_pattern_works():
    extension = FlaskPlayback(recorder=TapeRecorder())
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=InMemoryTapeCassette())
    extension.init_app(app)
    _get(app)
    assert extension.recorder.counters == {"recorded": 1}


def test_uninstalling_leaves_the_application_as_it_was():
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=InMemoryTapeCassette())
    before = {name: value for name, value in vars(app).items() if name != "extensions"}
    recorder = TapeRecorder()
    extension = FlaskPlayback(app, recorder)
    extension.uninstall(app)
    assert {name: value for name, value in vars(app).items() if name != "extensions"} == before
    assert "playback" not in app.extensions
    assert list(request_started.receivers_for(app)) == []
    assert list(got_request_exception.receivers_for(app)) == []
    assert _get(app) == b"home"
    assert recorder.counters == {}


def test_uninstalling_below_a_later_middleware_leaves_that_working():
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=InMemoryTapeCassette())
    recorder = TapeRecorder()
    extension = FlaskPlayback(app, recorder)
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(environ, start_response)
    extension.uninstall(app)
    assert _get(app) == b"home"
    assert recorder.counters == {}


def test_two_applications_share_a_recorder_each_with_settings_of_its_own():
    tape = InMemoryTapeCassette()
    recorder = TapeRecorder()
    shop = _app("shop", PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=tape, PLAYBACK_SERVICE="shop")
    admin = _app("admin", PLAYBACK_ENABLED=True, PLAYBACK_SERVICE="admin")
    silent = _app("silent", PLAYBACK_ENABLED=False)
    for app in (shop, admin, silent):
        FlaskPlayback(app, recorder)
        _get(app)
    cassette = recorder.readable_cassette()
    services = [
        cassette.get_recording_metadata(each)[TapeRecorder.SERVICE]
        for each in cassette.iter_recording_ids("home")
    ]
    assert services == ["shop", "admin"]


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_an_absolute_cassette_url_is_the_same_for_applications_anywhere(tmp_path: Path, scheme):
    recorder = TapeRecorder()
    apps = []
    for name in ("one", "two"):
        app = Flask(name, instance_path=str(tmp_path / name))
        app.add_url_rule("/", "home", lambda: "home")
        app.config["PLAYBACK_ENABLED"] = True
        app.config["PLAYBACK_CASSETTE"] = f"{scheme}:///{tmp_path}/recordings"
        FlaskPlayback(app, recorder)
        _get(app)
        apps.append(app)
    assert len(list(recorder.readable_cassette().iter_recording_ids("home"))) == 2
    recorder.tape_cassette.close()


@pytest.mark.parametrize(
    "other",
    [
        {"CASSETTE": "memory://other"},
        {"REDACT": "X-Token"},
        {"REDACT": "value:card"},
        {"REDACT_KEY": "k" * 16},
        {"FORBID": "/x/"},
        {"HTTP_CALLS": {"POST https://search.example/*": "input"}},
        {"WHEN_BUSY": "shed"},
    ],
)
def test_two_applications_that_disagree_on_a_shared_recorder_are_told_so(other):
    recorder = TapeRecorder()
    first = _app("first", PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE="memory://one")
    FlaskPlayback(first, recorder)
    second = _app("second", PLAYBACK_ENABLED=True)
    second.config.update({f"PLAYBACK_{name}": value for name, value in other.items()})
    with pytest.raises(SettingsError, match=r"'second'.*'first'"):
        FlaskPlayback(second, recorder)


def test_an_application_made_after_another_is_gone_has_its_own_settings(tmp_path: Path):
    recorder = TapeRecorder()
    for name in ("one", "two"):
        app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=f"sqlite:///{tmp_path / name}.db")
        FlaskPlayback(app, recorder)
        _get(app)
        del app
    assert recorder.tape_cassette is not None
    recorder.tape_cassette.close()
    for name in ("one", "two"):
        with SQLiteTapeCassette(tmp_path / f"{name}.db", create=False) as tape:
            assert len(list(tape.iter_recording_ids("home"))) == 1


def test_a_recorder_with_a_cassette_of_its_own_keeps_it():
    tape = InMemoryTapeCassette()
    recorder = TapeRecorder(tape)
    app = _app(PLAYBACK_ENABLED=True)
    FlaskPlayback(app, recorder)
    _get(app)
    assert recorder.tape_cassette is tape
    assert len(tape.get_all_recording_ids()) == 1
    with pytest.raises(SettingsError, match="PLAYBACK_CASSETTE"):
        FlaskPlayback(_app("other", PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE="memory://"), recorder)


def test_an_application_made_for_commands_opens_no_cassette_to_write(tmp_path: Path):
    recorder = TapeRecorder()
    path = tmp_path / "playback.db"
    with made_for_commands():
        FlaskPlayback(_app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=f"sqlite:///{path}"), recorder)
    assert recorder.tape_cassette is None
    assert not os.path.lexists(path)


def test_log_lines_carry_the_recording_id(caplog):
    recorder = TapeRecorder()
    app = _app(PLAYBACK_ENABLED=True, PLAYBACK_CASSETTE=InMemoryTapeCassette())
    caplog.handler.addFilter(RecordingIdFilter(recorder))
    logger = logging.getLogger("shop.test")
    app.add_url_rule("/log", "log", lambda: logger.warning("within") or "logged")
    FlaskPlayback(app, recorder)
    logger.warning("outside")
    with app.test_client() as client:
        client.get("/log", buffered=True)
    assert [each.playback_recording_id for each in caplog.records] == [
        "-",
        next(iter(recorder.readable_cassette().iter_recording_ids("log"))),
    ]

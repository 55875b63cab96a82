"""Replaying a recorded request: rebuilt exactly, run alone, and answered only by the recording."""

import contextvars
import logging
import threading
from typing import Any

import pytest
from flask import Flask, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from playback_core import RecordingKeyError, SettingsError, TapeRecorder, TapeRecorderException
from playback_flask import FlaskPlayback, playback_function, players


def test_new_code_that_reads_an_unread_body_is_told_of_the_unrecorded_input(recorded):
    reads = iter([lambda: "not read", lambda: request.get_data(as_text=True)])
    recorded.app.add_url_rule("/", "view", lambda: next(reads)(), methods=["POST"])
    recorded.play_back()
    with recorded.serve() as server:
        assert server.send("POST", "/", b"the body").body == b"not read"
    incoming = recorded.recording().get_data(TapeRecorder.OPERATION_REQUEST)
    assert (incoming["body"], incoming["body_complete"]) == (b"", False)
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("EqualizerFailure")
    assert "unrecorded input" in verdict


@pytest.mark.parametrize(
    "read",
    [
        lambda stream: stream.read(),
        lambda stream: stream.read(5) and stream.read(1),
        lambda stream: stream.readline(),
        lambda stream: stream.readline(5) and stream.readline(1),
        lambda stream: stream.readlines(),
        lambda stream: list(stream),
    ],
)
def test_reading_on_in_any_way_is_a_miss_even_where_the_application_swallows_it(recorded, read):
    def swallowing() -> str:
        try:
            read(request.environ["wsgi.input"])
        except Exception:  # noqa: BLE001 - as applications do
            return "hello"
        return "hello"

    views: list[Any] = [lambda: request.stream.read(5), swallowing]
    recorded.app.add_url_rule("/", "view", lambda: views.pop(0)(), methods=["POST"])
    recorded.play_back()
    with recorded.serve() as server:
        assert server.send("POST", "/", b"hello world").body == b"hello"
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("EqualizerFailure")
    assert "unrecorded input" in verdict


def test_reading_what_was_read_again_in_smaller_pieces_is_no_miss(recorded):
    views: list[Any] = [
        lambda: request.stream.read(6),
        lambda: request.stream.read(2) + request.stream.readline(4),
    ]
    recorded.app.add_url_rule("/", "view", lambda: views.pop(0)(), methods=["POST"])
    recorded.play_back()
    with recorded.serve() as server:
        server.send("POST", "/", b"hello world")
    assert recorded.verdicts() == ["Equal"]


def test_the_environment_comes_back_scalar_by_scalar(recorded):
    seen: list[dict[str, Any]] = []

    @recorded.app.get("/seen")
    def view():
        seen.append({key: request.environ.get(key) for key in _EXACT})
        return str(request.remote_addr)

    recorded.play_back()
    with recorded.serve() as server:
        server.get("/seen?q=%C3%A9", {"X-Forwarded-For": "10.1.2.3", "Host": "shop.example"})
    assert recorded.verdicts() == ["Equal"]
    assert seen[0] == seen[1]
    assert seen[0]["RAW_URI"] == "/seen?q=%C3%A9"


_EXACT = (
    "HTTP_HOST",
    "QUERY_STRING",
    "RAW_URI",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "wsgi.multithread",
    "wsgi.url_scheme",
)


def test_middleware_outside_of_us_does_not_run_twice(recorded):
    recorded.app.add_url_rule("/", "view", lambda: str(request.remote_addr))
    recorded.play_back()
    recorded.app.wsgi_app = ProxyFix(recorded.app.wsgi_app, x_for=1)
    with recorded.serve() as server:
        assert server.get("/", {"X-Forwarded-For": "10.1.2.3"}).body == b"10.1.2.3"
    assert recorded.verdicts() == ["Equal"]


def test_a_replay_runs_with_recording_off_and_records_nothing(recorded):
    recorded.app.add_url_rule("/", "view", lambda: "fine")
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    recorded.recorder.enable_recording()
    assert recorded.verdicts() == ["Equal"]
    assert len(recorded.recordings()) == 1


def test_a_view_that_began_to_fail_is_reported_as_such(recorded):
    views: list[Any] = [lambda: "fine", lambda: 1 / 0]
    recorded.app.add_url_rule("/", "view", lambda: views.pop(0)())
    recorded.app.config["PROPAGATE_EXCEPTIONS"] = True
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("Failed")
    assert "division by zero" in verdict


def test_a_recording_of_another_kind_is_refused_clearly(recorded):
    recorded.play_back()

    @recorded.recorder.operation()
    def job() -> int:
        return 1

    job()
    recording = recorded.recording()
    with pytest.raises(TapeRecorderException, match="not one of Flask"):
        recorded.recorder.play(recording.id, playback_function(recorded.app))


def test_an_application_without_playback_has_no_players():
    with pytest.raises(SettingsError, match="add FlaskPlayback"):
        players(Flask("bare"))


def test_a_request_replays_through_another_instance_of_its_application(recorded):
    recorded.app.add_url_rule("/", "view", lambda: "fine")
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    again = Flask("again")
    again.add_url_rule("/", "view", lambda: "fine")
    FlaskPlayback(again, recorded.recorder)
    assert recorded.verdicts(app=again) == ["Equal"]


def test_a_missing_input_is_a_failure_that_names_it(recorded):
    names = iter(["tea", "coffee"])

    @recorded.recorder.intercept_input("stock")
    def stock(sku: str) -> int:
        return 1

    def view() -> str:
        try:
            return str(stock(next(names)))
        except RecordingKeyError:
            return "1"

    recorded.app.add_url_rule("/", "view", view)
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("EqualizerFailure")
    assert "coffee" in verdict
    assert "tea" in verdict


def test_an_exception_that_the_application_logs_shows_when_recorded_and_not_when_replayed(
    recorded, caplog, monkeypatch
):
    monkeypatch.setattr(recorded.app.logger, "disabled", False)
    recorded.app.add_url_rule("/", "boom", lambda: 1 / 0)
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    assert _logged(caplog) == [("recorded_app", "ERROR")]
    caplog.clear()
    assert recorded.verdicts() == ["Equal"]
    assert _logged(caplog) == []
    with caplog.at_level(logging.DEBUG, "playback.flask"):
        assert recorded.verdicts() == ["Equal"]
    assert _logged(caplog) == [("playback.flask", "DEBUG")]
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


def test_a_replay_leaves_other_lines_of_the_log_and_the_logger_as_they_are(
    recorded, caplog, monkeypatch
):
    monkeypatch.setattr(recorded.app.logger, "disabled", False)

    def view() -> str:
        recorded.app.logger.warning("a line")
        recorded.app.logger.error("without an exception")
        outside = contextvars.Context()
        thread = threading.Thread(target=outside.run, args=(_log_exception, recorded.app))
        thread.start()
        thread.join()
        return "fine"

    recorded.app.add_url_rule("/", "view", view)
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    caplog.clear()
    assert recorded.verdicts() == ["Equal"]
    assert [record.getMessage() for record in caplog.records] == [
        "a line",
        "without an exception",
        "of another context",
    ]
    assert recorded.app.logger.filters == []


def _logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.name, record.levelname) for record in caplog.records if record.exc_info]


def _log_exception(app: Flask) -> None:
    try:
        raise LookupError
    except LookupError:
        app.logger.exception("of another context")


def test_replays_share_nothing_of_the_context_they_are_started_in(recorded):
    app: Flask = recorded.app
    torn_down = []

    @app.get("/<name>")
    def view(name):
        g.names = [*g.get("names", ()), name]
        return g.names

    @app.teardown_appcontext
    def tear_down(error):
        torn_down.append(g.get("names"))

    recorded.play_back()
    with recorded.serve() as server:
        for name in ("a", "b"):
            assert server.get(f"/{name}").body == f'["{name}"]\n'.encode()
    with app.app_context():
        assert recorded.verdicts() == ["Equal", "Equal"]
        assert torn_down == [["a"], ["b"]] * 2
        assert "names" not in g

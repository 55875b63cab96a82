"""PlaybackMiddleware around any WSGI application: over servers, and its settings."""

import gc
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from time import thread_time
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from playback_core import (
    OperationExceptionDuringPlayback,
    SettingsError,
    SQLiteTapeCassette,
    TapeRecorder,
)
from playback_core.cli.target import open_target
from playback_core.studio import DefaultTuner, PlaybackStudio
from playback_core.wsgi import PlaybackMiddleware
from tests.closing import MakeRecorded, recorded_middlewares
from tests.patience import PATIENCE
from tests.recorded import output_of, stored_in
from tests.servers import GUNICORN, THREADS, WAITRESS, compare, environment, serve
from tests.wsgi import app as shop

NAME = "tests.wsgi.app:application"
REQUESTS = [
    *(("GET", f"/orders/{number}", None, "GET /orders/*", 200) for number in (7, 8)),
    ("POST", "/orders/0123456789abcdef0123", None, "POST /orders/*", 200),
    ("GET", "/stream?c1", None, "GET /stream", 200),
    ("PUT", "/body", b"the body", "PUT /body", 201),
    ("GET", "/writes", None, "GET /writes", 200),
    ("GET", "/nowhere/1", None, "unmatched:404", 404),
    ("GET", "/fails", None, "unmatched", 500),
]


def _ask(port: int) -> list[int]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        statuses = []
        for method, path, body, _, _ in REQUESTS:
            connection.request(method, path, body)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        return statuses
    finally:
        connection.close()


@pytest.mark.parametrize("server", [(*GUNICORN, *THREADS, "--workers", "2"), WAITRESS])
def test_an_application_of_no_framework_is_recorded_by_real_servers_and_replays_equal(
    tmp_path: Path, server: tuple[str, ...]
):
    with serve((*server, NAME), tmp_path) as (port, _), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: _ask(port), range(4)))
    assert found == [[status for *_, status in REQUESTS]] * 4
    document = compare(tmp_path, NAME)
    verdicts = {
        category: Counter(each["status"] for each in all_)
        for category, all_ in document["categories"].items()
    }
    wanted = Counter(category for *_, category, _ in REQUESTS for _ in range(4))
    assert verdicts == {category: {"Equal": count} for category, count in wanted.items()}
    with SQLiteTapeCassette(tmp_path / "playback.db", create=False) as tape:
        metadata = tape.get_recording_metadata(next(tape.iter_recording_ids("PUT /body")))
    assert metadata[TapeRecorder.KIND] == "wsgi"
    assert metadata[TapeRecorder.SERVICE] == "shop"
    assert (metadata["method"], metadata["path"], metadata["status"]) == ("PUT", "/body", 201)


@pytest.fixture
def recorded() -> Iterator[MakeRecorded]:
    with recorded_middlewares(PlaybackMiddleware) as make:
        yield make


def _get(app: Any, path: str, **options: Any) -> Any:
    answer, _, headers = run_wsgi_app(app, create_environ(path, **options), buffered=True)
    return b"".join(answer), headers


def _categories(middleware: PlaybackMiddleware) -> list[str]:
    return list(middleware.recorder.readable_cassette().iter_categories())


def _verdicts(middleware: PlaybackMiddleware) -> list[str]:
    with middleware.opened() as target:
        tuner = DefaultTuner(target.players)
        ids = [
            each
            for category in target.cassette.iter_categories()
            for each in target.cassette.iter_recording_ids(category)
        ]
        studio = PlaybackStudio(None, tuner, target.recorder, recording_ids=ids)
        found = studio.play()
    return [str(each.comparator_status) for all_ in found.values() for each in all_]


def test_a_function_of_the_environment_names_the_category_as_the_application_leaves_it(recorded):
    middleware = recorded(shop.shop, category=shop.category)
    _get(middleware, "/orders/7")
    _get(middleware, "/writes")
    assert _categories(middleware) == ["/writes", "order"]
    assert _verdicts(middleware) == ["Equal", "Equal"]


def test_a_function_that_fails_costs_the_recording_and_no_answer(recorded):
    middleware = recorded(shop.shop, category=lambda environ: environ["missing"])
    assert _get(middleware, "/body", method="POST", data=b"x")[0].startswith(b"xbody=")
    assert _categories(middleware) == []
    assert middleware.recorder.counters == {"failed": 1}


def test_patterns_choose_what_is_recorded(recorded):
    middleware = recorded(
        shop.shop, settings={"EXCLUDE": "/writes", "SAMPLING": {"GET /stream": 0}}
    )
    for path in ("/writes", "/stream", "/orders/7"):
        _get(middleware, path)
    assert _categories(middleware) == ["GET /orders/*"]


def test_a_request_that_is_shed_is_answered_and_not_recorded(recorded, probe):
    excluded = ["/health", "unmatched:404"]
    settings = {"WHEN_BUSY": "shed", "RESPONSE_HEADER": "X-Id", "EXCLUDE": excluded}
    middleware = recorded(shop.shop, settings=settings)
    assert "X-Id" in _get(middleware, "/orders/7")[1]
    probe.press()
    for path in ("/orders/7", "/stream", "/writes", "/health", "/nowhere"):
        body, headers = _get(middleware, path)
        assert body
        assert "X-Id" not in headers
    assert _categories(middleware) == ["GET /orders/*"]
    assert middleware.recorder.counters == {"recorded": 1, "shed": 3, "excluded": 2}


def test_the_answer_names_its_recording_where_that_is_asked_for(recorded):
    middleware = recorded(shop.shop, settings={"RESPONSE_HEADER": "X-Recording"})
    _, headers = _get(middleware, "/orders/7")
    (recording_id,) = middleware.recorder.readable_cassette().iter_recording_ids("GET /orders/*")
    assert headers["X-Recording"] == recording_id
    assert _verdicts(middleware) == ["Equal"]


def test_a_websocket_is_left_alone(recorded):
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return []

    middleware = recorded(app)
    environ = create_environ("/", headers={"Upgrade": "WebSocket", "Connection": "Upgrade"})
    middleware(environ, lambda status, headers: None)
    assert seen[0] is environ
    assert _categories(middleware) == []
    assert middleware.recorder.counters == {}


def test_an_answer_that_begins_again_after_its_headers_are_out_is_refused_as_by_a_server(recorded):
    is_changed = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"beginning"
        if is_changed:
            try:
                raise LookupError("changed")
            except LookupError as error:
                start_response("500 Sorry", [], (type(error), error, error.__traceback__))
                yield b"sorry"

    middleware = recorded(app)
    _get(middleware, "/")
    assert _verdicts(middleware) == ["Equal"]
    is_changed.append(True)
    (verdict,) = _verdicts(middleware)
    assert verdict.startswith("Different - response exceptions[0]: not recorded")


def test_an_exception_of_a_replayed_application_is_raised_as_that(recorded):
    middleware = recorded(shop.shop)
    with pytest.raises(LookupError):
        _get(middleware, "/fails")
    with middleware.opened() as target:
        recording_id = next(target.cassette.iter_recording_ids("unmatched"))
        playback = middleware.recorder.play(recording_id, middleware.play)
    assert playback.playback_outputs
    recording = middleware.recorder.readable_cassette().get_recording(recording_id)
    middleware.recorder.disable_recording()
    with pytest.raises(OperationExceptionDuringPlayback, match="LookupError"):
        middleware.play(recording)


def test_it_is_off_under_pytest_and_the_application_is_called_as_it_is():
    environ, start_response = create_environ("/"), object()
    called: list[Any] = []
    middleware = PlaybackMiddleware(
        lambda *given: called.append(given) or [], recorder=TapeRecorder()
    )
    middleware(environ, start_response)
    assert called == [(environ, start_response)]


def test_the_application_is_freed_with_its_middleware(recorded):
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"fine"]

    gc.collect()
    gc.disable()
    try:
        middleware, gone = recorded(app), weakref.ref(app)
        _get(middleware, "/")
        del app, middleware
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("app", "options", "told"),
    [
        ("no application", {}, "must be a callable"),
        (shop.shop, {"category": "order"}, "must be a function of a request"),
        (shop.shop, {"settings": {"CASETTE": "memory://"}}, "did you mean CASSETTE"),
    ],
)
def test_what_is_wrong_is_an_error_at_start_that_names_it(app, options, told):
    with pytest.raises(SettingsError, match=told):
        PlaybackMiddleware(app, recorder=TapeRecorder(), **options)


def test_two_applications_of_one_recorder_that_disagree_are_told_so(recorded):
    recorder = TapeRecorder()
    first = recorded(shop.shop, recorder=recorder, settings={"SERVICE": "first"})
    with pytest.raises(SettingsError, match=r"'second'.*'first'"):
        recorded(
            shop.shop,
            recorder=recorder,
            settings={"SERVICE": "second", "CASSETTE": "memory://other"},
        )
    assert first.settings.service == "first"


def test_the_command_finds_the_application_by_its_name(tmp_path: Path):
    SQLiteTapeCassette(tmp_path / "tape.db").close()
    with open_target("tests.wsgi.app", f"sqlite:///{tmp_path / 'tape.db'}") as target:
        assert list(target.players) == ["wsgi"]


def test_what_is_around_it_finds_what_the_application_has_given(recorded):
    class Response(list):
        status_code = 207

    def app(environ, start_response):
        start_response("207 Multi-Status", [])
        return Response([b"several"])

    answer = recorded(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *beginning: None)
    assert answer.status_code == 207
    assert not hasattr(answer, "reason")
    assert b"".join(answer) == b"several"
    answer.close()


TOLD_TO_END = """
from playback_core.wsgi import PlaybackMiddleware

calls = []

def app(environ, start_response):
    raise ValueError("it fails")

def category(environ):
    calls.append(environ)
    if len(calls) == 1:
        # As a handler of a signal does, amid work of ours.
        raise SystemExit
    return "failing"

PlaybackMiddleware(app, category=category)({"PATH_INFO": "/"}, None)
"""


def test_a_request_whose_recording_is_ended_with_the_process_is_stored(tmp_path: Path):
    told = environment(tmp_path, PLAYBACK_ENABLED="1")
    subprocess.run([sys.executable, "-c", TOLD_TO_END], cwd=tmp_path, env=told, check=True)
    (recording,) = stored_in(tmp_path / "playback.db")
    assert recording.category == "failing"
    assert isinstance(output_of(recording), ValueError)


def test_an_application_finds_a_file_wrapper_in_a_replay_too(recorded):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](BytesIO(b"of a file"), 4)

    middleware = recorded(app)
    environ = {**create_environ("/file"), "wsgi.file_wrapper": FileWrapper}
    assert b"".join(run_wsgi_app(middleware, environ)[0]) == b"of a file"
    assert _verdicts(middleware) == ["Equal"]


def test_the_clock_of_a_replay_begins_with_the_request_and_not_when_it_had_a_name(recorded):
    told = []

    @TapeRecorder(None).intercept_input("asked")
    def asked():
        return 1

    def app(environ, start_response):
        # No clock that is recorded tells how long it takes.
        until = thread_time() + 0.06
        while thread_time() < until:
            pass
        asked()
        told.append(datetime.now(UTC))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"answered"]

    middleware = recorded(app)
    _get(middleware, "/")
    assert _verdicts(middleware) == ["Equal"]
    live, replayed = told
    assert abs(replayed - live) < timedelta(seconds=0.03)

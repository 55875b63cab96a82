"""What is recorded of requests over a real server, and that it replays."""

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Iterator
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Response, copy_current_request_context, request, send_file
from flask import stream_with_context as with_context

from playback_core import TapeRecorder
from playback_core.exchanges import exchange

KEY = TapeRecorder.OPERATION_REQUEST


def test_a_request_is_recorded_as_it_came_and_went_and_replays(recorded, response_of):
    @recorded.app.post("/orders/<int:number>")
    def order(number):
        return {"number": number, "got": request.get_json()["n"]}, 201, {"X-Shop": "1"}

    recorded.play_back(SERVICE="shop")
    with recorded.serve() as server:
        answer = server.send(
            "POST", "/orders/7?x=1", b'{"n": 2}', {"Content-Type": "application/json"}
        )
    assert (answer.status, answer.headers["X-Shop"]) == (201, "1")

    recording = recorded.recording()
    incoming, outgoing = recording.get_data(KEY), response_of(recording)
    assert recording.category == "order"
    assert incoming["body"] == b'{"n": 2}'
    assert incoming["body_complete"]
    assert incoming["environ"]["QUERY_STRING"] == "x=1"
    assert incoming["environ"]["REMOTE_ADDR"] == "127.0.0.1"
    assert incoming["environ"]["wsgi.url_scheme"] == "http"
    assert outgoing["status"] == 201
    assert outgoing["body"] == answer.body
    assert ["X-Shop", "1"] in outgoing["headers"]
    metadata = recording.get_metadata()
    wanted = {
        "method": "POST",
        "path": "/orders/7",
        "rule": "/orders/<int:number>",
        "endpoint": "order",
        "status": 201,
        TapeRecorder.KIND: "flask",
        TapeRecorder.SERVICE: "shop",
    }
    assert metadata.items() >= wanted.items()
    assert recorded.verdicts() == ["Equal"]


def test_changed_code_shows_as_a_difference(recorded):
    answers = iter(["before", "after"])
    recorded.app.add_url_rule("/", "home", lambda: next(answers))
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("Different")
    assert "before" in verdict
    assert "after" in verdict


def test_a_decorated_helper_adds_inputs_and_outputs(recorded):
    prices = iter([10, 99])
    sent = []

    @recorded.recorder.intercept_input("price")
    def price(sku):
        return next(prices)

    @recorded.recorder.intercept_output("mail")
    def mail(text):
        sent.append(text)

    @recorded.app.get("/<sku>")
    def show(sku):
        amount = price(sku)
        mail(f"{sku} {amount}")
        return {"price": amount}

    recorded.play_back()
    with recorded.serve() as server:
        server.get("/tea")
    assert recorded.verdicts() == ["Equal"]
    assert sent == ["tea 10"]


def test_calls_of_a_streamed_body_belong_to_the_operation(recorded, response_of):
    pages = iter(range(100))

    @recorded.recorder.intercept_input("page")
    def page(number):
        return next(pages)

    @recorded.app.get("/export")
    def export():
        def rows():
            for number in range(3):
                yield f"{page(number)}\n"

        return Response(with_context(rows()))

    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/export").body == b"0\n1\n2\n"
    recording = recorded.recording()
    assert len([key for key in recording.get_all_keys() if key.startswith("input: page")]) == 3
    assert response_of(recording)["body"] == b"0\n1\n2\n"
    assert recorded.verdicts() == ["Equal"]
    assert recorded.recorder.counters == {"recorded": 1}


def test_a_client_that_leaves_early_is_recorded_as_partial_and_compared_on_the_prefix(
    recorded, response_of
):
    gone, ended = threading.Event(), threading.Event()

    @recorded.app.get("/endless")
    def endless():
        def chunks():
            try:
                yield b"the beginning"
                gone.wait(20)
                while True:
                    yield b"x" * 10_000
            finally:
                ended.set()

        return Response(chunks())

    recorded.play_back(BODY_LIMIT="1 GiB")
    with recorded.serve() as server, server.connection() as connection:
        server.begin(connection, "/endless").close()
        connection.close()
        gone.set()
        assert ended.wait(20)
    response = response_of(recorded.recording())
    assert response["partial"]
    assert recorded.verdicts() == ["Equal"]


def test_an_exception_in_mid_stream_is_kept_with_status_and_bytes(recorded, response_of):
    @recorded.app.get("/broken")
    def broken():
        def chunks():
            yield b"one"
            raise LookupError("the row is gone")

        return Response(chunks())

    recorded.play_back()
    with recorded.serve() as server, server.connection() as connection:
        response = server.begin(connection, "/broken")
        assert response.status == 200
        with contextlib.suppress(IncompleteRead):
            response.read()
    kept = response_of(recorded.recording())
    assert (kept["status"], kept["body"], kept["partial"]) == (200, b"one", False)
    assert kept["exceptions"] == [
        {"type": "builtins.LookupError", "message": "the row is gone", "how": "streaming"}
    ]
    assert recorded.verdicts() == ["Equal"]


def test_steps_of_one_answer_may_run_on_different_threads(recorded, response_of):
    recorded.app.add_url_rule("/", "rows", lambda: (f"{n}\n" for n in range(4)))
    recorded.play_back()
    answer = recorded.app(_environ("/"), lambda status, headers: None)
    got: list[bytes] = []
    for step in [lambda: got.append(next(answer))] * 2 + [lambda: got.extend(answer), answer.close]:
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert b"".join(got) == b"0\n1\n2\n3\n"
    assert response_of(recorded.recording())["body"] == b"0\n1\n2\n3\n"


def test_a_sent_file_is_recorded_as_it_went(recorded, response_of, tmp_path: Path):
    content = os.urandom(50_000)
    (tmp_path / "picture.png").write_bytes(content)
    recorded.app.add_url_rule("/file", "file", lambda: send_file(tmp_path / "picture.png"))
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/file").body == content
    assert response_of(recorded.recording())["body"] == content
    assert recorded.verdicts() == ["Equal"]


def test_calls_of_an_async_view_belong_to_its_operation(recorded):
    prices = iter([3, 4, 5])

    @recorded.recorder.intercept_input("price")
    async def price(sku):
        await asyncio.sleep(0)
        return next(prices)

    @recorded.app.get("/<sku>")
    async def show(sku):
        first, second = await asyncio.gather(price(sku), price("milk"))
        return {"sum": first + second}

    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/tea").body == b'{"sum":7}\n'
    keys = recorded.recording().get_all_keys()
    assert len([key for key in keys if key.startswith("input: price")]) == 2
    assert recorded.verdicts() == ["Equal"]
    assert next(prices) == 5


def test_calls_in_threads_and_pools_of_a_view_belong_to_its_operation(recorded):
    results = iter(range(100))

    @recorded.recorder.intercept_input("work")
    def work(name):
        return next(results)

    @recorded.app.get("/")
    def view():
        @copy_current_request_context
        def child():
            work(request.path)

        thread = threading.Thread(target=child)
        thread.start()
        thread.join()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return {"sum": sum(pool.map(work, "ab"))}

    recorded.play_back()
    with recorded.serve() as server:
        server.get("/")
    keys = recorded.recording().get_all_keys()
    assert len([key for key in keys if key.startswith("input: work")]) == 3
    assert recorded.verdicts() == ["Equal"]
    assert recorded.recorder.counters == {"recorded": 1}


@pytest.mark.parametrize(
    ("method", "path", "category", "status"),
    [
        ("GET", "/nowhere", "unmatched:404", 404),
        ("DELETE", "/list/", "unmatched:405", 405),
        ("GET", "/list", "unmatched:308", 308),
    ],
)
def test_requests_without_a_view_are_categories_of_their_own(
    recorded, method, path, category, status
):
    recorded.app.add_url_rule("/list/", "list", lambda: "list", methods=["GET"])
    recorded.play_back()
    with recorded.serve() as server:
        assert server.send(method, path).status == status
    recording = recorded.recording()
    assert recording.category == category
    assert recording.get_metadata()["rule"] is None
    assert recorded.verdicts() == ["Equal"]


def test_a_nested_blueprint_gives_its_dotted_endpoint(recorded):
    api, v1 = Blueprint("api", "api", url_prefix="/api"), Blueprint("v1", "v1", url_prefix="/v1")
    v1.add_url_rule("/users", "users", lambda: "users")
    api.register_blueprint(v1)
    recorded.app.register_blueprint(api)
    recorded.play_back()
    with recorded.serve() as server:
        server.get("/api/v1/users")
    assert recorded.recording().category == "api.v1.users"


def test_an_unhandled_exception_is_recorded_with_the_500(recorded, response_of):
    recorded.app.add_url_rule("/", "boom", lambda: 1 / 0)
    recorded.app.logger.disabled = True
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/").status == 500
    recording = recorded.recording()
    (exception,) = response_of(recording)["exceptions"]
    assert exception == {
        "type": "builtins.ZeroDivisionError",
        "message": "division by zero",
        "how": "unhandled",
    }
    assert recorded.verdicts() == ["Equal"]


def test_an_exception_that_a_handler_swallows_is_recorded_with_its_answer(recorded, response_of):
    recorded.app.add_url_rule("/", "boom", lambda: {}["key"])
    recorded.app.register_error_handler(Exception, lambda error: ("sorry", 503))
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/").body == b"sorry"
    response = response_of(recorded.recording())
    assert response["status"] == 503
    assert [(each["type"], each["how"]) for each in response["exceptions"]] == [
        ("builtins.KeyError", "handled")
    ]
    assert recorded.verdicts() == ["Equal"]


def test_an_exception_that_leaves_the_application_is_the_outcome(recorded):
    recorded.app.add_url_rule("/", "boom", lambda: int("seven"))
    recorded.app.config["PROPAGATE_EXCEPTIONS"] = True
    recorded.app.testing = True
    recorded.play_back()
    with pytest.raises(ValueError, match="seven"):
        recorded.app.test_client().get("/")
    recording = recorded.recording()
    assert recording.get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION]
    (output,) = recording.outputs()
    assert repr(output.value["args"][0]) == (
        """ValueError("invalid literal for int() with base 10: 'seven'")"""
    )
    recorded.app.config["PROPAGATE_EXCEPTIONS"] = None
    recorded.app.testing = False
    assert recorded.verdicts() == ["Equal"]
    assert not recorded.app.testing


def test_a_raising_teardown_is_recorded_with_the_answer_that_was_built(recorded, response_of):
    recorded.app.add_url_rule("/", "fine", lambda: "fine")

    @recorded.app.teardown_request
    def raise_error(error):
        raise RuntimeError("teardown")

    recorded.play_back()
    with pytest.raises(RuntimeError, match="teardown"):
        recorded.app.test_client().get("/")
    response = response_of(recorded.recording())
    assert response["status"] == 200
    assert [(each["message"], each["how"]) for each in response["exceptions"]] == [
        ("teardown", "after response")
    ]
    assert recorded.verdicts() == ["Equal"]


def test_a_request_within_a_view_is_part_of_the_outer_recording(recorded):
    prices = iter([3, 4, 5])

    @recorded.recorder.intercept_input("price")
    def price():
        return next(prices)

    recorded.app.add_url_rule("/inner", "inner", lambda: str(price()))

    @recorded.app.get("/outer")
    def outer():
        inner = recorded.app.test_client().get("/inner").text
        return f"{inner} {price()}"

    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/outer").body == b"3 4"
    recording = recorded.recording()
    assert recording.category == "outer"
    assert any(key.startswith("span: inner") for key in recording.get_all_keys())
    assert recorded.verdicts() == ["Equal"]


def test_a_request_within_an_intercepted_call_is_covered_by_its_result(recorded, response_of):
    def fail() -> str:
        raise LookupError("inner")

    @recorded.recorder.intercept_input("inner status")
    def inner_status() -> int:
        return recorded.app.test_client().get("/inner").status_code

    recorded.app.logger.disabled = True
    recorded.app.add_url_rule("/inner", "inner", fail)
    recorded.app.add_url_rule("/outer", "outer", lambda: str(inner_status()))
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/outer").body == b"500"
    assert recorded.recording().category == "outer"
    assert response_of(recorded.recording())["exceptions"] == []
    assert recorded.verdicts() == ["Equal"]


def test_eight_clients_at_once_never_mix(recorded, response_of):
    @recorded.recorder.intercept_input("echo")
    def echo(text):
        return text

    @recorded.app.post("/<name>")
    def view(name):
        parts = [echo(f"{name} {n}") for n in range(3)]
        return {"name": name, "parts": parts, "body": request.get_data(as_text=True)}

    recorded.play_back()

    def client(number: int) -> None:
        with server.connection() as connection:
            for n in range(10):
                connection.request("POST", f"/c{number}-{n}", f"body of c{number}-{n}")
                assert connection.getresponse().read()

    with recorded.serve() as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(8)))

    recordings = recorded.recordings()
    assert len(recordings) == 80
    for recording in recordings:
        name = recording.get_metadata()["path"][1:]
        assert recording.get_data(KEY)["body"].decode() == f"body of {name}"
        inputs = [key for key in recording.get_all_keys() if key.startswith("input: echo")]
        assert len(inputs) == 3
        assert all(f"{name} " in key for key in inputs)
    assert set(recorded.verdicts()) == {"Equal"}
    assert recorded.recorder.counters == {"recorded": 80}


@pytest.mark.parametrize("broken", ["create_new_recording", "_save_recording"])
def test_a_broken_cassette_changes_no_answer(recorded, monkeypatch, broken):
    def fail(*args: Any) -> None:
        raise OSError("no space left on device")

    recorded.app.add_url_rule("/", "home", lambda: "fine")
    monkeypatch.setattr(recorded.tape, broken, fail)
    recorded.play_back(RESPONSE_HEADER="X-Recording")
    with recorded.serve() as server:
        assert [server.get("/").body for _ in range(3)] == [b"fine"] * 3
    assert recorded.recordings() == []


@pytest.mark.parametrize(
    "place",
    [
        "playback_core.exchanges.exchange.Exchange.__init__",
        "playback_core.wsgi.exchange.recorded_environ",
        "playback_core.wsgi.exchange.record_body",
        "playback_flask.exchange.category_of_request",
        "playback_core.exchanges.exchange.BodyCapture.add",
        "playback_core.exchanges.exchange.Exchange._exchanged",
    ],
)
def test_a_fault_while_taking_the_request_changes_no_answer(recorded, monkeypatch, place):
    recorded.app.add_url_rule("/", "home", lambda: "fine")
    recorded.play_back()
    monkeypatch.setattr(place, _fail)
    with recorded.app.test_client() as client:
        assert client.get("/", buffered=True).data == b"fine"
    assert recorded.recordings() == []
    assert recorded.recorder.counters == {"failed": 1}
    assert not exchange._unfinished


@pytest.mark.parametrize("place", ["redacted_environ", "redacted_response"])
def test_a_fault_in_redaction_stores_nothing_and_changes_no_answer(recorded, monkeypatch, place):
    recorded.app.add_url_rule("/", "home", lambda: "fine")
    recorded.play_back()
    monkeypatch.setattr(f"playback_core.http_exchange.{place}", _fail)
    with recorded.app.test_client() as client:
        assert client.get("/", buffered=True).data == b"fine"
    assert recorded.recordings() == []
    assert recorded.recorder.tape_cassette.counters.failed == 1


def test_an_application_that_writes_and_one_that_returns_a_list_are_recorded(recorded, response_of):
    recorded.app.add_url_rule("/", "home", lambda: "unused")
    plain = recorded.app.wsgi_app

    def writing(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/flask":
            return plain(environ, start_response)
        write = start_response("200 Fine", [("Content-Type", "text/plain")])
        write(b"written, ")
        return [b"returned"]

    recorded.app.wsgi_app = writing
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/").body == b"written, returned"
    recording = recorded.recording()
    assert recording.category == "unmatched"
    assert response_of(recording) == {
        "status": 200,
        "reason": "Fine",
        "headers": [["Content-Type", "text/plain"]],
        "body": b"written, returned",
        "partial": False,
        "exceptions": [],
    }
    assert recorded.verdicts() == ["Equal"]


def test_a_list_reaches_the_server_as_it_is(recorded):
    body = [b"all of it"]

    def listing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return body

    recorded.app.wsgi_app = listing
    recorded.play_back()
    assert recorded.app(_environ("/"), lambda status, headers: None) is body


def test_the_iterable_of_the_application_is_closed_once(recorded):
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    recorded.app.wsgi_app = app
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/").body == b"x"
    assert closed == [True]
    assert len(recorded.recordings()) == 1


def test_memory_stays_flat_and_a_long_body_is_cut_and_not_verified(recorded, response_of):
    recorded.app.add_url_rule("/", "long", lambda: Response(b"x" * 1000 for _ in range(5000)))
    recorded.play_back(BODY_LIMIT=10_000)
    with recorded.serve() as server:
        assert len(server.get("/").body) == 5_000_000
    recording = recorded.recording()
    assert len(response_of(recording)["body"]) == 10_000
    assert "BODY_LIMIT" in recording.get_metadata()[TapeRecorder.NOT_REPLAYABLE]
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("EqualizerFailure")
    assert "BODY_LIMIT" in verdict


def test_static_files_are_left_out(recorded, tmp_path: Path):
    (tmp_path / "style.css").write_text("body {}")
    recorded.app.static_folder = str(tmp_path)
    recorded.app.add_url_rule("/", "home", lambda: "home")
    recorded.play_back()
    with recorded.serve() as server:
        assert server.get("/static/style.css").status == 200
        server.get("/")
    assert [each.category for each in recorded.recordings()] == ["home"]


def test_a_request_that_is_shed_runs_with_nothing_of_it_recorded(recorded, probe):
    @recorded.recorder.operation()
    def count() -> int:
        return 1

    @recorded.app.get("/")
    def home():
        yield f"{count()}"
        yield f"{recorded.app.test_client().get('/inner').status_code}"
        yield f"{recorded.recorder.current_recording_id}"

    recorded.app.add_url_rule("/inner", "inner", lambda: "inner")
    recorded.app.add_url_rule("/health", "health", lambda: "well")
    recorded.play_back(WHEN_BUSY="shed", RESPONSE_HEADER="X-Recording-Id", EXCLUDE="health")
    with recorded.serve() as server:
        assert "X-Recording-Id" in server.get("/").headers
        probe.press()
        answer = server.get("/")
        fails = server.get("/none")
        assert server.get("/health").body == b"well"
    assert answer.body == b"1200None"
    assert "X-Recording-Id" not in answer.headers
    assert fails.status == 404
    assert recorded.recorder.counters == {"recorded": 1, "shed": 2, "excluded": 1}
    assert recorded.recording().category == "home"
    assert recorded.verdicts() == ["Equal"]


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"EXCLUDE": "health*"}, ["admin.home", "home"]),
        ({"EXCLUDE": "/admin/*"}, ["health", "home"]),
        ({"INCLUDE": "home"}, ["home"]),
        ({"SAMPLING": {"h*": 0}}, ["admin.home"]),
    ],
)
def test_patterns_and_sampling_choose_what_is_recorded(recorded, settings, left):
    admin = Blueprint("admin", "admin", url_prefix="/admin")
    admin.add_url_rule("/", "home", lambda: "admin")
    recorded.app.register_blueprint(admin)
    recorded.app.add_url_rule("/health", "health", lambda: "well")
    recorded.app.add_url_rule("/", "home", lambda: "home")
    recorded.play_back(**settings)
    with recorded.serve() as server:
        for path in ("/", "/admin/", "/health"):
            assert server.get(path).status == 200
    assert [each.category for each in recorded.recordings()] == left


def test_the_recording_id_is_in_the_answer_if_asked_for_and_not_compared(recorded):
    recorded.app.add_url_rule("/", "home", lambda: "home")
    recorded.play_back(RESPONSE_HEADER="X-Recording")
    with recorded.serve() as server:
        answer = server.get("/")
    assert answer.headers["X-Recording"] == recorded.recording().id
    assert recorded.verdicts() == ["Equal"]


@pytest.mark.parametrize("share", [0, 0.5])
def test_no_answer_names_a_recording_that_sampling_drops(recorded, share):
    recorded.app.add_url_rule("/", "home", lambda: "home")
    recorded.play_back(RESPONSE_HEADER="X-Recording", SAMPLING=share)
    with recorded.serve() as server:
        named = {server.get("/").headers.get("X-Recording") for _ in range(30)}
    assert named - {None} == {recording.id for recording in recorded.recordings()}


def test_an_application_that_others_have_wrapped_is_not_wrapped_twice(recorded):
    recorded.app.add_url_rule("/", "home", lambda: "home")
    extension = recorded.play_back()
    inner = recorded.app.wsgi_app

    def foreign(environ: dict[str, Any], start_response: Any) -> Any:
        environ["other.tool"] = object()
        return inner(environ, start_response)

    recorded.app.wsgi_app = foreign
    extension.init_app(recorded.app)
    with recorded.serve() as server:
        assert server.get("/").body == b"home"
    assert "other.tool" not in recorded.recording().get_data(KEY)["environ"]
    assert recorded.verdicts() == ["Equal"]


def _fail(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("a fault of ours")


def _environ(path: str) -> dict[str, Any]:
    from werkzeug.test import create_environ

    return create_environ(path)

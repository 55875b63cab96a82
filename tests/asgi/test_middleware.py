"""PlaybackMiddleware around any ASGI application: Starlette and Quart, over uvicorn."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from simple_websocket import Client as WebSocket
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from playback_core import (
    SQLiteTapeCassette,
    TapeRecorder,
    TapeRecorderException,
)
from playback_core.asgi import PlaybackMiddleware
from playback_core.session import current
from playback_core.studio import DefaultTuner, PlaybackStudio
from tests.closing import MakeRecorded, recorded_middlewares
from tests.patience import PATIENCE
from tests.servers import UVICORN, compare, serve

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
STARLETTE = [
    ("GET", "/orders/7?who=ann", None, {}, "GET /orders/*", 200),
    ("GET", "/threaded", None, {}, "GET /threaded", 200),
    ("GET", "/stream", None, {}, "GET /stream", 200),
    ("POST", "/body", b"title=Tea&password=secret", FORM, "POST /body", 201),
    ("POST", "/unread", b"the body", {}, "POST /unread", 200),
    ("GET", "/fails", None, {}, "GET /fails", 500),
    ("GET", "/file", None, {}, "GET /file", 200),
    ("GET", "/nowhere/1", None, {}, "unmatched:404", 404),
    ("DELETE", "/stream", None, {}, "DELETE /stream", 405),
]
QUART = [
    ("GET", "/orders/7?who=ann", None, {}, "/orders/7", 200),
    ("POST", "/body", b'{"n": 1}', JSON, "/body", 201),
    ("GET", "/stream", None, {}, "/stream", 200),
]


def _ask(port: int, requests: list[Any]) -> list[int]:
    statuses = []
    for method, path, body, headers, _, _ in requests:
        # A connection for each: uvicorn closes one whose body was not read.
        with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
    return statuses


def _ask_at_once(port: int, requests: list[Any]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: _ask(port, requests), range(4)))
    assert found == [[status for *_, status in requests]] * 4


def _verdicts(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        category: dict(Counter(each["status"] for each in all_))
        for category, all_ in document["categories"].items()
    }


def _leave_early(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/endless")
        sock = connection.sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        response = connection.getresponse()
        assert response.read1(10)
        response.close()


def _read_what_breaks(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/breaks")
        response = connection.getresponse()
        # Starlette ends what its middleware streams, and raises then.
        assert response.read().startswith(b"breaks=")


def test_an_application_of_starlette_is_recorded_over_uvicorn_and_replays_equal(tmp_path: Path):
    name = "tests.asgi.starlette_app:application"
    with serve((*UVICORN, name), tmp_path) as (port, _):
        _ask_at_once(port, STARLETTE)
        _leave_early(port)
        _read_what_breaks(port)
        with closing(WebSocket(f"ws://127.0.0.1:{port}/echo")) as connection:
            connection.send("hello")
            assert connection.receive(timeout=PATIENCE).startswith("hello websocket=")
    wanted = Counter(category for *_, category, _ in STARLETTE for _ in range(4))
    wanted |= {"GET /endless": 1, "GET /breaks": 1}
    assert _verdicts(compare(tmp_path, name)) == {
        category: {"Equal": count} for category, count in wanted.items()
    }
    with SQLiteTapeCassette(tmp_path / "playback.db", create=False) as tape:
        form = tape.get_recording(next(tape.iter_recording_ids("POST /body")))
        endless = tape.get_recording(next(tape.iter_recording_ids("GET /endless")))
        breaks = tape.get_recording(next(tape.iter_recording_ids("GET /breaks")))
    request = form.get_data(TapeRecorder.OPERATION_REQUEST)
    assert request["body"].startswith(b"title=Tea&password=")
    assert b"secret" not in request["body"]
    assert form.get_metadata()[TapeRecorder.KIND] == "asgi"
    assert _response(endless)["partial"]
    assert [each["how"] for each in _response(breaks)["exceptions"]] == ["streaming"]
    # Changed code that reads a body that was not read.
    changed = compare(tmp_path, name, "POST /unread", CASES_CHANGED="1")
    assert _verdicts(changed) == {"POST /unread": {"EqualizerFailure": 4}}
    assert "unrecorded input" in changed["categories"]["POST /unread"][0]["message"]


def test_an_application_of_quart_is_recorded_over_uvicorn_and_replays_equal(tmp_path: Path):
    name = "tests.asgi.quart_app:application"
    with serve((*UVICORN, name), tmp_path) as (port, _):
        _ask_at_once(port, QUART)
    assert _verdicts(compare(tmp_path, name)) == {
        category: {"Equal": 4} for *_, category, _ in QUART
    }


def _response(recording: Any) -> dict[str, Any]:
    key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    response: dict[str, Any] = recording.get_data(key)["args"][0]
    return response


@pytest.fixture
def recorded() -> Iterator[MakeRecorded]:
    with recorded_middlewares(PlaybackMiddleware) as make:
        yield make


def _scope(path: str = "/", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": None,
        **more,
    }


def _call(app: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Call an application as a server does that has these messages; return what it sent."""
    sent: list[dict[str, Any]] = []
    left = [*messages]

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def _recording(middleware: PlaybackMiddleware) -> Any:
    tape = middleware.recorder.readable_cassette()
    (recording_id,) = (
        each for category in tape.iter_categories() for each in tape.iter_recording_ids(category)
    )
    return tape.get_recording(recording_id)


def _compared(middleware: PlaybackMiddleware) -> str:
    recording = _recording(middleware)
    with middleware.opened() as target:
        tuner = DefaultTuner(target.players)
        studio = PlaybackStudio(None, tuner, target.recorder, recording_ids=[recording.id])
        ((comparison,),) = studio.play().values()
    return str(comparison.comparator_status)


async def _hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b")]})
    await send({"type": "http.response.body", "body": b"hello"})


def test_a_request_that_is_shed_is_answered_and_not_recorded(recorded, probe):
    settings = {"WHEN_BUSY": "shed", "RESPONSE_HEADER": "X-Recording", "EXCLUDE": "GET /health"}
    middleware = recorded(_hello, settings=settings)
    assert _call(middleware, _scope())[0]["headers"] != [(b"x-a", b"b")]
    probe.press()
    start, body = _call(middleware, _scope())
    assert start["headers"] == [(b"x-a", b"b")]
    assert body["body"] == b"hello"
    assert current() is None
    _call(middleware, _scope("/health"))
    assert middleware.recorder.counters == {"recorded": 1, "shed": 1, "excluded": 1}
    assert _compared(middleware) == "Equal"


def test_the_answer_names_its_recording_where_that_is_asked_for(recorded):
    middleware = recorded(_hello, settings={"RESPONSE_HEADER": "X-Recording"})
    start, _ = _call(middleware, _scope())
    recording = _recording(middleware)
    assert start["headers"] == [(b"x-a", b"b"), (b"X-Recording", recording.id.encode())]
    assert _response(recording)["headers"] == [["x-a", "b"]]


def test_a_function_of_the_scope_names_the_category_by_what_the_routing_left_there(recorded):
    middleware = recorded(
        Starlette(routes=[Route("/{name}/orders", lambda request: PlainTextResponse("fine"))]),
        category=lambda scope: getattr(scope.get("route"), "path", "unmatched"),
    )
    for path in ("/ann/orders", "/nowhere"):
        _call(middleware, _scope(path), {"type": "http.request"})
    assert list(middleware.recorder.readable_cassette().iter_categories()) == [
        "/{name}/orders",
        "unmatched",
    ]


def test_without_a_header_messages_reach_the_server_as_they_are(recorded):
    given = [
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.body", "body": b"hello"},
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in given:
            await send(message)

    sent = _call(recorded(app), _scope())
    assert all(one is other for one, other in zip(sent, given, strict=True))


@pytest.mark.parametrize("settings", [{}, {"RESPONSE_HEADER": "X-Recording"}])
def test_headers_that_can_be_read_only_once_reach_the_server(recorded, settings):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = (pair for pair in [(b"x-a", b"b"), (b"x-c", b"d")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    middleware = recorded(app, settings=settings)
    start, _ = _call(middleware, _scope())
    assert list(start["headers"])[:2] == [(b"x-a", b"b"), (b"x-c", b"d")]
    assert _response(_recording(middleware))["headers"] == [["x-a", "b"], ["x-c", "d"]]
    assert _compared(middleware) == "Equal"


def test_an_application_finds_a_state_in_a_replay_as_under_a_server(recorded):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["seen"] = True
        await _hello(scope, receive, send)

    middleware = recorded(app)
    _call(middleware, _scope(state={}))
    assert _compared(middleware) == "Equal"


def test_a_file_goes_by_way_of_us_also_where_the_server_can_send_it_itself(recorded):
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await _hello(scope, receive, send)

    given = {"http.response.pathsend": {}, "http.response.debug": {}}
    scope = _scope(extensions=given)
    _call(recorded(app), scope)
    assert seen[0]["extensions"] == {"http.response.debug": {}}
    assert scope["extensions"] == given


def test_a_websocket_is_left_alone(recorded):
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    middleware = recorded(app)
    given = ({"type": "websocket"}, object(), object())
    asyncio.run(middleware(*given))
    assert seen == [given]
    assert middleware.recorder.counters == {}


def test_a_client_that_goes_in_the_middle_of_its_body_replays_equal(recorded):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        types = [(await receive())["type"] for _ in range(2)]
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": " ".join(types).encode()})

    middleware = recorded(app)
    half = {"type": "http.request", "body": b"half", "more_body": True}
    scope = _scope(headers=[(b"content-length", b"8")], method="POST")
    _call(middleware, scope, half, {"type": "http.disconnect"})
    request = _recording(middleware).get_data(TapeRecorder.OPERATION_REQUEST)
    assert (request["body"], request["body_complete"], request["body_broken"]) == (
        b"half",
        False,
        True,
    )
    assert _compared(middleware) == "Equal"


def test_an_application_that_waits_for_a_disconnect_gets_it_after_its_answer(recorded):
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.create_task(receive())
        await _hello(scope, receive, send)
        seen.append((await waiting)["type"])

    middleware = recorded(app)
    _call(middleware, _scope(), {"type": "http.request"}, {"type": "http.disconnect"})
    assert _compared(middleware) == "Equal"
    assert seen == ["http.disconnect"] * 2


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_client_that_leaves_ends_an_endless_answer_also_when_it_is_replayed(
    recorded, spec_version
):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"more ", "more_body": True})

    async def send_three(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) > 3:
            raise OSError("the client is gone")

    sent: list[Any] = []
    middleware = recorded(app)
    scope = _scope(asgi={"version": "3.0", "spec_version": spec_version})
    with pytest.raises(OSError, match="gone"):
        asyncio.run(middleware(scope, None, send_three))
    response = _response(_recording(middleware))
    assert (response["body"], response["partial"]) == (b"more more more ", True)
    assert response["exceptions"] == []
    assert _compared(middleware) == "Equal"


def test_an_exception_before_the_answer_is_the_outcome_and_replays_equal(recorded):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("before the answer")

    middleware = recorded(app)
    with pytest.raises(LookupError):
        _call(middleware, _scope())
    recording = _recording(middleware)
    assert recording.category == "unmatched"
    assert recording.get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION]
    assert _compared(middleware) == "Equal"


def test_secrets_in_headers_and_queries_are_pseudonyms(recorded):
    middleware = recorded(_hello)
    secret = [(b"authorization", b"Bearer secret"), (b"referer", b"http://a/?token=secret")]
    _call(middleware, _scope(headers=secret, query_string=b"token=secret&n=1"))
    environ = _recording(middleware).get_data(TapeRecorder.OPERATION_REQUEST)["environ"]
    assert "secret" not in str(environ)
    assert environ["query_string"].endswith(b"&n=1")
    assert environ["headers"][0][1].startswith("Bearer ")
    assert _compared(middleware) == "Equal"


def test_a_query_may_come_as_a_text(recorded):
    middleware = recorded(_hello)
    _call(middleware, _scope(query_string="token=secret&n=1"))
    environ = _recording(middleware).get_data(TapeRecorder.OPERATION_REQUEST)["environ"]
    assert b"secret" not in environ["query_string"]
    assert environ["query_string"].endswith(b"&n=1")
    assert _compared(middleware) == "Equal"


def test_a_replay_within_a_running_loop_is_refused_clearly(recorded):
    middleware = recorded(_hello)
    _call(middleware, _scope())
    recording = _recording(middleware)

    async def replay() -> None:
        middleware.play(recording)

    with pytest.raises(TapeRecorderException, match=r"asyncio\.to_thread"):
        asyncio.run(replay())


def test_a_fault_of_ours_changes_no_answer(recorded, monkeypatch):
    middleware = recorded(_hello)
    monkeypatch.setattr("playback_core.asgi.exchange.recorded_scope", lambda scope: 1 / 0)
    assert _call(middleware, _scope())[1]["body"] == b"hello"
    assert middleware.recorder.counters == {"failed": 1}

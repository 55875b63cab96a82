"""What applications of Flask are made of: real extensions, resources, uploads, websockets."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from simple_websocket import Client as WebSocket
from simple_websocket import ConnectionClosed

from playback_core import SQLiteTapeCassette, TapeRecorder
from tests.patience import PATIENCE
from tests.servers import GUNICORN, THREADS, compare, environment, serve

FACTORY = "tests.flask.cases.extensions:create_app"
MEGABYTE = 1024 * 1024
JSON = {"Content-Type": "application/json"}


@dataclass
class Visit:
    """What a client was answered, what is recorded of it, and what came of the replays."""

    answers: dict[str, tuple[int, dict[str, str], str]]
    growth: int
    echoes: list[str]
    metadata: dict[str, list[dict[str, Any]]]
    document: dict[str, Any]

    def statuses(self, category: str) -> list[str]:
        return [each["status"] for each in self.document["categories"][category]]


class Visitor:
    """A client with a connection and a cookie."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.cookies: dict[str, str] = {}
        self.answers: dict[str, tuple[int, dict[str, str], str]] = {}

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> str:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, {"Cookie": self.cookie, **given})
        response: HTTPResponse = self.connection.getresponse()
        text = response.read().decode()
        for set_cookie in response.headers.get_all("Set-Cookie", ()):
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        self.answers[f"{method} {path}"] = (response.status, dict(response.headers), text)
        return text


def _visit(visitor: Visitor) -> None:
    send = visitor.send
    send("GET", "/private")
    send("POST", "/accounts?who=ann")
    send("GET", "/accounts?who=ann")
    send("HEAD", "/accounts?who=ann")
    send("OPTIONS", "/accounts?who=ann")
    send("POST", "/log-in?who=ann")
    send("GET", "/private?again")
    send("POST", "/remember-me?who=ann")
    # As of a browser that was closed meanwhile.
    remembered = f"remember_token={visitor.cookies['remember_token']}"
    send("GET", "/private?remembered", Cookie=remembered)
    send("GET", "/refused?refuse")
    send("GET", "/stamped?who=ann")
    send("GET", "/restx/item/tea")
    send("GET", "/restx/item/missing")
    send("GET", "/restx/item/conflict")
    send("POST", "/smorest/item", b'{"name": "tea"}', Content_Type="application/json")
    send("POST", "/smorest/item?wrong", b'{"size": 1}', Content_Type="application/json")


def _upload(visitor: Visitor) -> int:
    """Return by how much the server's memory grew with an upload of 200 MB."""

    def pieces(count: int) -> Iterator[bytes]:
        yield from (b"x" * MEGABYTE for _ in range(count))

    visitor.send("POST", "/upload?small", pieces(2), Content_Length=str(2 * MEGABYTE))
    before = int(visitor.send("GET", "/peak"))
    visitor.send("POST", "/upload", pieces(200), Content_Length=str(200 * MEGABYTE))
    return int(visitor.send("GET", "/peak")) - before


def _echoes(port: int) -> list[str]:
    socket = WebSocket(f"ws://127.0.0.1:{port}/echo")
    echoes = []
    for text in ("one", "two"):
        socket.send(text)
        echoes.append(str(socket.receive(timeout=PATIENCE)))
    socket.send("end")
    # The server ends then, and may be the first to close.
    with suppress(ConnectionClosed):
        socket.close()
    return echoes


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    folder = tmp_path_factory.mktemp("extensions")
    code = "from tests.flask.cases.extensions import create_database; create_database()"
    subprocess.run(
        [sys.executable, "-c", code], env=environment(folder, PLAYBACK_ENABLED="0"), check=True
    )
    with serve((*GUNICORN, *THREADS, f"{FACTORY}()"), folder) as (port, _):
        visitor = Visitor(port)
        with closing(visitor.connection):
            _visit(visitor)
            growth = _upload(visitor)
        echoes = _echoes(port)
    # A replay needs none of it: what asks the database is an input.
    os.remove(folder / "accounts.db")
    with SQLiteTapeCassette(folder / "extensions.db", create=False) as tape:
        metadata = {
            category: [
                dict(tape.get_recording_metadata(each))
                for each in tape.iter_recording_ids(category)
            ]
            for category in tape.iter_categories()
        }
    return Visit(visitor.answers, growth, echoes, metadata, compare(folder, FACTORY))


def test_the_applications_answers_are_those_without_us(visit):
    found = {path: (status, text) for path, (status, _, text) in visit.answers.items()}
    assert (
        found.items()
        >= {
            "POST /accounts?who=ann": (201, '{"id":1}\n'),
            "GET /accounts?who=ann": (200, "1\n"),
            "HEAD /accounts?who=ann": (200, ""),
            "OPTIONS /accounts?who=ann": (200, ""),
            "POST /log-in?who=ann": (200, "welcome"),
            "GET /private?again": (200, "ann"),
            "GET /private?remembered": (200, "ann"),
            "GET /refused?refuse": (503, "not today"),
            "GET /stamped?who=ann": (200, "stamped"),
            "GET /restx/item/tea": (200, '{"name": "tea"}\n'),
            "POST /smorest/item": (201, '{"name":"tea"}\n'),
        }.items()
    )
    assert {path: found[path][0] for path in found}.items() >= {
        "GET /private": 401,
        "GET /restx/item/missing": 404,
        "GET /restx/item/conflict": 409,
        "POST /smorest/item?wrong": 422,
    }.items()
    assert visit.answers["GET /stamped?who=ann"][1]["X-Stamp"] == "ann"


@pytest.mark.parametrize(
    ("category", "count"),
    [
        ("accounts", 4),  # Flask-SQLAlchemy in a MethodView; HEAD and OPTIONS are two of them
        ("log_in", 1),  # Flask-Login
        ("private", 3),
        ("remember_me", 1),
        ("refused", 1),  # before_request answers
        ("stamped", 1),  # after_this_request
        ("restx.item", 3),  # flask-restx
        ("smorest.Items", 2),  # flask-smorest
    ],
)
def test_each_is_recorded_and_replays_equal_without_its_database(visit, category, count):
    assert visit.statuses(category) == ["Equal"] * count


def test_the_methods_that_flask_answers_itself_are_recorded(visit):
    methods = Counter(each["method"] for each in visit.metadata["accounts"])
    assert methods == {"GET": 1, "POST": 1, "HEAD": 1, "OPTIONS": 1}


def test_every_answer_names_its_recording_where_that_is_asked_for(visit):
    named = [headers.get("X-Recording") for _, headers, _ in visit.answers.values()]
    assert len({*named} - {None}) == sum(map(len, visit.metadata.values()))
    # What is left out has none.
    assert visit.answers["GET /peak"][1].get("X-Recording") is None


def test_an_upload_of_200_mb_keeps_memory_flat_and_is_not_verified(visit):
    assert visit.answers["POST /upload"][2] == f'{{"size":{200 * MEGABYTE}}}\n'
    assert visit.growth < 16 * MEGABYTE
    large = [each for each in visit.metadata["upload"] if TapeRecorder.NOT_REPLAYABLE in each]
    assert len(large) == 2
    assert visit.statuses("upload") == ["EqualizerFailure"] * 2


def test_a_websocket_works_and_is_left_alone(visit):
    assert visit.echoes == ["one None", "two None"]
    assert "echo" not in visit.metadata

"""The hard cases of a request, recorded over real servers by clients at once, and replayed.

The numbers are those of the cases: clients.py has what is asked, views.py what answers. Each
request writes to a database and reads from it, which is gone when it is replayed. Each server has
one of the databases; with CASES_EVERY in the environment, each of them.
"""

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from playback_core import Recording, TapeRecorder
from playback_core.recording_id import category_of
from tests.django.cases.clients import ASGI_CASES, CASES, SENT_WITHIN_A_CASE
from tests.django.cases.views import PICTURE
from tests.http_cases import Answer, Case, Client, ask_everything
from tests.interceptors.postgres_server import PostgresServer, postgres_server
from tests.patience import PATIENCE
from tests.recorded import output_of, request_of, stored_in
from tests.servers import GUNICORN, THREADS, UVICORN, compared_by, serve, wait_for

WSGI = "tests.django.cases.wsgi:application"
ASGI = "tests.django.cases.asgi:application"
SERVERS = {
    "gthread": (*GUNICORN, *THREADS, "--workers", "2", WSGI),
    "prefork": (*GUNICORN, "--workers", "3", "--preload", WSGI),
    "uvicorn": (*UVICORN, ASGI),
    "uvicorn-sync": (*UVICORN, ASGI),
}
PROJECT = {"DJANGO_SETTINGS_MODULE": "tests.django.cases.settings"}
DATABASES = {
    "gthread": "sqlite",
    "prefork": "postgres",
    "uvicorn": "postgres",
    "uvicorn-sync": "sqlite",
}
KINDS = [
    (server, database)
    for server in SERVERS
    for database in ("sqlite", "postgres")
    if database == DATABASES[server] or "CASES_EVERY" in os.environ
]
# One middleware that is only sync, below ours.
MORE = {"uvicorn-sync": {"CASES_SYNC": "1"}}
COMPARE = ("-m", "django", "playback_compare")
CLIENTS = 3
STREAMED_BY_ASGI = ("endless", "breaking")


@dataclass
class Fleet:
    """What clients were answered by a server, what it recorded, and what came of the replays."""

    kind: str
    place: str
    folder: Path
    cases: tuple[Case, ...]
    answers: list[tuple[Case, str, Answer]]
    recordings: list[Recording]
    verdicts: dict[str, list[dict[str, Any]]]
    sent: list[str]

    @property
    def by_asgi(self) -> bool:
        return self.kind.startswith("uvicorn")

    def expected(self) -> Counter[str]:
        names = [*(case.category for case in self.cases), *SENT_WITHIN_A_CASE]
        return Counter(name for name in names for _ in range(CLIENTS))

    def recordings_of(self, category: str) -> list[Recording]:
        return [each for each in self.recordings if each.category == category]

    def responses(self, category: str) -> list[dict[str, Any]]:
        return [output_of(each) for each in self.recordings_of(category)]

    def compare(self, *arguments: str, **more: str) -> dict[str, list[dict[str, Any]]]:
        more |= {**PROJECT, **MORE.get(self.kind, {}), "CASES_DATABASE": self.place}
        document = compared_by(self.folder, COMPARE, *arguments, **more)
        categories: dict[str, list[dict[str, Any]]] = document["categories"]
        return categories


@contextmanager
def _database(postgres: PostgresServer | None, folder: Path) -> Iterator[str]:
    """Give the place of a database with a table for a block, after which it is gone."""
    table = "CREATE TABLE visits (who VARCHAR(20))"
    if postgres is not None:
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS visits")
            connection.execute(table)
        yield str(postgres.folder)
        return
    path = folder / "visits.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute(table)
    yield str(path)
    for each in folder.glob("visits.sqlite3*"):
        each.unlink()


def _fleet(kind: str, postgres: PostgresServer | None, folder: Path) -> Fleet:
    (folder / "picture").write_bytes(PICTURE)
    cases = (*CASES, *ASGI_CASES) if kind.startswith("uvicorn") else CASES
    with _database(postgres, folder) as place:
        more = {**PROJECT, **MORE.get(kind, {}), "CASES_DATABASE": place}
        with (
            serve(SERVERS[kind], folder, **more) as (port, _),
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            clients = [Client(f"c{number}", port) for number in range(CLIENTS)]
            got = list(pool.map(partial(ask_everything, cases=cases), clients))
    answers = [
        (case, client.name, answer)
        for client, own in zip(clients, got, strict=True)
        for case, answer in own.items()
    ]
    sent = (folder / "sent").read_text().splitlines()
    recordings = stored_in(folder / "playback.db")
    fleet = Fleet(kind, place, folder, cases, answers, recordings, {}, sent)
    with nullcontext() if postgres is None else postgres.gone():
        fleet.verdicts = fleet.compare()
    return fleet


def _statuses(verdicts: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {name: [each["status"] for each in all_] for name, all_ in verdicts.items()}


def _client_of(recording: Recording) -> str:
    request = request_of(recording)
    query = request["environ"].get("QUERY_STRING") or request["environ"]["query_string"].decode()
    return str(query).removeprefix("who=")


def _inputs(recording: Recording, alias: str = "lookup") -> list[str]:
    return [key for key in recording.get_all_keys() if key.startswith(f"input: {alias} ")]


@pytest.fixture(scope="session")
def fleet_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Fleet]]:
    """Return what was recorded over a kind of server with a database, which is served once."""
    with postgres_server() as postgres:

        def made(kind: str, database: str) -> Fleet:
            server = postgres if database == "postgres" else None
            return _fleet(kind, server, tmp_path_factory.mktemp(kind))

        found = cache(made)
        yield lambda kind, database="": found(kind, database or DATABASES[kind])


@pytest.fixture(params=KINDS, ids=" ".join)
def each_fleet(fleet_of: Callable[..., Fleet], request: pytest.FixtureRequest) -> Fleet:
    return fleet_of(*request.param)


@pytest.fixture(params=["gthread", "uvicorn"])
def fleet(fleet_of: Callable[..., Fleet], request: pytest.FixtureRequest) -> Fleet:
    return fleet_of(request.param)


def test_over_each_server_every_request_is_recorded_once_and_replays_equal(each_fleet):
    assert Counter(each.category for each in each_fleet.recordings) == each_fleet.expected()
    verdicts = [each for all_ in each_fleet.verdicts.values() for each in all_]
    assert [each for each in verdicts if each["status"] != "Equal"] == []
    assert Counter(category_of(each["recording_id"]) for each in verdicts) == each_fleet.expected()


def test_over_each_server_no_two_clients_mix(each_fleet):
    for recording in each_fleet.recordings:
        seen = f"{recording.get_all_keys()} {request_of(recording)} {output_of(recording)}"
        assert set(re.findall(r"\bc\d\b", seen)) == {_client_of(recording)}


def test_over_each_server_what_is_recorded_is_what_the_client_got(each_fleet):
    got = Counter(
        (case.category, name, answer.status, answer.body)
        for case, name, answer in each_fleet.answers
        if case.category not in (*STREAMED_BY_ASGI, "form")
    )
    recorded = Counter(
        (each.category, _client_of(each), output_of(each)["status"], output_of(each)["body"])
        for each in each_fleet.recordings
        if each.category not in (*STREAMED_BY_ASGI, "form")
    )
    assert recorded == got


def test_no_replay_sends_anything(each_fleet):
    assert sorted(each_fleet.sent) == [f"to c{number}" for number in range(CLIENTS)]
    sent = (each_fleet.folder / "sent").read_text().splitlines()
    assert sent == each_fleet.sent


def test_recordings_replay_with_another_secret_key_and_for_hosts_that_are_not_allowed_here(fleet):
    names = ("form", "remembered", "signed")
    verdicts = fleet.compare(*names, CASES_SECRET_KEY="another", CASES_HOSTS="shop.test")
    assert _statuses(verdicts) == {name: ["Equal"] * fleet.expected()[name] for name in names}


def test_no_value_of_a_cookie_is_stored(fleet):
    for recording in fleet.recordings:
        text = f"{request_of(recording)} {output_of(recording)}"
        for name in ("sessionid", "messages", "basket", "csrftoken"):
            assert not re.search(rf"\b{name}=(?!psd_|;)\S", text), (name, text)


def test_the_category_is_the_name_of_the_view_and_the_route_is_kept(fleet):
    for recording in fleet.recordings_of("shop:plain"):
        metadata = recording.get_metadata()
        assert (metadata["view"], metadata["route"]) == ("shop:plain", "shop/plain/<int:number>/")
        assert (metadata["method"], metadata["path"]) == ("GET", "/shop/plain/7/")
        assert metadata[TapeRecorder.KIND] == "django"
        assert metadata["_tape_recorder_versions"]["django"]


@pytest.mark.parametrize("category", ["streamed", "streamed_async"])
def test_1_2_the_calls_of_a_streamed_body_belong_to_its_operation(fleet, category):
    alias = "awaited lookup" if category == "streamed_async" else "lookup"
    for recording in fleet.recordings_of(category):
        assert len(_inputs(recording, alias)) == 3


def test_3_files_are_recorded_as_they_went(fleet):
    assert [each["body"] for each in fleet.responses("file")] == [PICTURE] * CLIENTS


@pytest.mark.parametrize(
    ("category", "kind", "how"),
    [
        ("raising", "builtins.ValueError", "unhandled"),
        ("missing", "django.http.response.Http404", "handled"),
        ("denied", "django.core.exceptions.PermissionDenied", "handled"),
        ("forgiven", "builtins.ConnectionError", "handled"),
        ("unmatched:404", "django.urls.exceptions.Resolver404", "handled"),
        ("breaking", "builtins.LookupError", "streaming"),
    ],
)
def test_4_an_exception_is_kept_whatever_answers_it(fleet, category, kind, how):
    for response in fleet.responses(category):
        assert [(each["type"], each["how"]) for each in response["exceptions"]] == [(kind, how)]


def test_4_a_client_that_leaves_gives_a_partial_answer_that_begins_with_what_it_got(fleet):
    got = {name: each.body for case, name, each in fleet.answers if case.category == "endless"}
    for recording in fleet.recordings_of("endless"):
        response = output_of(recording)
        assert response["partial"]
        assert response["body"].startswith(got[_client_of(recording)])
        assert len(response["body"]) < 2_000_000
        assert TapeRecorder.NOT_REPLAYABLE not in recording.get_metadata()


@pytest.mark.parametrize("status", [404, 301])
def test_5_requests_without_a_view_are_categories_of_their_own(fleet, status):
    for recording in fleet.recordings_of(f"unmatched:{status}"):
        metadata = recording.get_metadata()
        assert (metadata["route"], metadata["status"]) == (None, status)


def test_5_what_is_told_of_an_unknown_url_is_no_other_one_where_a_pattern_is_added(fleet):
    for response in fleet.responses("unmatched:404"):
        assert [each["message"] for each in response["exceptions"]] == [
            "no URL pattern matches 'nowhere/'"
        ]


@pytest.mark.parametrize("category", ["form_first", "uploaded", "thing-buy"])
def test_7_8_11_a_body_is_recorded_whole_in_whichever_way_it_is_read(fleet, category):
    sent = next(case.body for case in CASES if case.category == category)
    for recording in fleet.recordings_of(category):
        request = request_of(recording)
        assert request["body_complete"]
        assert request["body"].decode() == sent


def test_6_7_8_what_django_says_of_a_body_is_neither_caused_nor_masked(fleet):
    bodies = {case.category: answer.body for case, _, answer in fleet.answers}
    assert bodies["read_first"].startswith(b'["the", "RawPostDataException", "c')
    assert bodies["form_first"] == b'["Tea", 50, "RawPostDataException"]'
    assert bodies["uploaded"] == b'["TemporaryUploadedFile", 3000000, "yyy"]'


def test_6_9_10_a_body_that_is_not_read_is_not_read_for_the_application(fleet_of):
    for category in ("too_much", "unread"):
        for recording in fleet_of("gthread").recordings_of(category):
            assert request_of(recording)["body"] == b""
            assert not request_of(recording)["body_complete"]
    for recording in fleet_of("gthread").recordings_of("read_first"):
        assert request_of(recording)["body"] == b"the"
    # A handler of ASGI takes it all before there is a request.
    for recording in fleet_of("uvicorn").recordings_of("too_much"):
        assert len(request_of(recording)["body"]) == 200_000


def test_10_code_that_reads_a_body_that_was_not_read_gets_an_unrecorded_input(fleet_of):
    verdicts = fleet_of("gthread").compare("unread", CASES_CHANGED="1")["unread"]
    assert [each["status"] for each in verdicts] == ["EqualizerFailure"] * CLIENTS
    assert all("unrecorded input" in each["message"] for each in verdicts)


def test_12_13_the_cookie_of_a_form_is_a_pseudonym_and_its_page_is_as_it_was_sent(fleet):
    pages = [each for each in fleet.responses("form") if b"csrfmiddlewaretoken" in each["body"]]
    assert len(pages) == CLIENTS * 4
    statuses = Counter(each["status"] for each in fleet.responses("form"))
    assert statuses == {200: CLIENTS * 4, 403: CLIENTS * 2}
    for recording in fleet.recordings_of("form"):
        cookies = [v for n, v in output_of(recording)["headers"] if n.lower() == "set-cookie"]
        assert all(each.startswith("csrftoken=psd_") for each in cookies)


def test_19_the_calls_of_tasks_and_threads_belong_to_the_operation(fleet):
    for recording in fleet.recordings_of("gathered"):
        assert [len(_inputs(recording, "awaited lookup")), len(_inputs(recording))] == [2, 2]
    for recording in fleet.recordings_of("threads"):
        assert len(_inputs(recording)) == 3


def test_20_a_task_that_outlives_its_request_adds_nothing_to_the_recording(fleet_of):
    for recording in fleet_of("uvicorn").recordings_of("outliving"):
        assert len(_inputs(recording, "awaited lookup")) == 1


def test_a_request_by_the_test_client_within_a_view_belongs_to_its_operation(fleet):
    for recording in fleet.recordings_of("inner"):
        assert len(_inputs(recording)) == 3


def test_21_a_request_that_was_cancelled_is_recorded_and_no_replay_passes_for_it(tmp_path):
    with serve(SERVERS["uvicorn"], tmp_path, **PROJECT) as (port, _):
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/hanging/?who=c0")
        wait_for(tmp_path / "is-hanging")
        connection.close()
    (recording,) = stored_in(tmp_path / "playback.db")
    assert recording.category == "hanging"
    metadata = recording.get_metadata()
    assert metadata[TapeRecorder.EXCEPTION_IN_OPERATION]
    assert metadata[TapeRecorder.INCOMPLETE_RECORDING]
    assert len(_inputs(recording, "awaited lookup")) == 1
    document = compared_by(tmp_path, COMPARE, "--recording-id", recording.id, **PROJECT)
    (verdict,) = document["categories"]["hanging"]
    assert verdict["status"] == "EqualizerFailure"
    assert "the client left before it was answered" in verdict["message"]

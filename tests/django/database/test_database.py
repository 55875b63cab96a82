"""A project with databases, recorded over real servers by clients at once, replayed without them.

views.py has what is asked of databases, caches, sessions, users, mail and storages.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from playback_core import Recording
from playback_core.entry import Entry, EntryKind
from tests.django.database.names import NAMES, TOKEN
from tests.http_cases import Answer, Case, Client, ask_everything
from tests.interceptors.postgres_server import PostgresServer, postgres_server
from tests.interceptors.redis_server import redis_server
from tests.recorded import output_of, stored_in
from tests.servers import GUNICORN, THREADS, UVICORN, compared_by, environment, serve

WSGI = "tests.django.database.wsgi:application"
ASGI = "tests.django.database.asgi:application"
SERVERS = {
    "gthread": (*GUNICORN, *THREADS, "--workers", "2", WSGI),
    "prefork": (*GUNICORN, "--workers", "3", "--preload", WSGI),
    "uvicorn": (*UVICORN, ASGI),
}
COVERING = ("sqlite gthread", "postgres gthread", "postgres uvicorn", "sqlite prefork")
EVERY = (*COVERING, "sqlite uvicorn", "postgres prefork")
KINDS = EVERY if "CASES_EVERY" in os.environ else COVERING
PROJECT = {"DJANGO_SETTINGS_MODULE": "tests.django.database.settings"}
COMPARE = ("-m", "django", "playback_compare")
CLIENTS = 3
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ASKED: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("entered", "joined"), ("POST", "password=a+secret", FORM)),
    "tokened": ("GET", "", {"Authorization": f"Token {TOKEN}"}),
}
CASES = tuple(Case(0, f"/{name}/", name, *ASKED.get(name, ())) for name in NAMES)


class Visitor(Client):
    """A client that remembers every session it had."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sessions: set[str] = set()

    def take(self) -> Answer:
        answer = super().take()
        self.sessions.add(self.cookies.get("sessionid", ""))
        return answer


@dataclass
class Fleet:
    """What clients were answered, what was recorded, and how to replay it with all of it gone."""

    folder: Path
    more: dict[str, str]
    answers: list[tuple[Case, str, Answer]]
    recordings: list[Recording]
    sessions: set[str]

    def recordings_of(self, category: str) -> list[Recording]:
        return [each for each in self.recordings if each.category == category]

    def entries_of(self, category: str) -> list[list[Entry]]:
        return [
            [each for each in recording.entries if each.alias.startswith("django ")]
            for recording in self.recordings_of(category)
        ]

    def compare(self, *arguments: str, **more: str) -> dict[str, list[dict[str, Any]]]:
        document = compared_by(self.folder, COMPARE, *arguments, **PROJECT, **self.more, **more)
        categories: dict[str, list[dict[str, Any]]] = document["categories"]
        return categories


def _fill(folder: Path, more: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.django.database.filled"],
        cwd=folder,
        env=environment(folder, **PROJECT, **more),
        check=True,
    )


@cache
def _filled_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="filled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _fill(folder, {})
    return folder


@contextmanager
def _prepared(
    folder: Path, more: dict[str, str], postgres: PostgresServer | None
) -> Iterator[None]:
    """Fill databases for a block, and take them away after it."""
    if postgres is not None:
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            for name in ("shop", "reports"):
                connection.execute(f"DROP DATABASE IF EXISTS {name}")
                connection.execute(f"CREATE DATABASE {name}")
        _fill(folder, more)
    else:
        for path in _filled_folder().glob("*.sqlite3"):
            shutil.copy(path, folder)
    yield
    for path in (*folder.glob("*.sqlite3*"), *folder.glob("sessionid*")):
        path.unlink()
    for name in ("media", "cache"):
        shutil.rmtree(folder / name, ignore_errors=True)


def recorded(
    kind: str, folder: Path, postgres: PostgresServer | None, cases: tuple[Case, ...], **more: str
) -> Fleet:
    if postgres is not None:
        more["CASES_POSTGRES"] = str(postgres.folder)
    with (
        _prepared(folder, more, postgres),
        serve(SERVERS[kind], folder, **PROJECT, **more) as (port, _),
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        clients = [Visitor(f"c{number}", port) for number in range(CLIENTS)]
        cases = tuple(replace(case, read=Visitor.take) for case in cases)
        got = list(pool.map(partial(ask_everything, cases=cases), clients))
    answers = [
        (case, client.name, answer)
        for client, own in zip(clients, got, strict=True)
        for case, answer in own.items()
    ]
    sessions = {key for client in clients for key in client.sessions if key.strip('"')}
    return Fleet(folder, more, answers, stored_in(folder / "playback.db"), sessions)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def fleet_of(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer
) -> Callable[[str], Fleet]:
    """Return what was recorded over a kind of server and database, which is served once."""

    def made(kind: str) -> Fleet:
        database, server = kind.split()
        server_of = postgres if database == "postgres" else None
        folder = tmp_path_factory.mktemp(server)
        with redis_server() as port:
            url = f"redis://127.0.0.1:{port}"
            return recorded(server, folder, server_of, CASES, CASES_REDIS=url)

    return cache(made)


@pytest.fixture(params=KINDS)
def each_fleet(fleet_of: Callable[[str], Fleet], request: pytest.FixtureRequest) -> Fleet:
    return fleet_of(request.param)


@pytest.fixture(params=KINDS[:2])
def fleet(fleet_of: Callable[[str], Fleet], request: pytest.FixtureRequest) -> Fleet:
    return fleet_of(request.param)


def _statuses(verdicts: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {name: [each["status"] for each in all_] for name, all_ in verdicts.items()}


def test_over_each_server_and_database_every_request_replays_equal_without_them(
    each_fleet: Fleet, postgres: PostgresServer
) -> None:
    assert Counter(each.category for each in each_fleet.recordings) == dict.fromkeys(NAMES, CLIENTS)
    with postgres.gone():
        verdicts = each_fleet.compare()
    unequal = [
        (name, each["status"], each["message"])
        for name, all_ in verdicts.items()
        for each in all_
        if each["status"] != "Equal"
    ]
    assert unequal == []
    assert _statuses(verdicts) == {name: ["Equal"] * CLIENTS for name in NAMES}


def test_only_what_the_application_asks_for_is_recorded_of_a_database(each_fleet: Fleet) -> None:
    seen = {entry.alias for recording in each_fleet.recordings for entry in recording.entries}
    assert not [alias for alias in seen if "set-up" in alias or "PRAGMA" in alias]
    # Neither of the drivers, of Redis or of files: Django's own layer is above them.
    drivers = ("sqlite3", "psycopg", "redis", "files", "smtplib")
    assert not [alias for alias in seen if alias.startswith(drivers)]
    for recording in each_fleet.recordings:
        sql = [str(entry.decoded_arguments()) for entry in recording.entries if entry.arguments]
        assert not [text for text in sql if "TIME ZONE" in text or "set_config" in text]


def test_transactions_and_what_waits_for_their_end_are_recorded_in_order(fleet: Fleet) -> None:
    expected = [
        *("server", "BEGIN", "SELECT database_product", "INSERT database_order"),
        *("UPDATE database_product", "COMMIT", "SELECT database_order"),
    ]
    for entries in fleet.entries_of("ordered"):
        assert [each.alias.removeprefix("django default ") for each in entries] == expected


def test_savepoints_are_named_in_the_order_they_appear_in(fleet: Fleet) -> None:
    for entries in fleet.entries_of("refused"):
        sent = [
            each.decoded_arguments()["kwargs"]["sql"]
            for each in entries
            if each.kind is EntryKind.OUTPUT and "savepoint" in str(each.decoded_arguments())
        ]
        assert sent == [
            *("SAVEPOINT savepoint_1", "ROLLBACK TO savepoint_1", "RELEASE savepoint_1"),
            *("SAVEPOINT savepoint_2", "RELEASE savepoint_2"),
        ]


def test_each_database_has_its_own_aliases(fleet: Fleet) -> None:
    for entries in fleet.entries_of("several"):
        assert {each.alias.split()[1] for each in entries} == {"default", "reports"}


def test_a_database_that_nobody_can_connect_to_is_so_in_a_replay(fleet: Fleet) -> None:
    bodies = {output_of(each)["body"] for each in fleet.recordings_of("absent")}
    assert bodies == {b"unable to open database file OperationalError"}


def test_no_secret_of_a_session_or_password_is_stored(each_fleet: Fleet) -> None:
    stored = "".join(
        f"{entry.decoded_arguments()} {entry.decoded_result()}"
        for recording in each_fleet.recordings
        for entry in recording.entries
        if entry.alias.startswith(("django", "_tape_recorder"))
    )
    assert len(each_fleet.sessions) >= CLIENTS
    assert not [key for key in each_fleet.sessions if key in stored]
    assert "a secret" not in stored
    assert "md5$" not in stored
    assert TOKEN not in stored


def test_what_is_put_into_a_session_is_told_as_what_it_is(fleet: Fleet) -> None:
    for entries in fleet.entries_of("seen"):
        (written,) = (each for each in entries if each.alias.endswith("UPDATE django_session"))
        session = written.decoded_arguments()["kwargs"]["parameters"]["session"]
        assert (session["cart"], session["seen"]) == (["tea"], 1)


def test_querysets_and_lazy_objects_are_told_as_they_are_and_nothing_is_asked_for_it(
    fleet: Fleet,
) -> None:
    for entries in fleet.entries_of("told"):
        asked = [each.alias for each in entries if each.kind is EntryKind.INPUT]
        # That of the view itself; the user is of nobody, and asks for nothing.
        assert [alias for alias in asked if "SELECT" in alias] == [
            "django default SELECT database_product"
        ]
    for recording in fleet.recordings_of("told"):
        # As it is stored: what it is is not known where there is no Django.
        sent = [each.arguments for each in recording.entries if each.alias == "told"]
        first, second, third, _ = (bytes(each) for each in sent if isinstance(each, bytes))
        assert b'"database_product"."stock" > %s' in first
        assert b"rows" not in first
        assert b"SimpleLazyObject" in first
        assert b"AnonymousUser" not in first
        assert b"AnonymousUser" in second
        assert b"/told/" in second
        assert b"rows" in third
        assert b"Monday" in third


CHANGES = {
    "told": ("told", "Different", "parameters['stock']: 1 -> 2"),
    "query": ("listed", "EqualizerFailure", "django default SELECT database_product"),
    "write": ("ordered", "Different", "kwargs['parameters']['count']: 1 -> 2"),
    "mail": ("mailed", "Different", "output django mail"),
    "savepoint": ("ordered", "Different", "output django default SAVEPOINT"),
    "transaction": ("joined", "Different", "output django default BEGIN"),
    "session": ("entered", "Different", "['session']['cart'][0]: \"tea\" -> \"milk\""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_code_shows_as_what_it_does(
    fleet_of: Callable[[str], Fleet], postgres: PostgresServer, change: str
) -> None:
    fleet = fleet_of("postgres gthread")
    name, status, text = CHANGES[change]
    with postgres.gone():
        names = ("listed", "ordered", "mailed", "entered", "told", "joined")
        verdicts = fleet.compare(*names, CASES_CHANGED=change)
    assert {name for name, got in _statuses(verdicts).items() if "Equal" not in got} == {name}
    for each in verdicts[name]:
        shown = f"{each['message']} {each.get('diff')}"
        assert (each["status"], text in shown) == (status, True), each


NAMED = ("listed", "ordered", "refused", "broken", "raw", "logged", "streamed")


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_requests_in_transactions_and_with_logged_queries_replay_equal(
    tmp_path: Path, postgres: PostgresServer, database: str
) -> None:
    server = postgres if database == "postgres" else None
    cases = tuple(Case(0, f"/{name}/", name) for name in NAMED)
    options = {"CASES_ATOMIC": "1", "CASES_DEBUG": "1"}
    fleet = recorded("gthread", tmp_path, server, cases, **options)
    for entries in fleet.entries_of("listed"):
        assert [each.alias for each in entries if "BEGIN" in each.alias or "COMMIT" in each.alias]
    with postgres.gone():
        verdicts = fleet.compare()
    assert _statuses(verdicts) == {name: ["Equal"] * CLIENTS for name in NAMED}


@pytest.mark.parametrize(
    ("engine", "key"),
    [("cache", ""), ("cached_db", "k"), ("file", ""), ("signed_cookies", "")],
)
def test_users_stay_logged_in_by_sessions_of_every_backend(
    tmp_path: Path, engine: str, key: str
) -> None:
    names = ("entered", "seen", "left")
    cases = tuple(case for case in CASES if case.category in names)
    more = {"PLAYBACK_REDACT_KEY": key * 32} if key else {}
    fleet = recorded("gthread", tmp_path, None, cases, CASES_SESSIONS=engine, **more)
    bodies = {output_of(each)["body"].decode() for each in fleet.recordings_of("seen")}
    assert bodies == {f"c{n} [False, True, False] ['welcome c{n}'] ['tea']" for n in range(CLIENTS)}
    assert _statuses(fleet.compare()) == {name: ["Equal"] * CLIENTS for name in names}

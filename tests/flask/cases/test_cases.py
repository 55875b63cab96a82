"""The hard cases of a request, recorded over real servers by clients at once, and replayed.

The numbers are those of the cases: clients.py has what is asked, app.py what answers.
"""

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from playback_core import Recording, TapeRecorder
from tests.flask.cases.clients import CASES, PICTURE
from tests.http_cases import Answer, Case, Client, ask_everything
from tests.recorded import output_of, request_of, stored_in
from tests.servers import GUNICORN, THREADS, WAITRESS, compare, serve

MODULE = "tests.flask.cases.app"
SERVERS = {
    "gthread": (*GUNICORN, *THREADS, "--workers", "2", f"{MODULE}:app"),
    "prefork": (*GUNICORN, "--workers", "3", f"{MODULE}:app"),
    "preload": (*GUNICORN, "--workers", "2", "--preload", f"{MODULE}:app"),
    "waitress": (*WAITRESS, f"{MODULE}:app"),
    "werkzeug": ("-m", "flask", "--app", f"{MODULE}:app", "run", "--port", "0"),
}
CLIENTS = 6
EXPECTED = Counter(case.category for case in CASES for _ in range(CLIENTS))
# What the client gets is the server's own page, where the exception leaves the application.
_ANSWERED_BY_THE_SERVER = ("raising", "brittle.teardown")


@dataclass
class Fleet:
    """What clients were answered by a server, what it recorded, and what came of the replays."""

    answers: list[tuple[Case, str, Answer]]
    recordings: list[Recording]
    verdicts: dict[str, list[dict[str, Any]]]
    sent: list[str]
    sent_after_replays: list[str]
    folder: Path

    def recordings_of(self, category: str) -> list[Recording]:
        return [each for each in self.recordings if each.category == category]

    def requests(self, category: str) -> list[dict[str, Any]]:
        return [request_of(each) for each in self.recordings_of(category)]

    def responses(self, category: str) -> list[dict[str, Any]]:
        return [output_of(each) for each in self.recordings_of(category)]

    def statuses(self) -> dict[str, list[str]]:
        return {name: [each["status"] for each in all_] for name, all_ in self.verdicts.items()}


def _fleet(kind: str, folder: Path) -> Fleet:
    # With a tracing tool around and within, in one of them.
    more = {"CASES_SENTRY": "1"} if kind == "preload" else {}
    with serve(SERVERS[kind], folder, **more) as (port, _), ThreadPoolExecutor(CLIENTS) as pool:
        clients = [Client(f"c{number}", port) for number in range(CLIENTS)]
        answers = list(pool.map(partial(ask_everything, cases=CASES), clients))
    sent = (folder / "sent").read_text().splitlines()
    documents = [compare(folder, f"{MODULE}:{name}", **more) for name in ("app", "strict")]
    return Fleet(
        [
            (case, client.name, answer)
            for client, got in zip(clients, answers, strict=True)
            for case, answer in got.items()
        ],
        [each for name in ("app", "strict") for each in stored_in(folder / f"{name}.db")],
        documents[0]["categories"] | documents[1]["categories"],
        sent,
        (folder / "sent").read_text().splitlines(),
        folder,
    )


def _client_of(recording: Recording) -> str:
    return str(request_of(recording)["environ"]["QUERY_STRING"]).removeprefix("who=")


def _inputs(recording: Recording, alias: str = "lookup") -> list[str]:
    return [key for key in recording.get_all_keys() if key.startswith(f"input: {alias} ")]


@pytest.fixture(scope="session")
def fleet_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Fleet]:
    """Return what was recorded over a kind of server, which is served once."""
    return cache(lambda kind: _fleet(kind, tmp_path_factory.mktemp(kind)))


@pytest.fixture
def fleet(fleet_of: Callable[[str], Fleet]) -> Fleet:
    return fleet_of("gthread")


@pytest.mark.parametrize("kind", SERVERS)
def test_over_each_server_every_request_is_recorded_once_and_replays_equal(fleet_of, kind):
    fleet = fleet_of(kind)
    assert Counter(each.category for each in fleet.recordings) == EXPECTED
    assert fleet.statuses() == {name: ["Equal"] * count for name, count in EXPECTED.items()}


@pytest.mark.parametrize("kind", SERVERS)
def test_over_each_server_no_two_clients_mix(fleet_of, kind):
    for recording in fleet_of(kind).recordings:
        seen = f"{recording.get_all_keys()} {request_of(recording)} {output_of(recording)}"
        assert set(re.findall(r"\bc\d\b", seen)) == {_client_of(recording)}


@pytest.mark.parametrize("kind", SERVERS)
def test_over_each_server_what_is_recorded_is_what_the_client_got(fleet_of, kind):
    fleet = fleet_of(kind)
    got = Counter(
        (case.category, name, answer.status, answer.body)
        for case, name, answer in fleet.answers
        if case.category not in (*_ANSWERED_BY_THE_SERVER, "endless")
    )
    recorded = Counter(
        (each.category, _client_of(each), output_of(each)["status"], output_of(each)["body"])
        for each in fleet.recordings
        if each.category not in (*_ANSWERED_BY_THE_SERVER, "endless")
    )
    assert recorded == got


def test_no_replay_sends_anything(fleet):
    assert sorted(fleet.sent) == [f"to c{number}" for number in range(CLIENTS)]
    assert fleet.sent_after_replays == fleet.sent


@pytest.mark.parametrize(
    ("category", "count"),
    [("generated", 3), ("in_context", 3), ("breaking", 3), ("handed_over", 3), ("endless", 1)],
)
def test_1_2_3_4_5_the_calls_of_a_streamed_body_belong_to_its_operation(fleet, category, count):
    for recording in fleet.recordings_of(category):
        assert len(_inputs(recording)) == count


def test_3_a_client_that_leaves_gives_a_partial_answer_that_begins_with_what_it_got(fleet):
    got = {name: answer.body for case, name, answer in fleet.answers if case.number == 3}
    for recording in fleet.recordings_of("endless"):
        response = output_of(recording)
        assert response["partial"]
        assert response["body"].startswith(got[_client_of(recording)])
        assert len(response["body"]) < 2_000_000
        assert TapeRecorder.NOT_REPLAYABLE not in recording.get_metadata()


def test_4_an_exception_in_mid_stream_is_kept_with_status_and_bytes(fleet):
    for response in fleet.responses("breaking"):
        assert (response["status"], response["partial"]) == (200, False)
        assert response["exceptions"] == [
            {"type": "builtins.LookupError", "message": "the row is gone", "how": "streaming"}
        ]


def test_6_files_and_what_is_passed_through_are_recorded_as_they_went(fleet):
    assert [each["body"] for each in fleet.responses("sent_file")] == [PICTURE] * CLIENTS
    for response in fleet.responses("passed_through"):
        assert response["body"].startswith(PICTURE[:1000])


def test_7_the_calls_of_an_async_view_belong_to_its_operation(fleet):
    for recording in fleet.recordings_of("awaited"):
        assert [len(_inputs(recording, "awaited lookup")), len(_inputs(recording))] == [2, 1]


@pytest.mark.parametrize(("category", "count"), [("copied_context", 2), ("threads", 4)])
def test_8_9_the_calls_of_threads_belong_to_the_operation(fleet, category, count):
    for recording in fleet.recordings_of(category):
        assert len(_inputs(recording)) == count


@pytest.mark.parametrize("status", [404, 405, 308])
def test_10_requests_without_a_view_are_categories_of_their_own(fleet, status):
    for recording in fleet.recordings_of(f"unmatched:{status}"):
        metadata = recording.get_metadata()
        assert (metadata["rule"], metadata["status"]) == (None, status)


def test_11_the_category_of_a_nested_blueprint_is_its_endpoint_and_the_rule_is_kept(fleet):
    for recording in fleet.recordings_of("api.v1.users"):
        assert recording.get_metadata()["rule"] == "/api/v1/users"


def test_12_an_exception_that_leaves_the_application_is_the_outcome(fleet):
    for recording in fleet.recordings_of("raising"):
        assert recording.get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION]
        assert request_of(recording)["app"]["propagate_exceptions"]
        assert isinstance(output_of(recording), ValueError)


def test_13_an_exception_of_the_teardown_is_kept_with_the_answer_that_was_built(fleet):
    for response in fleet.responses("brittle.teardown"):
        assert response["status"] == 200
        (exception,) = response["exceptions"]
        assert (exception["message"], exception["how"]) == ("while tearing down", "after response")


@pytest.mark.parametrize(
    ("category", "how", "status"),
    [("forgiving.forgiven", "handled", 503), ("unhandled", "unhandled", 500)],
)
def test_14_an_exception_is_kept_whether_or_not_a_handler_swallows_it(fleet, category, how, status):
    for response in fleet.responses(category):
        assert response["status"] == status
        assert [each["how"] for each in response["exceptions"]] == [how]


@pytest.mark.parametrize("category", ["read_as_stream", "form_first", "data_first"])
def test_15_16_a_body_is_recorded_whole_in_whichever_way_it_is_read(fleet, category):
    sent = next(case.body for case in CASES if case.category == category)
    for request in fleet.requests(category):
        assert request["body_complete"]
        assert request["body"].decode() == sent


def test_17_a_chunked_body_is_read_where_the_server_says_that_it_ends_it(fleet):
    found = Counter(
        ("wsgi.input_terminated" in each["environ"], each["body"], each["body_complete"])
        for each in fleet.requests("chunked")
    )
    assert found == {(True, b"one, two", True): CLIENTS, (False, b"", False): CLIENTS}


def test_18_code_that_reads_a_body_that_was_not_read_gets_an_unrecorded_input(fleet):
    assert not any(each["body_complete"] for each in fleet.requests("unread"))
    changed = compare(fleet.folder, f"{MODULE}:app", "unread", CASES_CHANGED="1")
    verdicts = changed["categories"]["unread"]
    assert [each["status"] for each in verdicts] == ["EqualizerFailure"] * CLIENTS
    assert all("unrecorded input" in each["message"] for each in verdicts)


def test_19_a_session_is_recorded_by_what_it_holds(fleet):
    for response in fleet.responses("login"):
        (cookie,) = [value for name, value in response["headers"] if name == "Set-Cookie"]
        assert cookie.startswith("session=<session>; ")
    for recording in fleet.recordings_of("me"):
        key = next(key for key in recording.get_all_keys() if "open_session" in key)
        assert recording.get_data(key)["value"]["content"]["name"].startswith(_client_of(recording))


def test_20_a_request_within_a_view_is_a_span_and_the_outer_operation_goes_on(fleet):
    for recording in fleet.recordings_of("outer"):
        keys = recording.get_all_keys()
        spans = [key for key in keys if key.startswith("span: ")]
        assert spans == ["span: generated #1.output", "span: generated #1.result"]
        assert len(_inputs(recording)) == 5


def test_21_what_other_tools_put_into_the_environment_is_recorded_where_it_is_plain(fleet):
    for request in fleet.requests("instrumented"):
        environ = request["environ"]
        assert environ["tools"] == " outer"
        assert environ["REMOTE_ADDR"] == "10.1.2.3"
        assert not any(name.endswith(".span") for name in environ)

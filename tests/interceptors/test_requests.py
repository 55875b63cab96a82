"""requests: what an application gets from servers is recorded, and given again without them."""

import asyncio
import io
import json
import os
import pickle
from array import array
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from requests.adapters import HTTPAdapter

from playback_core import RecordingKeyError, TapeRecorder, clock
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.codec.redaction import Redactor
from playback_core.http_redaction import HttpRedactor
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.http_server import CODINGS, LARGE, replays_equal
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


def test_an_answer_is_given_again_with_all_that_an_application_reads_of_it(site):
    def work():
        answer = requests.get(f"{site.url}/status/404", params={"q": "ä"})
        with pytest.raises(requests.HTTPError) as raised:
            answer.raise_for_status()
        assert raised.value.response is answer
        return (
            *(answer.status_code, answer.reason, answer.json(), answer.url, answer.encoding),
            *(list(answer.headers.items()), answer.ok, answer.raw.version, str(raised.value)),
            *(answer.request.method, answer.raw.closed),
        )

    assert replays_equal(site, work).calls[1:2] == [("INPUT", "http GET 127.0.0.1")]


def test_how_long_an_answer_took_is_told_again(site):
    def work():
        return requests.get(f"{site.url}/things").elapsed

    replays_equal(site, work)


def test_how_long_an_answer_took_is_recorded_by_what_is_installed_after_a_replay(site):
    def work():
        return requests.get(f"{site.url}/things").elapsed

    uninstall_interceptors()
    clock.uninstall()
    Runs(lambda: None).replayed()
    install_interceptors()
    replays_equal(site, work)


def test_redirects_are_calls_of_their_own_and_cookies_go_with_them(site):
    def work():
        with requests.Session() as session:
            answer = session.get(f"{site.url}/redirect")
            steps = [(step.status_code, step.cookies.get_dict()) for step in answer.history]
            return answer.json(), steps, session.cookies.get_dict()

    recorded = replays_equal(site, work)
    assert recorded.result[1] == [(302, {"first": "1", "second": "2"})]
    assert recorded.result[0]["cookie"] == "first=1; second=2"
    assert len([kind for kind, _ in recorded.calls if kind == "INPUT"]) == 2


def test_what_writes_is_an_output_and_compared_by_what_it_sent(site):
    def work(amount=3):
        return requests.put(f"{site.url}/orders", json={"amount": amount}).json()

    recorded = Runs(work)
    site.stop()
    result, playback = recorded.replayed(lambda: work(4))
    assert result == recorded.result
    recorded_body, replayed_body = [
        each[0].value["kwargs"]["body"]
        for each in (playback.recorded_outputs, playback.playback_outputs)
    ]
    assert (recorded_body, replayed_body) == (b'{"amount": 3}', b'{"amount": 4}')


@pytest.mark.parametrize("path", ["gzip", "chunked", "things", "close"])
@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer.content,
        lambda answer: list(answer.iter_content(3)),
        lambda answer: list(answer.iter_content(None)),
        lambda answer: list(answer.iter_lines()),
        lambda answer: answer.raw.read(),
        lambda answer: [answer.raw.read(2), answer.raw.read(3, decode_content=False)],
        lambda answer: (answer.raw.read1(4), answer.close()),
        lambda answer: list(answer.raw.stream(5, decode_content=True)),
    ],
)
def test_a_streamed_body_is_given_again_however_it_is_read(site, path, read):
    def work():
        with requests.get(f"{site.url}/{path}", stream=True) as answer:
            return read(answer)

    replays_equal(site, work)


def test_of_a_body_that_was_left_more_than_was_read_is_a_miss(site):
    def work(size=4):
        answer = requests.get(f"{site.url}/chunked", stream=True)
        first = next(answer.iter_content(size))
        answer.close()
        return first

    recorded = Runs(work)
    assert recorded.replayed(work)[0] == b"one "

    def more():
        return requests.get(f"{site.url}/chunked", stream=True).content

    with pytest.raises(RecordingKeyError, match="4 bytes of this response were read"):
        recorded.replayed(more)
    assert recorded.recording.entries[1].outcome().get()["ending"] == "partial"


def test_an_application_that_reads_nothing_leaves_the_body_alone(site):
    def work():
        answer = requests.get(f"{site.url}/large", stream=True)
        answer.close()
        return answer.headers["Content-Length"]

    recorded = replays_equal(site, work)
    assert recorded.recording.entries[1].outcome().get()["body"] == b""


def test_a_body_over_the_limit_reaches_the_application_and_the_recording_is_marked(site):
    def work():
        answer = requests.get(f"{site.url}/large", stream=True)
        return sum(map(len, answer.iter_content(1024 * 1024)))

    recorded = Runs(work)
    assert recorded.result == LARGE
    reason = recorded.recording.get_metadata()[NOT_REPLAYABLE]
    assert "http GET 127.0.0.1" in reason
    assert "BODY_LIMIT" in reason
    assert len(recorded.recording.entries[1].outcome().get()["body"]) == 1024 * 1024


@pytest.mark.parametrize(
    ("path", "timeout", "expected"),
    [
        ("drop", None, requests.ConnectionError),
        ("silent", 0.05, requests.ReadTimeout),
        ("cut", None, requests.exceptions.ChunkedEncodingError),
        ("broken", None, requests.exceptions.ChunkedEncodingError),
        ("stall", 0.05, requests.ConnectionError),
    ],
)
def test_what_fails_fails_again_with_the_same_exception(site, path, timeout, expected):
    def work():
        url = f"{site.url}/{path}"
        try:
            requests.get(url, timeout=timeout)
        except requests.RequestException as error:
            inner = error.args[0]
            request = error.request and error.request.url
            return type(error), str(error), type(inner), inner.args[0], request

    assert replays_equal(site, work).result[0] is expected


def test_a_refused_connection_is_refused_again(site):
    site.stop()

    def work():
        with pytest.raises(requests.ConnectionError) as raised:
            requests.get(site.url)
        error = raised.value
        return str(error), type(error.args[0].reason), error.request.url, error.response

    recorded = Runs(work)
    assert recorded.replayed(work)[0] == recorded.result


def pieces():
    yield b"first "
    yield b"second"


@pytest.mark.parametrize(
    ("make", "sent"),
    [
        (lambda: {"data": pieces()}, b"first second"),
        (lambda: {"data": io.BytesIO(b"of a file")}, b"of a file"),
        (lambda: {"data": "ein Text: ä"}, "ein Text: ä".encode()),
        (lambda: {"data": {"a": "1", "b": "2"}}, b"a=1&b=2"),
        (lambda: {"data": array("B", b"an array")}, b"an array"),
        (lambda: {"data": iter([])}, None),
    ],
)
def test_a_body_is_recorded_as_it_is_sent(site, make, sent):
    def work():
        answer = requests.post(f"{site.url}/upload", **make())
        return answer.json()["size"], type(answer.request.body)

    recorded = replays_equal(site, work)
    body = recorded.recording.entries[1].decoded_arguments()["kwargs"].get("body")
    assert (body or b"") == site.bodies[0]
    assert body == sent


def test_a_body_that_fails_while_it_is_sent_fails_again(site):
    def broken():
        yield b"first "
        raise LookupError("no more")

    def work():
        with pytest.raises(LookupError) as raised:
            requests.post(f"{site.url}/upload", data=broken())
        return str(raised.value)

    assert replays_equal(site, work).result == "no more"


def test_a_file_is_uploaded_and_its_parts_are_recorded(site):
    def work():
        files = {"picture": ("cat.png", io.BytesIO(b"\x89PNG"), "image/png")}
        return requests.post(f"{site.url}/upload", files=files, data={"name": "cat"}).json()

    recorded = replays_equal(site, work)
    fields = recorded.recording.entries[1].decoded_arguments()["kwargs"]
    assert fields["headers"]["content-type"] == ["multipart/form-data; boundary=boundary"]
    boundary = site.bodies[0].partition(b"\r\n")[0]
    assert fields["body"] == site.bodies[0].replace(boundary, b"--boundary")

    def other_boundary():
        os.urandom(16)
        return work()

    _, playback = recorded.replayed(other_boundary)
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_huge_body_costs_no_recording(site):
    def work():
        return requests.post(f"{site.url}/upload", data=bytes(70 * 1024**2)).json()["size"]

    assert Runs(work).recorder.counters == {"recorded": 1}


def test_of_a_body_over_the_limit_the_digest_is_compared(site):
    def work(last=b"b"):
        data = b"a" * 1024 * 1024 + last
        return requests.post(f"{site.url}/upload", data=data).json()["size"]

    recorded = replays_equal(site, work)
    body = recorded.recording.entries[1].decoded_arguments()["kwargs"]["body"]
    assert body["size"] == 1024 * 1024 + 1
    _, playback = recorded.replayed(lambda: work(b"c"))
    assert playback.playback_outputs != playback.recorded_outputs


SECRETS = ["tok-4711", "cook-4711", "geheim-4711", "hunter2"]


@pytest.mark.parametrize("kind", [HttpRedactor, Redactor])
def test_no_secret_is_stored_and_a_replay_finds_its_calls_by_secret_and_by_pseudonym(site, kind):
    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = kind(key=b"k" * 16)

    def work():
        with requests.Session() as session:
            headers = {"Authorization": "Bearer geheim-4711"}
            url = f"{site.url}/secret?api_key=geheim-4711&page=1"
            token = session.get(url, headers=headers).json()["token"]
            session.post(f"{site.url}/chunked", json={"token": token, "amount": 3})
            session.post(f"{site.url}/chunked", data={"password": "hunter2", "user": "ann"})
            session.get(f"{site.url}/chunked?token={token}", auth=("ann", token))
            return session.get(f"{site.url}/gzip").status_code

    recorded = Runs(work, recorder=recorder)
    stored = repr(
        [(each.decoded_arguments(), each.decoded_result()) for each in recorded.recording.entries]
    )
    assert [secret for secret in SECRETS if secret in stored] == []
    site.stop()
    result, playback = recorded.replayed(work)
    assert (result, playback.missed, playback.moved) == (200, [], [])
    assert playback.playback_outputs == playback.recorded_outputs


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_whose_secret_was_taken_out_is_in_its_coding_still(site, coding):
    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = HttpRedactor(key=b"k" * 16)

    def work():
        return requests.get(f"{site.url}/gzip?coding={coding}").json()

    recorded = Runs(work, recorder=recorder)
    result, _ = recorded.replayed(work)
    assert recorded.result == {"hit": 1, "password": "hunter2"}
    assert result["hit"] == 1
    assert result["password"].startswith("psd_")


def test_the_secrets_of_a_query_are_taken_out_of_the_text_of_an_exception(site):
    site.stop()
    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = HttpRedactor(key=b"k" * 16)

    def work():
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{site.url}/x?token=geheim-4711")

    (entry,) = Runs(work, recorder=recorder).recording.entries[1:2]
    assert "geheim" not in str(entry.decoded_result())


def test_a_query_in_another_order_and_other_credentials_mean_the_same(site):
    def work(query="a=1&b=2", user="ann"):
        return requests.get(f"{site.url}/things?{query}", auth=(user, "secret")).json()

    recorded = Runs(work)
    result, playback = recorded.replayed(lambda: work("b=2&a=1", "bob"))
    assert result == recorded.result
    assert [each.how for each in playback.moved] == ["normalised"]


def test_the_user_of_a_url_is_not_stored(site):
    url = site.url.replace("http://", "http://ann:geheim@")
    recorded = replays_equal(site, lambda: requests.get(f"{url}/things").json())
    assert b"geheim" not in recorded.recording.entries[1].arguments


def test_a_call_that_was_not_recorded_names_what_differs(site):
    recorded = Runs(lambda: requests.get(f"{site.url}/things/1").json())
    with pytest.raises(RecordingKeyError, match=r"things/1.*things/2"):
        recorded.replayed(lambda: requests.get(f"{site.url}/things/2").json())
    assert site.hits == ["GET /things/1"]


def test_an_adapter_of_the_applications_own_is_recorded_and_used_again(site):
    class Marking(HTTPAdapter):
        def build_response(self, request, response):
            answer = super().build_response(request, response)
            answer.mark = "mine"
            return answer

    def work():
        with requests.Session() as session:
            session.mount("http://", Marking())
            return session.get(site.url).mark

    assert replays_equal(site, work).result == "mine"


def test_answers_can_be_pickled_as_without_us(site):
    def work():
        copy = pickle.loads(pickle.dumps(requests.get(f"{site.url}/things")))
        return copy.json(), copy.status_code

    replays_equal(site, work)


def test_without_an_operation_requests_are_left_alone(site):
    assert requests.get(f"{site.url}/chunked").content == b"one two three"
    assert json.loads(requests.post(site.url, data=pieces()).content)["size"] == 12


def test_https_is_replayed_without_a_handshake(secure_site):
    site, certificate = secure_site

    def work():
        return requests.get(f"{site.url}/things", verify=str(certificate)).json()

    replays_equal(site, work)


def test_a_certificate_that_is_not_trusted_is_refused_again(secure_site):
    site, _ = secure_site

    def work():
        with pytest.raises(requests.exceptions.SSLError) as raised:
            requests.get(f"{site.url}/things")
        return str(raised.value)

    assert "CERTIFICATE_VERIFY_FAILED" in replays_equal(site, work).result


def test_what_is_read_after_the_operation_is_not_recorded_and_not_kept_from_the_reader(site):
    recorded = Runs(lambda: requests.get(f"{site.url}/chunked", stream=True))
    assert recorded.result.content == b"one two three"
    kept = recorded.recording.entries[1].outcome().get()
    assert (kept["body"], kept["ending"]) == (b"", "partial")
    assert recorded.recorder.counters == {"recorded": 1, "late": 1}


def test_an_answer_that_cannot_be_kept_costs_the_recording_and_not_the_call(site, caplog):
    class Bare(HTTPAdapter):
        def build_response(self, request, response):
            response.close()
            answer = requests.Response()
            answer.status_code = 299
            return answer

    def work():
        with requests.Session() as session:
            session.mount("http://", Bare())
            return session.request("GET", site.url, stream=True, allow_redirects=False).status_code

    recorder = TapeRecorder(InMemoryTapeCassette())
    with recorder.enabled_recording():
        assert recorder.operation(category="work")(work)() == 299
    assert recorder.counters == {"failed": 1}
    assert "requests.adapters:HTTPAdapter.send" in caplog.text


def test_calls_of_threads_and_tasks_find_their_answers(site):
    async def fetch(number):
        return await asyncio.to_thread(lambda: requests.get(f"{site.url}/{number}").json()["path"])

    async def several():
        return await asyncio.gather(*map(fetch, range(8)))

    def work():
        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(requests.get, f"{site.url}/t{number}") for number in range(8)]
            return [each.result().json()["path"] for each in futures], asyncio.run(several())

    recorded = Runs(work)
    site.stop()
    result, playback = recorded.replayed(work)
    assert (result, playback.missed) == (recorded.result, [])

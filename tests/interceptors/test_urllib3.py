"""urllib3: calls of pools and pool managers are recorded, and given again without a server."""

import io

import pytest
import urllib3
from urllib3.exceptions import UnrewindableBodyError
from urllib3.util.retry import Retry

from playback_core import RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.http_redaction import HttpRedactor
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.http_server import LARGE, replays_equal
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

ALIAS = "http GET 127.0.0.1"


def call(site, method="GET", path="/things", **options):
    with urllib3.PoolManager() as manager:
        return manager.request(method, f"{site.url}{path}", **options)


@pytest.mark.parametrize("path", ["/things", "/gzip", "/chunked", "/status/404"])
@pytest.mark.parametrize("decode", [True, False])
def test_an_answer_that_is_read_at_once_is_given_again(site, path, decode):
    def work():
        answer = call(site, path=path, decode_content=decode)
        again = (answer.read(), answer.closed)
        return answer.status, answer.data, list(answer.headers.items()), answer.reason, again

    assert replays_equal(site, work).calls[1] == ("INPUT", ALIAS)


@pytest.mark.parametrize("path", ["/things", "/gzip", "/chunked"])
@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer.data,
        lambda answer: list(answer.stream(3)),
        lambda answer: [answer.read(4), answer.read1(4)],
        lambda answer: [answer.read(decode_content=False)],
        lambda answer: answer.release_conn(),
    ],
)
def test_an_answer_that_is_streamed_is_given_again(site, path, read):
    def work():
        answer = call(site, path=path, preload_content=False)
        try:
            return read(answer)
        finally:
            answer.close()

    replays_equal(site, work)


def test_an_answer_that_was_read_at_once_is_streamed_by_changed_code(site):
    recorded = Runs(lambda: call(site, path="/gzip").data)
    streamed, _ = recorded.replayed(lambda: call(site, path="/gzip", preload_content=False).read())
    assert streamed == recorded.result


def test_an_answer_that_was_streamed_is_read_at_once_by_changed_code(site):
    recorded = Runs(lambda: call(site, path="/gzip", preload_content=False).read())
    assert recorded.replayed(lambda: call(site, path="/gzip").data)[0] == recorded.result


def test_redirects_of_a_manager_are_calls_of_their_own(site):
    def work():
        answer = call(site, path="/redirect")
        return answer.json()["path"], answer.geturl()

    recorded = replays_equal(site, work)
    assert recorded.result[0] == "/landing"
    assert [alias for _, alias in recorded.calls].count(ALIAS) == 2


def test_retries_of_a_pool_are_one_call(site):
    def work():
        with urllib3.HTTPConnectionPool(site.host) as pool:
            with pytest.raises(urllib3.exceptions.MaxRetryError) as raised:
                pool.request("GET", "/drop", retries=2)
            error = raised.value
            return str(error), error.url, type(error.reason), error.pool is pool

    recorded = replays_equal(site, work)
    assert site.hits == ["GET /drop"] * 3
    assert [alias for _, alias in recorded.calls].count(ALIAS) == 1


def numbers():
    yield b"one "
    yield "two"


@pytest.mark.parametrize("positional", [True, False])
@pytest.mark.parametrize(
    ("make", "sent"),
    [
        (numbers, b"one two"),
        (lambda: io.BytesIO(b"a file"), b"a file"),
        (lambda: io.StringIO("ein Text: ä"), "ein Text: ä".encode()),
        (lambda: "text", b"text"),
        (lambda: bytearray(b"bytes"), b"bytes"),
    ],
)
def test_a_body_is_an_output_as_it_is_sent(site, make, sent, positional):
    def work():
        with urllib3.HTTPConnectionPool(site.host) as pool:
            if positional:
                return pool.urlopen("POST", "/upload", make()).json()["size"]
            return pool.urlopen(method="POST", url="/upload", body=make()).json()["size"]

    recorded = replays_equal(site, work)
    kind, alias = recorded.calls[1]
    assert (kind, alias) == ("OUTPUT", "http POST 127.0.0.1")
    fields = recorded.recording.entries[1].decoded_arguments()["kwargs"]
    assert fields["body"] == sent == site.bodies[0]
    assert fields["url"] == f"{site.url}/upload"


def test_a_file_that_is_sent_again_after_a_lost_connection_is_recorded_once(site):
    def work():
        pool = urllib3.HTTPConnectionPool(site.host)
        with pool, pytest.raises(urllib3.exceptions.MaxRetryError):
            pool.urlopen("PUT", "/drop", io.BytesIO(b"twice"), retries=1)

    recorded = replays_equal(site, work)
    assert site.bodies == [b"twice", b"twice"]
    fields = recorded.recording.entries[1].decoded_arguments()["kwargs"]
    assert fields["body"] == b"twice"


def test_a_list_that_is_sent_again_is_sent_whole_and_recorded_once(site):
    def work():
        pool = urllib3.HTTPConnectionPool(site.host)
        with pool, pytest.raises(urllib3.exceptions.MaxRetryError):
            pool.urlopen("PUT", "/drop", [b"by ", b"piece"], retries=1)

    recorded = replays_equal(site, work)
    assert site.bodies == [b"by piece", b"by piece"]
    fields = recorded.recording.entries[1].decoded_arguments()["kwargs"]
    assert fields["body"] == b"by piece"


def test_what_gives_a_body_piece_by_piece_may_make_calls_of_its_own(site):
    def pieces():
        yield call(site).data

    def work():
        return call(site, "POST", body=pieces()).json()["size"]

    recorded = replays_equal(site, work)
    assert {alias for _, alias in recorded.calls} >= {ALIAS, "http POST 127.0.0.1"}


def test_headers_of_the_pool_count(site):
    def work(token="one"):
        with urllib3.HTTPConnectionPool(site.host, headers={"X-Tenant": token}) as pool:
            return pool.request("GET", "/things").data

    recorded = Runs(work)
    with pytest.raises(RecordingKeyError, match="x-tenant"):
        recorded.replayed(lambda: work("two"))


def test_a_body_over_the_limit_marks_the_recording(site):
    recorded = Runs(lambda: len(call(site, path="/large").data))
    assert recorded.result == LARGE
    assert "BODY_LIMIT" in recorded.recording.get_metadata()[NOT_REPLAYABLE]


def test_a_secret_is_found_also_where_the_encoding_was_taken_off(site):
    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = HttpRedactor(key=b"k" * 16)
    recorded = Runs(lambda: call(site, path="/gzip").json()["hit"], recorder=recorder)
    stored = recorded.recording.entries[1].decoded_result()
    assert b"hunter2" not in stored["body"]
    assert b"password" in stored["body"]
    assert recorded.replayed(lambda: call(site, path="/gzip").json()["hit"])[0] == 1


def test_without_an_operation_bodies_are_not_touched(site):
    body = numbers()
    assert call(site, "POST", body=body).json()["size"] == 7


class Tellable:
    """A body that is read and tells its place, and cannot go back."""

    def __init__(self):
        self.left = [b"all of it", b""]

    def read(self, size=-1):
        return self.left.pop(0) if self.left else b""

    def tell(self):
        return 0


def test_a_body_that_cannot_be_sent_again_fails_as_it_does_without_recording(site):
    site.stop()

    def work():
        with pytest.raises(UnrewindableBodyError) as caught:
            call(site, "POST", body=Tellable(), retries=Retry(2, allowed_methods=["POST"]))
        return str(caught.value)

    expected = work()
    assert Runs(work).result == expected

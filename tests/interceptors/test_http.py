"""http.client and urllib.request: requests and their answers are recorded and given again."""

import http.client
import io
import json
import ssl
import urllib.error
import urllib.request
from array import array

import pytest

from playback_core import RecordingKeyError
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.http_server import LARGE, replays_equal
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

GET = ("INPUT", "http GET 127.0.0.1")
CONNECT = ("INPUT", "http connect 127.0.0.1")


def test_urlopen_is_answered_again_redirects_included(site):
    def work():
        with urllib.request.urlopen(f"{site.url}/redirect") as answer:
            return answer.status, answer.url, answer.read(), answer.headers.items(), answer.reason

    recorded = replays_equal(site, work)
    assert recorded.calls[1:5] == [CONNECT, GET, CONNECT, GET]


def test_an_error_status_is_raised_again_with_its_body(site):
    def work():
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"{site.url}/status/404")
        with raised.value as error:
            return error.code, error.reason, error.read()

    replays_equal(site, work)


@pytest.mark.parametrize("path", ["things", "chunked", "gzip"])
@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer.read(),
        lambda answer: [answer.read(3), answer.read(2)],
        lambda answer: [answer.read1(3), answer.readline()],
        lambda answer: (answer.readinto(bytearray(4)), answer.read()),
        lambda answer: list(answer),
        lambda answer: (answer.peek(1)[:1], answer.read()),
    ],
)
def test_a_body_is_given_again_however_it_is_read(site, path, read):
    def work():
        with urllib.request.urlopen(f"{site.url}/{path}") as answer:
            return read(answer)

    replays_equal(site, work)


def test_a_connection_that_stays_open_is_asked_again(site):
    def work():
        connection = http.client.HTTPConnection(site.host)
        bodies = []
        for path in ("/first", "/chunked", "/third"):
            connection.request("GET", path)
            bodies.append(connection.getresponse().read())
        connection.close()
        return bodies

    recorded = replays_equal(site, work)
    assert recorded.calls[1:5] == [CONNECT, GET, GET, GET]


def test_a_connection_from_before_the_operation_is_answered_within_it(site):
    connection = http.client.HTTPConnection(site.host)
    connection.request("GET", "/before")
    connection.getresponse().read()

    def work():
        connection.request("GET", "/within")
        return connection.getresponse().read()

    recorded = Runs(work)
    site.stop()
    hits = len(site.hits)
    result, playback = recorded.replayed(work)
    assert (result, playback.missed, len(site.hits)) == (recorded.result, [], hits)
    connection.close()


def pieces():
    yield b"first "
    yield b"second"


@pytest.mark.parametrize(
    ("make", "sent"),
    [
        (lambda: b"bytes", b"bytes"),
        (lambda: "text", b"text"),
        (pieces, b"first second"),
        (lambda: io.BytesIO(b"a file"), b"a file"),
        (lambda: array("B", b"an array"), b"an array"),
        (lambda: [b"in ", b"a ", b"list"], b"in a list"),
        (lambda: io.StringIO("ein Text: ä"), "ein Text: ä".encode("latin-1")),
    ],
)
def test_a_body_is_an_output_as_it_is_sent(site, make, sent):
    def work():
        connection = http.client.HTTPConnection(site.host)
        connection.request("POST", "/upload", make(), {"X-Kind": "upload"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["size"]

    recorded = replays_equal(site, work)
    (post,) = [each for each in recorded.recording.entries if "POST" in each.alias]
    fields = post.decoded_arguments()["kwargs"]
    assert fields["body"] == sent == site.bodies[0]
    assert fields["headers"]["x-kind"] == ["upload"]
    assert fields["url"] == f"{site.url}/upload"


def test_a_request_that_is_put_together_by_hand_is_recorded(site):
    def work():
        connection = http.client.HTTPConnection(site.host)
        connection.putrequest("PUT", "/upload")
        connection.putheader("Content-Length", "14")
        connection.endheaders()
        connection.send(b"by ")
        connection.send([b"hand", b", "])
        connection.send(io.BytesIO(b"piece"))
        size = json.loads(connection.getresponse().read())["size"]
        connection.close()
        return size

    recorded = replays_equal(site, work)
    (put,) = [each for each in recorded.recording.entries if "PUT" in each.alias]
    assert put.decoded_arguments()["kwargs"]["body"] == b"by hand, piece"


def test_a_request_whose_answer_nobody_asks_for_is_sent_and_compared(site):
    def work(body=b"one"):
        connection = http.client.HTTPConnection(site.host)
        connection.request("POST", "/hook", body)
        connection.close()

    recorded = replays_equal(site, work)
    assert recorded.calls[1:3] == [CONNECT, ("OUTPUT", "http POST 127.0.0.1")]
    _, playback = recorded.replayed(lambda: work(b"two"))
    assert playback.playback_outputs != playback.recorded_outputs


@pytest.mark.parametrize("path", ["drop", "silent"])
def test_what_fails_fails_again(site, path):
    def work():
        connection = http.client.HTTPConnection(site.host, timeout=0.05)
        connection.request("GET", f"/{path}")
        try:
            connection.getresponse()
        except OSError as error:
            return type(error), str(error), connection.sock is None
        finally:
            connection.close()

    replays_equal(site, work)


def test_a_body_that_breaks_off_breaks_off_again(site):
    def work():
        with urllib.request.urlopen(f"{site.url}/cut") as answer:
            with pytest.raises(http.client.IncompleteRead) as raised:
                answer.read()
            return raised.value.partial, raised.value.expected

    assert replays_equal(site, work).result == (b"only these", 90)


def test_a_refused_connection_is_refused_again(site):
    site.stop()

    def work():
        with pytest.raises(urllib.error.URLError) as raised:
            urllib.request.urlopen(site.url)
        reason = raised.value.reason
        return type(reason), reason.errno, str(raised.value)

    recorded = replays_equal(site, work)
    assert recorded.result[0] is ConnectionRefusedError


def test_a_body_over_the_limit_marks_the_recording(site):
    def work():
        with urllib.request.urlopen(f"{site.url}/large") as answer:
            return sum(map(len, iter(lambda: answer.read(1024 * 1024), b"")))

    recorded = Runs(work)
    assert recorded.result == LARGE
    assert "BODY_LIMIT" in recorded.recording.get_metadata()[NOT_REPLAYABLE]


def test_another_request_is_a_miss_and_reaches_nothing(site):
    def work(path="/one"):
        with urllib.request.urlopen(f"{site.url}{path}") as answer:
            return answer.read()

    recorded = Runs(work)
    with pytest.raises(RecordingKeyError, match="/two"):
        recorded.replayed(lambda: work("/two"))
    assert site.hits == ["GET /one"]


def test_without_an_operation_connections_are_left_alone(site):
    connection = http.client.HTTPConnection(site.host)
    connection.request("POST", "/upload", pieces())
    assert json.loads(connection.getresponse().read())["size"] == 12
    connection.close()


def test_https_is_replayed_without_a_handshake(secure_site):
    site, certificate = secure_site

    def work():
        context = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(f"{site.url}/things", context=context) as answer:
            return answer.read(), answer.url

    recorded = replays_equal(site, work)
    assert recorded.recording.entries[2].decoded_arguments()[1]["url"] == f"{site.url}/things"


def test_a_write_whose_answer_nobody_asks_for_is_compared_all_the_same(site):
    def order(quantity):
        def work():
            connections.append(http.client.HTTPConnection(site.host))
            connections[-1].request("POST", "/things", b"%d" % quantity)

        return work

    connections: list[http.client.HTTPConnection] = []
    recorded = Runs(order(1))
    same, other = recorded.replayed(order(1)), recorded.replayed(order(2))
    for connection in connections:
        connection.close()

    assert recorded.calls[-1] == ("OUTPUT", "http POST 127.0.0.1")
    assert same.playback.playback_outputs == same.playback.recorded_outputs
    sent = [each.value["kwargs"].get("body") for each in other.playback.playback_outputs]
    assert sent[-1] == b"2"


def test_a_write_whose_connection_is_dropped_is_compared_all_the_same(site):
    def work():
        connection = http.client.HTTPConnection(site.host)
        connection.request("POST", "/things", b"1")
        connection.sock.close()

    recorded = replays_equal(site, work)
    assert recorded.calls[-1] == ("OUTPUT", "http POST 127.0.0.1")

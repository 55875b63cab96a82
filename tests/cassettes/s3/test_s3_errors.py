"""What goes wrong between a cassette and S3: each error names the bucket, the key, the remedy."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from botocore.exceptions import ClientError

from playback_core import CassetteError, CassetteUnavailableError, S3TapeCassette, SettingsError
from playback_core.recording import Recording
from tests.cassettes.s3.conftest import REGION, Backend, denied

SAVED = Recording.new("Operation").id
FULL = f"tape_recorder_recordings/shop/full/{SAVED}"


class Answering(BaseHTTPRequestHandler):
    """Answers each request with what its server has been told to say."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {"Content-Length": len(body), "Connection": "close", **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.asked = 0
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module", autouse=True)
def one_attempt():
    # Retries wait for seconds.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield


@pytest.fixture(scope="module")
def cassette(service, credentials, one_attempt):
    with open_at(f"http://127.0.0.1:{service.server_port}") as cassette:
        yield cassette


def open_at(endpoint_url):
    return S3TapeCassette("a-bucket", "shop", REGION, read_only=False, endpoint_url=endpoint_url)


def failure(status, code):
    body = f"<Error><Code>{code}</Code><Message>It failed</Message></Error>".encode()
    return status, {"Content-Type": "application/xml"}, body


@pytest.mark.parametrize(
    ("status", "code", "kind", "remedy"),
    [
        (404, "NoSuchBucket", CassetteUnavailableError, "Create it, or correct its name"),
        (403, "AccessDenied", CassetteUnavailableError, "Allow these credentials s3:GetObject"),
        (400, "ExpiredToken", CassetteUnavailableError, "Log in again or renew"),
        (403, "InvalidAccessKeyId", CassetteUnavailableError, "Log in again or renew"),
        (403, "RequestTimeTooSkewed", CassetteUnavailableError, "set the clock"),
        (301, "PermanentRedirect", CassetteUnavailableError, "Give its region"),
        (503, "SlowDown", CassetteError, "Record less often"),
        (500, "InternalError", CassetteError, "try again later"),
        (403, "InvalidObjectState", CassetteError, "Restore it from the archive"),
        (400, "KeyTooLongError", CassetteError, "Shorten the category"),
        (409, "OperationAborted", CassetteError, "It failed"),
    ],
)
def test_an_answer_is_an_error_with_a_remedy(status, code, kind, remedy, cassette, service):
    service.answer = failure(status, code)
    with pytest.raises(kind, match=remedy) as caught:
        cassette.get_recording(SAVED)
    assert f"GetObject of {FULL!r} in S3 bucket 'a-bucket' failed ({code})" in str(caught.value)
    assert type(caught.value) is kind


def test_each_operation_names_what_it_tried(cassette, service):
    service.answer = failure(403, "AccessDenied")
    for work, action in (
        (lambda: cassette.save_recording(Recording.new("Operation")), "PutObject"),
        (lambda: list(cassette.iter_recording_ids("Operation")), "ListBucket"),
        (lambda: list(cassette.iter_categories()), "ListBucket"),
        (lambda: cassette.delete_recording(SAVED), "ListBucket"),
        (lambda: cassette.prune(max_bytes=0), "ListBucket"),
    ):
        with pytest.raises(CassetteUnavailableError, match=f"{action} of 'tape_recorder_"):
            work()


def test_an_object_that_cannot_be_deleted_is_named(open_cassette):
    class Refusing(Backend):
        def delete_objects(self, *, Bucket, Delete):
            key = Delete["Objects"][-1]["Key"]
            return {"Errors": [{"Key": key, "Code": "AccessDenied", "Message": "No."}]}

    cassette = open_cassette(client=Refusing())
    recording = Recording.new("Operation")
    cassette.save_recording(recording)
    with pytest.raises(
        CassetteUnavailableError, match=f"DeleteObject of .*metadata/{recording.id}"
    ):
        cassette.delete_recording(recording.id)


@pytest.mark.parametrize("length", [0, 1000])
def test_a_body_that_is_cut_short_is_read_again_and_then_an_error(length, cassette, service):
    service.answer, service.asked = (200, {"Content-Length": length + 10}, b"x" * length), 0
    with pytest.raises(CassetteError, match=r"cut short each time.*Try again") as caught:
        cassette.get_recording(SAVED)
    assert FULL in str(caught.value)
    assert service.asked == 3


def test_an_object_over_the_limit_is_refused_before_it_is_read(cassette, service):
    service.answer, service.asked = (200, {"Content-Length": 10**12}, b"x"), 0
    with pytest.raises(CassetteError, match=r"more than [0-9,]+ bytes.*Delete the object"):
        cassette.get_recording(SAVED)
    assert service.asked == 1


def test_a_body_of_no_told_length_is_read_up_to_the_limit():
    class Endless:
        given = 0

        def get_object(self, **_):
            return {"Body": self}

        def read(self, amount):
            self.given += amount
            return b"x" * amount

        def close(self):
            self.is_closed = True

    client = Endless()
    cassette = S3TapeCassette("a-bucket", "shop", client=client)
    with pytest.raises(CassetteError, match="Delete the object"):
        cassette.get_recording_metadata(SAVED)
    assert client.given < 5 * 1024 * 1024
    assert client.is_closed


def test_a_service_that_is_not_there_is_an_error_with_a_remedy():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with (
            open_at(f"http://127.0.0.1:{unused.getsockname()[1]}") as cassette,
            pytest.raises(CassetteUnavailableError, match="Check the network, the endpoint"),
        ):
            cassette.get_recording(SAVED)


def test_retries_are_those_of_botocores_standard_mode(cassette):
    config = cassette._connection.client.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}


def test_missing_credentials_are_an_error_with_a_remedy(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with (
        open_at("http://127.0.0.1:1") as cassette,
        pytest.raises(CassetteUnavailableError, match="Give the process an AWS role or profile"),
    ):
        cassette.get_recording(SAVED)


def test_a_name_no_bucket_may_have_is_a_wrong_setting(s3):
    cassette = S3TapeCassette("not a bucket", client=s3)
    with pytest.raises(SettingsError, match="Invalid bucket name"):
        cassette.get_recording(SAVED)


def test_a_batch_ends_at_once_where_the_bucket_is_not_there_for_it(open_cassette):
    class Denying(Backend):
        asked = 0

        def put_object(self, **_):
            self.asked += 1
            denied("PutObject")()

    client = Denying()
    recordings = [Recording.new("Operation") for _ in range(200)]
    failures = open_cassette(client=client)._save_recordings(recordings)
    assert [recording for recording, _ in failures] == recordings
    assert {type(error) for _, error in failures} == {CassetteUnavailableError}
    assert client.asked <= 16


def test_one_object_that_is_refused_fails_its_recording_alone(open_cassette):
    class Busy(Backend):
        def put_object(self, **arguments):
            if "Bad" in arguments["Key"]:
                raise type(self).busy
            return super().put_object(**arguments)

    Busy.busy = ClientError({"Error": {"Code": "SlowDown", "Message": "No."}}, "PutObject")
    cassette = open_cassette(client=Busy())
    recordings = [Recording.new(category) for category in ("Good", "Bad", "Good")]
    ((failed, error),) = cassette._save_recordings(recordings)
    assert failed is recordings[1]
    assert "throttling" in str(error)
    assert len(list(cassette.iter_recording_ids("Good"))) == 2

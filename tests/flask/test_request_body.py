"""The body of a request: read by the application as without us, kept as it was read."""

import io
import socket
import struct
import threading
from typing import Any

import pytest
from flask import request

from playback_core import TapeRecorder

KEY = TapeRecorder.OPERATION_REQUEST
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nTea\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\ncontent\r\n--b--\r\n"
)
FORM_TYPE = {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_client_that_goes_in_the_middle_of_its_body_replays_equal(recorded) -> None:
    reading = threading.Event()

    @recorded.app.post("/")
    def view() -> bytes:
        beginning = request.stream.read(3)
        reading.set()
        return beginning + request.stream.read()

    recorded.play_back()
    with recorded.serve() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nthe beginning")
        assert reading.wait(20)
        # Closing resets the connection, as when a client crashes.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    recording = recorded.recording()
    incoming = recording.get_data(KEY)
    assert (incoming["body_complete"], incoming["body_broken"]) == (False, True)
    assert recording.get_metadata()["status"] == 400
    assert recorded.verdicts() == ["Equal"]


def _form_first() -> list[str]:
    return [request.form["title"], request.files["file"].read().decode(), request.get_data(True)]


def _data_first() -> list[str]:
    data = request.get_data(as_text=True)
    return [data, request.form.get("title", ""), str("file" in request.files)]


def _stream_first() -> list[str]:
    return [request.stream.read().decode(), request.get_data(as_text=True), str(request.form)]


@pytest.mark.parametrize("view", [_form_first, _data_first, _stream_first])
def test_reading_in_any_order_gives_what_it_gives_without_us(recorded, view) -> None:
    recorded.app.add_url_rule("/", "view", lambda: [str(part) for part in view()], methods=["POST"])
    extension = recorded.play_back()
    with recorded.serve() as server:
        with_us = server.send("POST", "/", FORM, FORM_TYPE)
        extension.uninstall(recorded.app)
        without_us = server.send("POST", "/", FORM, FORM_TYPE)
    assert with_us.status == without_us.status == 200
    assert with_us.body == without_us.body
    assert recorded.recording().get_data(KEY)["body"] == FORM
    extension.init_app(recorded.app)
    assert recorded.verdicts() == ["Equal"]


def test_a_body_sent_in_chunks_is_recorded_and_replays(recorded) -> None:
    recorded.app.add_url_rule("/", "view", lambda: request.get_data(), methods=["POST"])
    recorded.play_back()
    with recorded.serve() as server:
        answer = server.send("POST", "/", iter([b"one, ", b"two"]), encode_chunked=True)
    assert answer.body == b"one, two"
    incoming = recorded.recording().get_data(KEY)
    assert incoming["body"] == b"one, two"
    assert incoming["environ"]["wsgi.input_terminated"] is True
    assert recorded.verdicts() == ["Equal"]


def test_a_body_in_chunks_that_the_server_does_not_end_is_not_read_by_anyone(recorded) -> None:
    recorded.app.add_url_rule("/", "view", lambda: request.get_data() or "none", methods=["POST"])
    recorded.play_back()
    stream = io.BytesIO(b"never read")
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SERVER_NAME": "test",
        "SERVER_PORT": "80",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.url_scheme": "http",
        "wsgi.input": stream,
    }
    answer = recorded.app(environ, lambda status, headers: None)
    assert b"".join(answer) == b"none"
    answer.close()
    assert stream.tell() == 0
    assert not recorded.recording().get_data(KEY)["body_complete"]
    assert recorded.verdicts() == ["Equal"]


def test_an_upload_over_the_limit_reaches_the_view_whole_and_is_not_verified(recorded) -> None:
    recorded.app.add_url_rule("/", "size", lambda: str(len(request.get_data())), methods=["POST"])
    recorded.play_back(BODY_LIMIT="1k")
    with recorded.serve() as server:
        assert server.send("POST", "/", b"x" * 5000).body == b"5000"
    recording = recorded.recording()
    assert len(recording.get_data(KEY)["body"]) == 1024
    assert "request body" in recording.get_metadata()[TapeRecorder.NOT_REPLAYABLE]
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("EqualizerFailure - not verified")


class _InvalidChunkSize(Exception):
    """As that of gunicorn, no OSError."""


class _Malformed(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise _InvalidChunkSize("zz")

    def readinto(self, buffer: Any, /) -> int:
        raise _InvalidChunkSize("zz")


def test_a_body_that_the_server_cannot_read_is_not_verified(recorded) -> None:
    recorded.app.add_url_rule("/", "view", lambda: request.get_data(), methods=["POST"])
    recorded.app.logger.disabled = True
    recorded.play_back()
    inner = recorded.app.wsgi_app

    def with_malformed_body(environ, start_response):
        return inner({**environ, "wsgi.input": _Malformed()}, start_response)

    recorded.app.wsgi_app = with_malformed_body
    with recorded.serve() as server:
        assert server.send("POST", "/", b"one").status == 500
    (verdict,) = recorded.verdicts()
    assert verdict.startswith("EqualizerFailure - not verified: reading the request body raised")
    assert "_InvalidChunkSize: zz" in verdict


def test_a_file_that_is_put_on_disk_while_it_is_read_replays_equal(recorded) -> None:
    def view() -> str:
        with request.files["file"].stream as file:
            assert not isinstance(file, io.BytesIO)
            return f"{len(file.read())}{request.form['title']}"

    recorded.app.add_url_rule("/", "view", view, methods=["POST"])
    recorded.play_back()
    with recorded.serve() as server:
        answer = server.send("POST", "/", FORM.replace(b"content", b"x" * 600_000), FORM_TYPE)
    assert answer.body == b"600000Tea"
    assert recorded.verdicts() == ["Equal"]

"""The body of a request: read by the application as without us, kept as it was read."""

import io
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import request
from hypothesis import given
from hypothesis import strategies as st

from playback_core import TapeRecorder
from playback_flask.request_body import RequestBody, record_body

KEY = TapeRecorder.OPERATION_REQUEST
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nTea\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\ncontent\r\n--b--\r\n"
)
FORM_TYPE = {"Content-Type": "multipart/form-data; boundary=b"}

_READS: dict[str, Callable[[Any], bytes]] = {
    "read": lambda stream: stream.read(),
    "read in pieces": lambda stream: b"".join(iter(lambda: stream.read(3), b"")),
    "readline": lambda stream: b"".join(iter(stream.readline, b"")),
    "readlines": lambda stream: b"".join(stream.readlines()),
    "iteration": lambda stream: b"".join(stream),
    "read1": lambda stream: b"".join(iter(lambda: stream.read1(4), b"")),
    "readall of a raw stream": lambda stream: io.BufferedReader(stream).read(),
}


@pytest.mark.parametrize("way", _READS)
@given(content=st.binary(max_size=200))
def test_every_way_to_read_gives_and_keeps_the_body(way: str, content: bytes) -> None:
    environ = {"CONTENT_LENGTH": str(len(content) or 1), "wsgi.input": io.BytesIO(content)}
    body = record_body(environ, 1000)
    assert body is not None
    assert environ["wsgi.input"] is body
    assert _READS[way](body) == content
    assert body.capture.content() == content
    assert body.is_complete


class _Breaking(io.BytesIO):
    """Gives one line, and then the connection is lost."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 2)) if size and size > 0 and not self.tell() else self._lose()

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._lose() if self.tell() else super().readline(size)

    def readlines(self, hint: int = -1, /) -> list[bytes]:
        return [self._lose()]

    def readinto(self, buffer: Any, /) -> int:
        return len(self._lose())

    def __next__(self) -> bytes:
        return self.readline()

    read1 = read

    def _lose(self) -> bytes:
        raise ConnectionResetError("the client is gone")


@pytest.mark.parametrize("way", _READS)
def test_a_body_that_breaks_off_breaks_off_for_the_application_and_is_marked(way: str) -> None:
    environ = {"CONTENT_LENGTH": "20", "wsgi.input": _Breaking(b"a\nbcd")}
    body = record_body(environ, 1000)
    assert body is not None
    with pytest.raises(ConnectionResetError):
        _READS[way](body)
    assert body.is_broken
    assert not body.is_complete


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


def test_a_body_read_in_part_is_not_complete() -> None:
    body = RequestBody(io.BytesIO(b"one\ntwo\n"), 8, 100)
    assert body.readline() == b"one\n"
    assert body.capture.content() == b"one\n"
    assert not body.is_complete
    assert body.read(4) == b"two\n"
    assert body.is_complete


def test_a_body_in_chunks_is_complete_when_its_end_was_seen() -> None:
    body = RequestBody(io.BytesIO(b"abc"), None, 100)
    body.read(3)
    assert not body.is_complete
    body.read(1)
    assert body.is_complete


def test_what_is_over_the_limit_is_counted_and_not_kept() -> None:
    body = RequestBody(io.BytesIO(b"x" * 100), 100, 10)
    assert len(body.read()) == 100
    assert body.capture.content() == b"x" * 10
    assert body.capture.is_cut
    assert body.capture.size == 100


@pytest.mark.parametrize("length", [None, "", "0"])
def test_a_request_without_a_body_keeps_its_stream(length: str | None) -> None:
    stream = io.BytesIO()
    environ = {"wsgi.input": stream} | ({} if length is None else {"CONTENT_LENGTH": length})
    assert record_body(environ, 10) is None
    assert environ["wsgi.input"] is stream


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

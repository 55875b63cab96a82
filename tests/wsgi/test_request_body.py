"""The body of a WSGI request: read as without us, kept as it was read."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.wsgi.request_body import WsgiRequestBody, record_body

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


def test_a_body_read_in_part_is_not_complete() -> None:
    body = WsgiRequestBody(io.BytesIO(b"one\ntwo\n"), 8, 100)
    assert body.readline() == b"one\n"
    assert body.capture.content() == b"one\n"
    assert not body.is_complete
    assert body.read(4) == b"two\n"
    assert body.is_complete


def test_a_body_in_chunks_is_complete_when_its_end_was_seen() -> None:
    body = WsgiRequestBody(io.BytesIO(b"abc"), None, 100)
    body.read(3)
    assert not body.is_complete
    body.read(1)
    assert body.is_complete


def test_what_is_over_the_limit_is_counted_and_not_kept() -> None:
    body = WsgiRequestBody(io.BytesIO(b"x" * 100), 100, 10)
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


def _recorded(content: bytes) -> WsgiRequestBody:
    environ = {"CONTENT_LENGTH": str(len(content)), "wsgi.input": io.BytesIO(content)}
    body = record_body(environ, 1000)
    assert body is not None
    return body


def test_what_is_read_again_is_kept_once() -> None:
    body = _recorded(b"beginning and end")
    assert (body.read(9), body.seek(0), body.read(4)) == (b"beginning", 0, b"begi")
    assert not body.is_complete
    assert (body.seek(0, io.SEEK_END), body.seek(0)) == (17, 0)
    assert body.read() == b"beginning and end"
    assert body.capture.content() == b"beginning and end"
    assert (body.is_complete, body.refusal) == (True, None)


def test_a_part_that_is_left_out_makes_it_unfit_for_a_replay() -> None:
    body = _recorded(b"beginning and end")
    body.seek(10)
    assert body.read() == b"and end"
    assert body.refusal == "left out a part of it"

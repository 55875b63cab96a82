"""The head of a replayed response is what `http.client` makes of the same bytes."""

from http.client import HTTPResponse
from io import BytesIO

import pytest

from playback_core.interceptors._wire import replayed_file, replayed_response

HEADS = {
    "a length": [["Content-Length", "4"], ["Server", "shop/1.0"]],
    "no length": [["Server", "shop"]],
    "a length of none": [["content-length", "many"]],
    "a length below zero": [["Content-Length", "-1"]],
    "chunks": [["Transfer-Encoding", "Chunked"], ["Content-Length", "4"]],
    "another coding": [["Transfer-Encoding", "gzip"], ["Content-Length", "4"]],
    "kept alive": [["Connection", "keep-alive"], ["Keep-Alive", "timeout=5"]],
    "closed": [["Connection", "close"], ["Content-Length", "4"]],
    "kept by a proxy": [["Proxy-Connection", "keep-alive"]],
    "several of one name": [["Set-Cookie", "a=1"], ["set-cookie", "b=2; Path=/"]],
    "nothing in it": [["X-Empty", ""], ["Content-Length", "4"]],
    "space around it": [["X-Space", "  axe  "], ["X-Tab", "\taxe\t"]],
    "folded": [["X-Folded", "an axe\r\n and a broom"]],
    "of latin-1": [["X-Name", "B\xfcrste"], ["Content-Length", "4"]],
    "no name of a header": [["X Name", "axe"], ["Content-Length", "4"]],
    "no name at all": [["", "axe"]],
    "many parts": [["Content-Type", "multipart/mixed; boundary=x"], ["Content-Length", "4"]],
    "a message": [["Content-Type", "message/rfc822"], ["Content-Length", "4"]],
    "a type": [["Content-Type", "application/json"], ["Content-Length", "4"]],
    "none": [],
}
STATUSES = [
    (101, "Switching Protocols"),
    (200, "OK"),
    (200, ""),
    (200, " so-so "),
    (204, "None"),
    (304, "Same"),
    (599, "\xdc"),
]


def _stored(status, reason, version, headers):
    return {
        "status": status,
        "reason": reason,
        "version": version,
        "headers": headers,
        "body": b"axes",
        "ending": "finished",
    }


def _missing(hint):
    return LookupError(hint)


class _Socket:
    def __init__(self, data):
        self._data = data

    def makefile(self, mode):
        return BytesIO(self._data)


def _parsed(stored, method):
    response = HTTPResponse(_Socket(replayed_file(stored, _missing).read()), method=method)
    response.begin()
    return response


def _known(response):
    about = {
        name: value
        for name, value in vars(response).items()
        if name not in ("fp", "msg", "headers")
    }
    message = {
        name: [type(each) for each in value]
        if isinstance(value, list) and name != "_headers"
        else value
        for name, value in vars(response.msg).items()
    }
    return about, message, response.headers is response.msg


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", [10, 11])
@pytest.mark.parametrize("headers", HEADS.values(), ids=HEADS)
def test_a_head_is_as_it_is_parsed(headers, version, method):
    for status, reason in STATUSES:
        stored = _stored(status, reason, version, headers)
        replayed = replayed_response(stored, _missing, method)
        parsed = _parsed(stored, method)
        assert _known(replayed) == _known(parsed)
        assert replayed.read() == parsed.read()
        assert replayed.isclosed()
        assert parsed.isclosed()

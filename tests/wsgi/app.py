"""An application of no framework, with the playback around it."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from playback_core import recorder
from playback_core.wsgi import PlaybackMiddleware

_calls = itertools.count()
StartResponse = Callable[..., Any]


@recorder.intercept_input("lookup")
def lookup(name: str) -> str:
    return f"{name}={os.getpid()}.{next(_calls)}"


def shop(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/orders/"):
        environ["shop.route"] = "order"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=b")])
        return [lookup(f"{environ['REQUEST_METHOD']} {path}").encode()]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _lines(environ["QUERY_STRING"])
    if path == "/body":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("201 Created", [])
        return [body, lookup("body").encode()]
    if path == "/writes":
        write = start_response("200 OK", [])
        write(b"written ")
        return [b"returned"]
    if path == "/fails":
        raise LookupError(lookup("fails"))
    start_response("404 Not Found", [])
    return [b"nothing here"]


def _lines(name: str) -> Iterator[bytes]:
    for number in range(3):
        yield f"{lookup(f'{name} {number}')}\n".encode()


def category(environ: Any) -> str:
    return str(environ.get("shop.route", environ["PATH_INFO"]))


application = PlaybackMiddleware(shop, {"SERVICE": "shop", "RESPONSE_HEADER": "X-Recording"})

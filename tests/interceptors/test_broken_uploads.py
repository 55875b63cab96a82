"""Requests whose connection breaks while they are sent, by each client."""

import asyncio
import contextlib
import http.client
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import aiohttp
import httpx
import pytest
import requests
import urllib3

from tests.interceptors.http_server import replays_equal
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

FIRST = b"first, "
RESET = struct.pack("ii", 1, 0)


class BreakingServer:
    """Resets each connection when the first piece of a body has come."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.is_broken = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                connection = self._listener.accept()[0]
                came = b""
                while FIRST not in came and (piece := connection.recv(65536)):
                    came += piece
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                connection.close()
                self.is_broken.set()
                if came:
                    continue
            return

    def stop(self) -> None:
        if self._thread.is_alive():
            socket.create_connection(self._listener.getsockname()).close()
            self._thread.join()
            self._listener.close()


@pytest.fixture
def server() -> Iterator[BreakingServer]:
    server = BreakingServer()
    yield server
    server.stop()


def by_requests(url, pieces):
    requests.post(url, data=pieces)


def by_urllib3(url, pieces):
    urllib3.PoolManager(retries=False).request("POST", url, body=pieces)


def by_httpx(url, pieces):
    httpx.post(url, content=pieces)


def by_http_client(url, pieces):
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    try:
        connection.request("POST", "/", pieces)
    finally:
        connection.close()


def by_urllib(url, pieces):
    urllib.request.urlopen(urllib.request.Request(url, pieces))


async def asynchronous(pieces):
    for piece in pieces:
        yield piece


def by_async_httpx(url, pieces):
    async def post():
        async with httpx.AsyncClient() as client:
            await client.post(url, content=asynchronous(pieces))

    asyncio.run(post())


def by_aiohttp(url, pieces):
    async def post():
        body = asynchronous(pieces)
        # A response that is left to the collector warns in whichever test runs then.
        async with aiohttp.ClientSession() as session, session.post(url, data=body) as response:
            await response.read()

    asyncio.run(post())


CLIENTS = [
    *(by_requests, by_urllib3, by_httpx, by_async_httpx, by_aiohttp, by_http_client, by_urllib),
]


def uploading(server, client, pulled, rest=b"second"):
    def work():
        def pieces():
            for piece in (FIRST, *[rest] * 100):
                pulled.append(piece)
                yield piece
                server.is_broken.wait(10)

        try:
            client(server.url, pieces())
        except Exception as error:  # noqa: BLE001 - each client has its own
            return type(error).__name__, type(getattr(error, "reason", None)).__name__

    return work


@pytest.mark.parametrize("client", CLIENTS)
def test_a_connection_that_breaks_during_an_upload_breaks_again_at_the_same_piece(server, client):
    pulled = []
    recorded = Runs(uploading(server, client, pulled))
    server.stop()
    live = len(pulled)
    assert 1 < live < 100
    recorded.replayed_the_same()
    assert len(pulled) - live == live


@pytest.mark.parametrize("client", CLIENTS)
def test_what_was_sent_until_it_broke_is_compared(server, client):
    recorded = Runs(uploading(server, client, []))
    server.stop()
    other = recorded.replayed(uploading(server, client, [], rest=b"changed"))
    assert other.result == recorded.result
    assert other.playback.playback_outputs != other.playback.recorded_outputs


@pytest.mark.parametrize("client", CLIENTS)
def test_of_a_body_for_which_there_was_no_connection_nothing_is_asked(server, client):
    server.stop()
    pulled = []
    recorded = Runs(uploading(server, client, pulled))
    assert pulled == []
    replay = recorded.replayed()
    assert (replay.result, replay.is_equal, pulled) == (recorded.result, True, [])


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_body_sends_while_it_is_sent_is_in_its_place_again(site, client):
    def work():
        def pieces():
            for number in range(2):
                requests.put(f"{site.url}/note", data=b"%d" % number)
                yield b"piece"

        client(site.url, pieces())

    replays_equal(site, work)


def test_a_request_that_is_put_together_by_hand_breaks_again_where_it_did(server):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))

    def work():
        connection.putrequest("POST", "/")
        connection.endheaders()
        with contextlib.suppress(OSError):
            connection.send(FIRST)
        server.is_broken.wait(10)
        try:
            connection.send(b"second")
        except OSError as error:
            connection.close()
            return type(error).__name__, error.errno

    recorded = Runs(work)
    server.stop()
    assert recorded.result is not None
    recorded.replayed_the_same()

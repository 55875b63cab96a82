"""The shop's customers: what they do when the shop does not answer as it should."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from examples.flask_shop.traffic import customers
from examples.live_demo.visitors import TrafficError, visit_at_once

REQUESTS = 20


class Broken(BaseHTTPRequestHandler):
    """A shop that answers every request with the status 500."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def broken_shop() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def closed_shop() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_an_unexpected_answer_ends_the_traffic(broken_shop: str) -> None:
    with pytest.raises(TrafficError, match=r"/account was answered 500 instead of 302"):
        visit_at_once(customers(broken_shop, 1), REQUESTS)


def test_customers_that_go_on_count_each_unexpected_answer(broken_shop: str) -> None:
    traffic = visit_at_once(customers(broken_shop, 2), REQUESTS, go_on=True)
    assert len(traffic.exchanges) == REQUESTS
    assert len(traffic.unexpected) == REQUESTS
    assert all(exchange.seconds > 0 for exchange in traffic.exchanges)


def test_customers_that_go_on_count_each_request_without_an_answer(closed_shop: str) -> None:
    traffic = visit_at_once(customers(closed_shop, 2), REQUESTS, go_on=True)
    assert traffic.exchanges == []
    assert len(traffic.unexpected) == REQUESTS
    assert "GET /account was not answered: ConnectionRefusedError" in traffic.unexpected[0]

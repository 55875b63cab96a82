"""The clients: some connections that ask again as soon as they are answered."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Final

CLIENTS: Final = 8
_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Answers:
    """How many requests were answered with 200, how many otherwise, in how many seconds."""

    good: int
    bad: int
    seconds: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds


def request(port: int, path: str) -> bool:
    """Send one request on a connection of its own; tell whether it was answered with 200."""
    with _Connection(port) as connection:
        return connection.get(path)


def ask(port: int, seconds: float) -> Answers:
    """Keep all clients asking for some seconds."""
    numbers = count()
    started = monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = [pool.submit(_ask, port, numbers, started + seconds) for _ in range(CLIENTS)]
        counts = [one.result() for one in asked]
    return Answers(
        sum(good for good, _ in counts), sum(bad for _, bad in counts), monotonic() - started
    )


def _ask(port: int, numbers: Iterator[int], until: float) -> tuple[int, int]:
    good = bad = 0
    with _Connection(port) as connection:
        while monotonic() < until:
            if connection.get(f"/orders/{next(numbers)}"):
                good += 1
            else:
                bad += 1
    return good, bad


class _Connection:
    """A kept connection. Plain sockets: http.client would take as much time as the server."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._socket: socket.socket | None = None

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *raised: object) -> None:
        self._close()

    def get(self, path: str) -> bool:
        """Tell whether the path is answered, whole, with 200."""
        try:
            head, body = self._exchange(f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
        except OSError:
            self._close()
            return False
        if b"connection: close" in head:
            self._close()
        return head.startswith(b"http/1.1 200") and len(body) > 0

    def _exchange(self, sent: bytes) -> tuple[bytes, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=_TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(sent)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, body = received.partition(b"\r\n\r\n")
        head = head.lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._received()
        return head, body

    def _received(self) -> bytes:
        if self._socket is None:
            raise ConnectionError("the connection is closed")
        part = self._socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return part

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

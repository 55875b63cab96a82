"""Requests with what they have to be answered, and the clients that send them over real sockets."""

import re
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, IncompleteRead

from tests.patience import PATIENCE


@dataclass
class Answer:
    """What a client got; `is_whole` says whether the server ended it properly."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool = True


@dataclass
class Client:
    """One of several at once: it has a name, a connection and cookies of its own."""

    name: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def send(self, case: "Case") -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"X-Forwarded-For": "10.1.2.3", **case.headers}
        headers |= {"Cookie": cookies} if cookies else {}
        path = f"{case.path}?who={self.name}"
        body = case.body() if callable(case.body) else case.body
        chunked = callable(case.body)
        self.connection.request(case.method, path, body, headers, encode_chunked=chunked)
        return case.read(self)

    def take(self) -> Answer:
        response = self.connection.getresponse()
        for set_cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        try:
            body, is_whole = response.read(), True
        except IncompleteRead as cut:
            body, is_whole = cut.partial, False
            self.connection.close()
        return Answer(response.status, dict(response.headers), body, is_whole)

    def leave_early(self) -> Answer:
        sock = self.connection.sock
        # Closing tells the server at once that nobody listens, rather than with the next timeout.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        response = self.connection.getresponse()
        beginning = response.read1(100)
        response.close()
        self.connection.close()
        return Answer(response.status, dict(response.headers), beginning, is_whole=False)


@dataclass(frozen=True, eq=False)
class Case:
    """A request, the category it is recorded in, and what it has to be answered with."""

    number: int
    path: str
    category: str
    method: str = "GET"
    body: "str | Callable[[], Iterator[bytes]] | None" = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    is_whole: bool = True
    read: Callable[[Client], Answer] = Client.take
    expected: str | None = None
    """The body, where NAME stands for the client's name and =LOOKUP for what `lookup` gave."""

    def check(self, client: Client, answer: Answer) -> None:
        assert (answer.status, answer.is_whole) == (self.status, self.is_whole), (self, answer)
        if self.expected is not None:
            text = re.sub(r"=\d+\.\d+", "=LOOKUP", answer.body.decode())
            assert text == self.expected.replace("NAME", client.name), self


def ask_everything(client: Client, cases: Iterable[Case]) -> dict[Case, Answer]:
    """Send every case over one client's connection, and check what it is answered."""
    answers = {}
    try:
        for case in cases:
            answers[case] = client.send(case)
            case.check(client, answers[case])
    finally:
        client.connection.close()
    return answers

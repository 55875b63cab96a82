"""What clients ask of app.py, and what they have to get: each case of HARD_CASES section 1."""

import json
import re
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, IncompleteRead
from typing import Any, Final

PICTURE: Final = bytes(range(256)) * 200
BOUNDARY: Final = "cases"
FORM: Final = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nTea\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    f"{'y' * 50}\r\n--{BOUNDARY}--\r\n"
)
FORM_TYPE: Final = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass
class Answer:
    """What a client got; `is_whole` says whether the server ended it properly."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool = True


@dataclass
class Client:
    """One of several at once: it has a name, a connection and a cookie of its own."""

    name: str
    port: int
    cookie: str = ""

    def __post_init__(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(self, case: "Case") -> Answer:
        headers = {"Cookie": self.cookie, "X-Forwarded-For": "10.1.2.3", **case.headers}
        path = f"{case.path}?who={self.name}"
        body = case.body() if callable(case.body) else case.body
        chunked = callable(case.body)
        self.connection.request(case.method, path, body, headers, encode_chunked=chunked)
        return case.read(self)

    def take(self) -> Answer:
        response = self.connection.getresponse()
        set_cookie = response.headers.get("Set-Cookie")
        self.cookie = set_cookie.split(";")[0] if set_cookie else self.cookie
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


def _json(*values: Any) -> str:
    return f"{json.dumps(values, separators=(',', ':'))}\n"


def _chunks() -> Iterator[bytes]:
    yield from (b"one, ", b"two")


_LINES: Final = "".join(f"NAME {number}=LOOKUP\n" for number in range(3))
CHUNKED: Final = {"Transfer-Encoding": "chunked"}

CASES: Final = (
    Case(1, "/generated", "generated", expected=_LINES),
    Case(
        2,
        "/in-context",
        "in_context",
        expected=_LINES.replace("NAME", "NAME NAME"),
    ),
    Case(3, "/endless", "endless", is_whole=False, read=Client.leave_early),
    Case(4, "/breaking", "breaking", is_whole=False, expected=_LINES),
    Case(5, "/handed-over", "handed_over", expected=_LINES),
    Case(6, "/sent-file", "sent_file"),
    Case(6, "/passed-through", "passed_through"),
    Case(7, "/awaited", "awaited", expected=_json("NAME a=LOOKUP", "NAME b=LOOKUP", "NAME=LOOKUP")),
    Case(
        8,
        "/copied-context",
        "copied_context",
        expected=_json("NAME child=LOOKUP", "NAME parent=LOOKUP"),
    ),
    Case(
        9,
        "/threads",
        "threads",
        expected=_json("NAME 0=LOOKUP", "NAME 1=LOOKUP", "NAME x=LOOKUP", "NAME y=LOOKUP"),
    ),
    Case(10, "/nowhere", "unmatched:404", status=404),
    Case(10, "/slashed/", "unmatched:405", method="DELETE", status=405),
    Case(10, "/slashed", "unmatched:308", status=308),
    Case(11, "/api/v1/users", "api.v1.users", expected="NAME=LOOKUP"),
    Case(12, "/strict/raising", "raising", status=500),
    Case(13, "/teardown", "brittle.teardown", status=500),
    Case(
        14,
        "/forgiven",
        "forgiving.forgiven",
        status=503,
        expected="sorry for NAME=LOOKUP",
    ),
    Case(14, "/unhandled", "unhandled", status=500),
    Case(
        15,
        "/read-as-stream",
        "read_as_stream",
        "POST",
        "the body",
        expected=_json("the body", "", "NAME=LOOKUP"),
    ),
    Case(
        16,
        "/form-first",
        "form_first",
        *("POST", FORM, FORM_TYPE),
        expected=_json("Tea", "y" * 50, ""),
    ),
    Case(
        16,
        "/data-first",
        "data_first",
        *("POST", FORM, FORM_TYPE),
        expected=_json(FORM, "title", "file"),
    ),
    Case(17, "/chunked", "chunked", "POST", _chunks, CHUNKED, expected=_json("one, two", True)),
    # Not expected, as it differs: waitress makes a body with a length of the chunks.
    Case(
        17,
        "/chunked",
        "chunked",
        *("POST", _chunks, {**CHUNKED, "X-Unterminated": "1", "Connection": "close"}),
    ),
    Case(
        18,
        "/unread",
        "unread",
        *("POST", "the body"),
        expected="NAME=LOOKUP unread",
    ),
    Case(19, "/login", "login", "POST", expected="welcome"),
    Case(19, "/me", "me", expected="NAME NAME=LOOKUP=LOOKUP"),
    Case(
        20,
        "/outer",
        "outer",
        expected=_json("NAME before=LOOKUP", _LINES, "NAME after=LOOKUP"),
    ),
    Case(
        21,
        "/instrumented",
        "instrumented",
        expected=_json(" outer inner", "10.1.2.3", "NAME=LOOKUP"),
    ),
)


def ask_everything(client: Client) -> dict[Case, Answer]:
    """Send every case over one client's connection, and check what it is answered."""
    answers = {}
    try:
        for case in CASES:
            answers[case] = client.send(case)
            case.check(client, answers[case])
    finally:
        client.connection.close()
    return answers

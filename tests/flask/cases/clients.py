"""What clients ask of app.py, and what they have to get: each hard case of Flask."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.http_cases import Case, Client

PICTURE: Final = bytes(range(256)) * 200
BOUNDARY: Final = "cases"
FORM: Final = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nTea\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    f"{'y' * 50}\r\n--{BOUNDARY}--\r\n"
)
FORM_TYPE: Final = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


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

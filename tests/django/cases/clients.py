"""What clients ask of the project, and what they have to get: the hard cases of Django."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.http_cases import Answer, Case, Client

BOUNDARY: Final = "cases"
FORM_TYPE: Final = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
JSON_TYPE: Final = {"Content-Type": "application/json"}
CHUNKED: Final = {"Transfer-Encoding": "chunked"}
BIG: Final = 3_000_000
LINES: Final = "".join(f"NAME {number}=LOOKUP\n" for number in range(3))


def form(size: int) -> str:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nTea\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
        f"Content-Type: text/plain\r\n\r\n{'y' * size}\r\n--{BOUNDARY}--\r\n"
    )


def _json(*values: Any) -> str:
    return json.dumps(values).replace("'", '"')


def _chunks() -> Iterator[bytes]:
    yield from (b"one, ", b"two")


def send_form(client: Client) -> Answer:
    """Take a page with a form, and send the form with the token that the page has."""
    page = client.take()
    token = re.search(rb'value="(\w+)"', page.body)
    assert token is not None, page
    for sent in (f"csrfmiddlewaretoken={token[1].decode()}&a=1", "csrfmiddlewaretoken=wrong"):
        posted = Case(12, "/form/", "form", "POST", sent, FORM, status=200 if "&" in sent else 403)
        posted.check(client, client.send(posted))
    header = {"X-CSRFToken": client.cookies["csrftoken"]}
    put = Case(12, "/form/", "form", "PUT", "", header)
    put.check(client, client.send(put))
    return page


# A server closes a connection whose request it has not read.
CLOSE: Final = {"Connection": "close"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

CASES: Final = (
    Case(0, "/shop/plain/7/", "shop:plain", expected="NAME=LOOKUP"),
    Case(0, "/unnamed/", "tests.django.cases.views.plain", expected="NAME=LOOKUP"),
    Case(0, "/class/", "class", expected="NAME=LOOKUP"),
    Case(0, "/class/", "class", method="POST", status=403),
    Case(0, "/class/", "class", method="OPTIONS"),
    Case(0, "/class-async/", "class_async", expected="NAME=LOOKUP"),
    Case(1, "/streamed/", "streamed", expected=LINES),
    Case(2, "/streamed-async/", "streamed_async", expected=LINES),
    Case(3, "/file/", "file"),
    Case(4, "/raising/", "raising", status=500),
    Case(4, "/missing/", "missing", status=404),
    Case(4, "/denied/", "denied", status=403),
    Case(4, "/forgiven/", "forgiven", status=503, expected="sorry for NAME=LOOKUP"),
    Case(4, "/breaking/", "breaking", is_whole=False),
    Case(4, "/endless/", "endless", is_whole=False, read=Client.leave_early),
    Case(5, "/nowhere/", "unmatched:404", status=404),
    Case(5, "/shop/plain/7", "unmatched:301", status=301),
    Case(6, "/read-first/", "read_first", "POST", "the body"),
    Case(7, "/form-first/", "form_first", "POST", form(50), FORM_TYPE),
    Case(8, "/uploaded/", "uploaded", "POST", form(BIG), FORM_TYPE),
    Case(9, "/too-much/", "too_much", "POST", "x" * 200_000, CLOSE, 400),
    Case(10, "/body/", "body", "POST", "whole", expected="<whole>"),
    Case(10, "/body/", "body", "POST", _chunks, CHUNKED | CLOSE),
    Case(10, "/unread/", "unread", "POST", "the body", CLOSE, expected="NAME=LOOKUP unread"),
    Case(11, "/api/things/", "thing-list"),
    Case(11, "/api/things/", "thing-list", "POST", form(50), FORM_TYPE, status=201),
    Case(11, "/api/things/", "thing-list", "POST", '{"title": "Tea"}', JSON_TYPE, status=201),
    Case(11, "/api/things/3/", "thing-detail", status=404),
    Case(11, "/api/things/3/buy/", "thing-buy", "POST", '{"n": 1}', JSON_TYPE),
    Case(12, "/form/", "form", "POST", "a=1", FORM, status=403),
    Case(12, "/form/", "form", read=send_form),
    Case(12, "/form/", "form"),
    Case(19, "/gathered/", "gathered"),
    Case(19, "/threads/", "threads"),
    Case(20, "/inner/", "inner"),
    Case(22, "/varied/", "varied"),
    Case(24, "/other/plain/", "second:plain", expected="NAME=LOOKUP"),
    Case(25, "/signed/", "signed", expected="none NAME=LOOKUP"),
    Case(25, "/signed/", "signed", expected="tea of NAME NAME=LOOKUP"),
    Case(25, "/remembered/", "remembered", expected="[[], []]"),
    Case(25, "/remembered/", "remembered", expected='[["NAME=LOOKUP"], ["0 of NAME"]]'),
    Case(25, "/translated/", "translated", expected="Monday NAME=LOOKUP"),
    Case(25, "/translated/", "translated", expected="Montag NAME=LOOKUP"),
    Case(26, "/mailed/", "mailed", "POST", status=201),
)
"""In the order in which they are sent: the form without a token before there is one."""

SENT_WITHIN_A_CASE: Final = ("form", "form", "form")
"""The categories of what `send_form` sends beside the case itself."""

ASGI_CASES: Final = (Case(20, "/outliving/", "outliving", expected="NAME=LOOKUP"),)
"""Those that only an event loop goes on with after the answer."""

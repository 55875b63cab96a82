"""Real HTTP traffic: visitors who send requests over kept connections, several at once."""

import http.client
import json
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from http.cookies import SimpleCookie
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlencode, urlsplit

RECORDING_HEADER = "X-Playback-Recording-Id"
PNG = b"\x89PNG\r\n\x1a\n"
FORM = "application/x-www-form-urlencoded"


class TrafficError(Exception):
    """The service did not answer, or with a status that the visitor's script does not allow."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; `recording_id` is None where nothing was recorded.

    `seconds` is the time from the request to the end of the answer.
    """

    method: str
    path: str
    status: int
    recording_id: str | None
    location: str | None
    body: bytes
    seconds: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Traffic:
    """Everything that was asked and answered, and what was `unexpected` of it, in words."""

    exchanges: list[Exchange] = field(default_factory=list)
    seconds: float = 0.0
    unexpected: list[str] = field(default_factory=list)

    def by_status(self) -> dict[int, int]:
        """Count the answers by status."""
        return dict(sorted(Counter(exchange.status for exchange in self.exchanges).items()))

    @classmethod
    def of(cls, parts: Sequence[Self], seconds: float) -> Self:
        """Put the traffic of several together, which took so many `seconds`."""
        lists = [each.name for each in fields(cls) if each.name != "seconds"]
        joined = {name: [one for part in parts for one in getattr(part, name)] for name in lists}
        return cls(seconds=seconds, **joined)


OwnTraffic = TypeVar("OwnTraffic", bound=Traffic)


class Visitor(ABC, Generic[OwnTraffic]):
    """One visitor on one kept connection, with cookies; what is asked follows from the seed."""

    def __init__(self, address: str, seed: int, traffic: OwnTraffic) -> None:
        self.traffic = traffic
        self.choice = random.Random(seed)
        self.cookies: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        self._asked = 0

    @abstractmethod
    def scripts(self) -> Mapping[Callable[[], object], int]:
        """Return what the visitor does, in the order of the first time, and how often later.

        That is the weight by which a script is chosen; 0 is never again.
        """

    def headers(self) -> Mapping[str, str]:
        """Return what a request that changes something has beside its cookies."""
        return {}

    def visit(self, requests: int, stop: threading.Event, *, go_on: bool = False) -> OwnTraffic:
        """Follow the scripts until `requests` were sent or `stop` is set.

        Where `go_on`, something unexpected is noted, and the next script begins.
        """
        try:
            scripts = self.scripts()
            # One of each first, so that the shortest traffic has all kinds of requests.
            todo, weights = list(scripts), list(scripts.values())
            while self._asked < requests and not stop.is_set():
                script = todo.pop(0) if todo else self.choice.choices(list(scripts), weights)[0]
                try:
                    script()
                except TrafficError as error:
                    if not go_on:
                        raise
                    self.traffic.unexpected.append(str(error))
        finally:
            self.leave()
        return self.traffic

    def leave(self) -> None:
        """Close the connection; the next request opens another one."""
        self._connection.close()

    def send_form(self, path: str, form: Mapping[str, object], *, expect: int) -> Exchange:
        return self.send("POST", path, urlencode(form).encode(), FORM, expect=expect)

    def send_picture(self, path: str, picture: bytes, *, expect: int) -> Exchange:
        """Upload a picture as a form of several parts, in the field `image`."""
        boundary = f"boundary{self.choice.getrandbits(64):016x}"
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="image"; filename="picture.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        body = head.encode() + picture + f"\r\n--{boundary}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={boundary}"
        return self.send("POST", path, body, content_type, expect=expect)

    def send_json(self, path: str, value: object, *, expect: int) -> Exchange:
        body = json.dumps(value).encode()
        return self.send("POST", path, body, "application/json", expect=expect)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = FORM,
        *,
        expect: int = 200,
    ) -> Exchange:
        """Send a request and read its answer; raise TrafficError where that is not as expected."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": content_type, **self.headers()}
        self._asked += 1
        started = time.perf_counter()
        try:
            self._connection.request(method, path, body, {k: v for k, v in headers.items() if v})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise TrafficError(f"{method} {path} was not answered: {error!r}") from error
        exchange = Exchange(
            method,
            path,
            response.status,
            response.getheader(RECORDING_HEADER),
            response.getheader("Location"),
            content,
            time.perf_counter() - started,
        )
        self.traffic.exchanges.append(exchange)
        self._take_cookies(response)
        if exchange.status != expect:
            raise TrafficError(
                f"{method} {path} was answered {exchange.status} instead of {expect}:"
                f" {exchange.body[:300].decode(errors='replace')}"
            )
        return exchange

    def _take_cookies(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(header).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)


def visit_at_once(
    visitors: Sequence[Visitor[OwnTraffic]], requests: int, *, go_on: bool = False
) -> OwnTraffic:
    """Have all visitors send about `requests` requests together, and return their traffic.

    Raise TrafficError where an answer is not what a script expects; where `go_on`, note it.
    """
    share = -(-requests // len(visitors))
    stop = threading.Event()
    started = time.monotonic()
    with ThreadPoolExecutor(len(visitors)) as pool:
        try:
            parts: list[OwnTraffic] = list(
                pool.map(lambda one: one.visit(share, stop, go_on=go_on), visitors)
            )
        finally:
            stop.set()
    together: OwnTraffic = type(parts[0]).of(parts, time.monotonic() - started)
    return together

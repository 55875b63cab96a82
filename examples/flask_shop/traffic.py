"""Real HTTP traffic for the shop: some customers who browse, order, upload and export."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

RECORDING_HEADER = "X-Playback-Recording-Id"
PASSWORDS = {
    "ada": "engine",
    "bela": "mikrokosmos",
    "chen": "one plus two",
    "dora": "displacement",
}
SKUS = ("axe", "broom", "chisel", "drill", "file", "glue")
PNG = b"\x89PNG\r\n\x1a\n"
FORM = "application/x-www-form-urlencoded"


class TrafficError(Exception):
    """The shop did not answer, or with a status that the customer's script does not allow."""


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


@dataclass(frozen=True, slots=True)
class ComputedTotal:
    """A total that the shop's pricing worked out while it handled `exchange`."""

    exchange: Exchange
    unit_price: Decimal
    quantity: int
    total: Decimal


@dataclass(slots=True)
class Traffic:
    """Everything that was asked and answered, and what was `unexpected` of it, in words."""

    exchanges: list[Exchange] = field(default_factory=list)
    totals: list[ComputedTotal] = field(default_factory=list)
    seconds: float = 0.0
    unexpected: list[str] = field(default_factory=list)

    def by_status(self) -> dict[int, int]:
        """Count the answers by status."""
        return dict(sorted(Counter(exchange.status for exchange in self.exchanges).items()))


class Customer:
    """One customer on one keep-alive connection, whose requests follow from the seed alone."""

    def __init__(self, address: str, name: str, seed: int) -> None:
        self.traffic = Traffic()
        self._name = name
        self._choice = random.Random(seed)
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        self._cookie = ""
        self._asked = 0

    def shop(self, requests: int, stop: threading.Event, *, go_on: bool = False) -> Traffic:
        """Sign in, then do this and that until `requests` were sent or `stop` is set.

        Where `go_on`, something unexpected is noted, and the next script begins.
        """
        try:
            # One of each first, so that the shortest traffic has orders.
            scripts = [self.order_in_json, self.order_by_form, self.quote, self.export]
            scripts += [self.upload, self.browse, self.err, self.come_back]
            weights = [4, 3, 4, 2, 2, 6, 2, 1]
            todo = [self.sign_in, *scripts]
            while self._asked < requests and not stop.is_set():
                script = todo.pop(0) if todo else self._choice.choices(scripts, weights)[0]
                try:
                    script()
                except TrafficError as error:
                    if not go_on:
                        raise
                    self.traffic.unexpected.append(str(error))
        finally:
            self._connection.close()
        return self.traffic

    def sign_in(self) -> None:
        self._send("GET", "/account", expect=302)
        self._send("GET", "/sign-in")
        self._send_form("/sign-in", {"name": self._name, "password": "a guess"}, expect=403)
        password = PASSWORDS[self._name]
        self._send_form("/sign-in", {"name": self._name, "password": password}, expect=303)

    def come_back(self) -> None:
        self._send("POST", "/sign-out", expect=303)
        self.sign_in()

    def browse(self) -> None:
        self._send("GET", "/", expect=302)
        self._send("GET", f"/products?page={self._choice.randint(1, 4)}")
        self._send("GET", f"/products/{self._choice.choice(SKUS)}")
        self._send("GET", f"/api/v1/products?page={self._choice.randint(1, 3)}")
        self._send("GET", f"/api/v1/products/{self._choice.choice(SKUS)}")
        self._send("GET", "/account")

    def quote(self) -> None:
        sku, quantity = self._choice.choice(SKUS), self._choice.randint(1, 30)
        quoted = self._send("GET", f"/api/v1/quotes/{sku}?quantity={quantity}")
        self._note_total(quoted, quoted.json())

    def order_in_json(self) -> None:
        order = {"sku": self._choice.choice(SKUS), "quantity": self._quantity()}
        placed = self._send_json("/api/v1/orders", order, expect=201)
        self._note_total(placed, placed.json())

    def order_by_form(self) -> None:
        """Order; the redirect's target shows what the redirecting request has worked out."""
        order = {"sku": self._choice.choice(SKUS), "quantity": self._quantity()}
        placed = self._send_form("/orders", order, expect=303)
        shown = self._send("GET", str(placed.location))
        self._note_total(placed, shown.json())

    def upload(self) -> None:
        content = self._choice.randbytes(self._choice.randint(500, 20_000))
        self._send_picture(PNG + content, expect=201)

    def export(self) -> None:
        self._send("GET", "/exports/orders.csv")

    def err(self) -> None:
        """Do what customers do wrong, and what the shop does wrong."""
        self._send("GET", "/products/unicorn", expect=404)
        self._send("GET", "/no/such/page", expect=404)
        self._send_json("/api/v1/orders", {"sku": "axe", "quantity": -1}, expect=400)
        self._send_json("/api/v1/orders", {"sku": "hammer", "quantity": 13}, expect=409)
        self._send("GET", "/api/v1/quotes/jig?quantity=12", expect=502)
        self._send("GET", "/reports/stock?page=99", expect=500)
        self._send_picture(b"GIF89a", expect=415)

    def _quantity(self) -> int:
        return self._choice.choice((1, 2, 3, 10, 12, 25))

    def _note_total(self, exchange: Exchange, order: Mapping[str, Any]) -> None:
        self.traffic.totals.append(
            ComputedTotal(
                exchange,
                unit_price=Decimal(order["unit_price"]),
                quantity=int(order["quantity"]),
                total=Decimal(order["total"]),
            )
        )

    def _send_form(self, path: str, form: Mapping[str, object], *, expect: int) -> Exchange:
        return self._send("POST", path, urlencode(form).encode(), FORM, expect=expect)

    def _send_picture(self, picture: bytes, *, expect: int) -> Exchange:
        boundary = f"boundary{self._choice.getrandbits(64):016x}"
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="image"; filename="picture.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        body = head.encode() + picture + f"\r\n--{boundary}--\r\n".encode()
        path = f"/products/{self._choice.choice(SKUS)}/image"
        content_type = f"multipart/form-data; boundary={boundary}"
        return self._send("POST", path, body, content_type, expect=expect)

    def _send_json(self, path: str, value: object, *, expect: int) -> Exchange:
        return self._send(
            "POST", path, json.dumps(value).encode(), "application/json", expect=expect
        )

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = FORM,
        *,
        expect: int = 200,
    ) -> Exchange:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if body is not None:
            headers["Content-Type"] = content_type
        self._asked += 1
        started = time.perf_counter()
        try:
            self._connection.request(method, path, body, headers)
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
        for morsel in SimpleCookie(response.getheader("Set-Cookie", "")).values():
            self._cookie = f"{morsel.key}={morsel.value}" if morsel.value else ""
        if response.status != expect:
            raise TrafficError(
                f"{method} {path} was answered {response.status} instead of {expect}:"
                f" {exchange.body[:300].decode(errors='replace')}"
            )
        return exchange


def send_traffic(
    address: str, requests: int, *, connections: int = 8, seed: int = 1, go_on: bool = False
) -> Traffic:
    """Send about `requests` requests to the shop at `address`, over `connections` at once.

    Each customer's script follows from `seed`; how they interleave does not. Raises
    `TrafficError` where an answer is not what the script expects; where `go_on`, notes it.
    """
    names = list(PASSWORDS)
    customers = [
        Customer(address, names[number % len(names)], seed * 1000 + number)
        for number in range(connections)
    ]
    share = -(-requests // connections)
    stop = threading.Event()
    started = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        try:
            parts = list(
                pool.map(lambda customer: customer.shop(share, stop, go_on=go_on), customers)
            )
        finally:
            stop.set()
    return Traffic(
        exchanges=[exchange for part in parts for exchange in part.exchanges],
        totals=[total for part in parts for total in part.totals],
        seconds=time.monotonic() - started,
        unexpected=[each for part in parts for each in part.unexpected],
    )

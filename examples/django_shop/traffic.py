"""Real HTTP traffic for the shop: some customers who browse, order, upload and export."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from examples.live_demo.visitors import PNG, Exchange, Traffic, Visitor

PASSWORDS = {
    "ada": "engine",
    "bela": "mikrokosmos",
    "chen": "one plus two",
    "dora": "displacement",
}
SKUS = ("axe", "broom", "chisel", "drill", "file", "glue")
PAGES = 3
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass(frozen=True, slots=True)
class Priced:
    """Lines that the shop's pricing worked out while it handled `exchange`.

    They are pairs of a price and a quantity. Where they were `ordered`, a receipt was mailed.
    """

    exchange: Exchange
    lines: list[tuple[Decimal, int]]
    ordered: bool


@dataclass(slots=True)
class ShopTraffic(Traffic):
    """Everything that was asked and answered, and what is known of some of it."""

    priced: list[Priced] = field(default_factory=list)
    pages: list[Exchange] = field(default_factory=list)
    """Those that show products."""
    trespassed: list[Exchange] = field(default_factory=list)
    """Those that asked for an order of somebody else."""


class Customer(Visitor[ShopTraffic]):
    """One customer on one keep-alive connection, whose requests follow from the seed alone."""

    def __init__(self, address: str, name: str, seed: int) -> None:
        super().__init__(address, seed, ShopTraffic())
        self._name = name
        self._prices: dict[str, Decimal] = {}

    def scripts(self) -> Mapping[Callable[[], object], int]:
        return {
            self.sign_in: 0,
            self.learn_prices: 0,
            self.order_by_api: 3,
            self.order_one_kind: 2,
            self.order_two_kinds: 2,
            self.quote: 4,
            self.export: 2,
            self.upload: 2,
            self.browse: 6,
            self.trespass: 1,
            self.err: 2,
            self.come_back: 1,
        }

    def headers(self) -> Mapping[str, str]:
        return {"X-CSRFToken": self.cookies.get("csrftoken", "")}

    def sign_in(self) -> None:
        self._sign_in(self._name)

    def learn_prices(self) -> None:
        for page in range(1, PAGES + 1):
            shown = self.send("GET", f"/api/products/?page={page}").json()["results"]
            self._prices |= {each["sku"]: Decimal(each["price"]) for each in shown}

    def come_back(self) -> None:
        self.send_form("/sign-out/", _token(self.send("GET", "/account/")), expect=302)
        self.sign_in()

    def browse(self) -> None:
        self.send("GET", "/", expect=302)
        page = self.choice.randint(1, PAGES)
        self.traffic.pages.append(self.send("GET", f"/products/?page={page}"))
        self.send("GET", f"/products/?page={PAGES + 1}")
        self.send("GET", f"/products/{self.choice.choice(SKUS)}/")
        self.send("GET", f"/api/products/{self.choice.choice(SKUS)}/")
        self.send("GET", "/stock/")
        self.send("GET", "/account/")
        self.send("GET", "/reports/price/")

    def quote(self) -> None:
        sku, quantity = self.choice.choice(SKUS), self.choice.randint(1, 30)
        quoted = self.send("GET", f"/api/products/{sku}/quote/?quantity={quantity}")
        self._note_priced(quoted, {sku: quantity}, ordered=False)

    def order_by_api(self) -> None:
        sku, quantity = self.choice.choice(SKUS), self._quantity()
        placed = self.send_json("/api/orders/", {"sku": sku, "quantity": quantity}, expect=201)
        self._note_priced(placed, {sku: quantity}, ordered=True)
        self.send("GET", f"/api/orders/{placed.json()['reference']}/")
        self.send("GET", "/api/orders/")

    def order_one_kind(self) -> None:
        self._order({self.choice.choice(SKUS): self._quantity()})

    def order_two_kinds(self) -> None:
        self._order({sku: self._quantity() for sku in self.choice.sample(SKUS, 2)})

    def upload(self) -> None:
        content = self.choice.randbytes(self.choice.randint(500, 20_000))
        self._send_picture(PNG + content, expect=201)

    def export(self) -> None:
        self.send("GET", "/exports/orders.csv")

    def trespass(self) -> None:
        """Ask for what somebody else has ordered."""
        sku = self.choice.choice(SKUS)
        placed = self.send_json("/api/orders/", {"sku": sku, "quantity": 1}, expect=201)
        self._note_priced(placed, {sku: 1}, ordered=True)
        own, self.cookies = self.cookies, {}
        self._sign_in(next(name for name in PASSWORDS if name != self._name))
        reference = placed.json()["reference"]
        refused = self.send("GET", f"/api/orders/{reference}/", expect=403)
        self.traffic.trespassed.append(refused)
        self.send("GET", f"/orders/{reference}/", expect=404)
        self.cookies = own

    def err(self) -> None:
        """Do what customers do wrong, and what the shop does wrong."""
        self.send("GET", "/products/unicorn/", expect=404)
        self.send("GET", "/no/such/page", expect=404)
        self.send_json("/api/orders/", {"sku": "axe", "quantity": -1}, expect=400)
        wanted = {"hammer": 13}
        sold_out = self.send_json("/api/orders/", {"sku": "hammer", "quantity": 13}, expect=409)
        self._note_priced(sold_out, wanted, ordered=False)
        self.send_form("/checkout/", {"csrfmiddlewaretoken": "x" * 64}, expect=403)
        self.send_form("/checkout/", {}, expect=400)
        self.send("GET", "/reports/price/?from=unicorn", expect=500)
        self._send_picture(b"GIF89a", expect=415)

    def _order(self, quantities: Mapping[str, int]) -> None:
        for sku, quantity in quantities.items():
            shown = self.send("GET", f"/products/{sku}/")
            form = {"sku": sku, "quantity": quantity, **_token(shown)}
            self.send_form("/basket/put/", form, expect=302)
        basket = self.send("GET", "/basket/")
        placed = self.send_form("/checkout/", _token(basket), expect=302)
        self._note_priced(placed, quantities, ordered=True)
        self.send("GET", str(placed.location))

    def _sign_in(self, name: str) -> None:
        self.send("GET", "/account/", expect=302)
        token = _token(self.send("GET", "/sign-in/"))
        wrong = {"username": name, "password": "a guess", **token}
        self.send_form("/sign-in/", wrong, expect=200)
        right = {"username": name, "password": PASSWORDS[name], **token}
        self.send_form("/sign-in/", right, expect=302)

    def _quantity(self) -> int:
        return self.choice.choice((1, 2, 3, 10, 15, 25))

    def _note_priced(
        self, exchange: Exchange, quantities: Mapping[str, int], *, ordered: bool
    ) -> None:
        lines = [(self._prices[sku], quantity) for sku, quantity in quantities.items()]
        self.traffic.priced.append(Priced(exchange, lines, ordered))

    def _send_picture(self, picture: bytes, *, expect: int) -> Exchange:
        path = f"/products/{self.choice.choice(SKUS)}/image"
        return self.send_picture(path, picture, expect=expect)


def customers(address: str, connections: int = 8, *, seed: int = 1) -> list[Customer]:
    """Return customers of the shop at `address`, each with a connection of their own.

    Each one's scripts follow from `seed`; how they interleave does not.
    """
    names = list(PASSWORDS)
    return [
        Customer(address, names[number % len(names)], seed * 1000 + number)
        for number in range(connections)
    ]


def _token(page: Exchange) -> dict[str, str]:
    found = TOKEN.search(page.body)
    return {"csrfmiddlewaretoken": found.group(1).decode()} if found else {}

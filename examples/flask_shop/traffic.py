"""Real HTTP traffic for the shop: some customers who browse, order, upload and export."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from examples.live_demo.visitors import PNG, Exchange, Traffic, Visitor

PASSWORDS = {
    "ada": "engine",
    "bela": "mikrokosmos",
    "chen": "one plus two",
    "dora": "displacement",
}
SKUS = ("axe", "broom", "chisel", "drill", "file", "glue")


@dataclass(frozen=True, slots=True)
class ComputedTotal:
    """A total that the shop's pricing worked out while it handled `exchange`."""

    exchange: Exchange
    unit_price: Decimal
    quantity: int
    total: Decimal


@dataclass(slots=True)
class ShopTraffic(Traffic):
    """Everything that was asked and answered, and the totals that came to it."""

    totals: list[ComputedTotal] = field(default_factory=list)


class Customer(Visitor[ShopTraffic]):
    """One customer on one keep-alive connection, whose requests follow from the seed alone."""

    def __init__(self, address: str, name: str, seed: int) -> None:
        super().__init__(address, seed, ShopTraffic())
        self._name = name

    def scripts(self) -> Mapping[Callable[[], object], int]:
        return {
            self.sign_in: 0,
            self.order_in_json: 4,
            self.order_by_form: 3,
            self.quote: 4,
            self.export: 2,
            self.upload: 2,
            self.browse: 6,
            self.err: 2,
            self.come_back: 1,
        }

    def sign_in(self) -> None:
        self.send("GET", "/account", expect=302)
        self.send("GET", "/sign-in")
        self.send_form("/sign-in", {"name": self._name, "password": "a guess"}, expect=403)
        password = PASSWORDS[self._name]
        self.send_form("/sign-in", {"name": self._name, "password": password}, expect=303)

    def come_back(self) -> None:
        self.send("POST", "/sign-out", expect=303)
        self.sign_in()

    def browse(self) -> None:
        self.send("GET", "/", expect=302)
        self.send("GET", f"/products?page={self.choice.randint(1, 4)}")
        self.send("GET", f"/products/{self.choice.choice(SKUS)}")
        self.send("GET", f"/api/v1/products?page={self.choice.randint(1, 3)}")
        self.send("GET", f"/api/v1/products/{self.choice.choice(SKUS)}")
        self.send("GET", "/account")

    def quote(self) -> None:
        sku, quantity = self.choice.choice(SKUS), self.choice.randint(1, 30)
        quoted = self.send("GET", f"/api/v1/quotes/{sku}?quantity={quantity}")
        self._note_total(quoted, quoted.json())

    def order_in_json(self) -> None:
        order = {"sku": self.choice.choice(SKUS), "quantity": self._quantity()}
        placed = self.send_json("/api/v1/orders", order, expect=201)
        self._note_total(placed, placed.json())

    def order_by_form(self) -> None:
        """Order; the redirect's target shows what the redirecting request has worked out."""
        order = {"sku": self.choice.choice(SKUS), "quantity": self._quantity()}
        placed = self.send_form("/orders", order, expect=303)
        shown = self.send("GET", str(placed.location))
        self._note_total(placed, shown.json())

    def upload(self) -> None:
        content = self.choice.randbytes(self.choice.randint(500, 20_000))
        self._send_picture(PNG + content, expect=201)

    def export(self) -> None:
        self.send("GET", "/exports/orders.csv")

    def err(self) -> None:
        """Do what customers do wrong, and what the shop does wrong."""
        self.send("GET", "/products/unicorn", expect=404)
        self.send("GET", "/no/such/page", expect=404)
        self.send_json("/api/v1/orders", {"sku": "axe", "quantity": -1}, expect=400)
        self.send_json("/api/v1/orders", {"sku": "hammer", "quantity": 13}, expect=409)
        self.send("GET", "/api/v1/quotes/jig?quantity=12", expect=502)
        self.send("GET", "/reports/stock?page=99", expect=500)
        self._send_picture(b"GIF89a", expect=415)

    def _quantity(self) -> int:
        return self.choice.choice((1, 2, 3, 10, 12, 25))

    def _note_total(self, exchange: Exchange, order: Mapping[str, Any]) -> None:
        self.traffic.totals.append(
            ComputedTotal(
                exchange,
                unit_price=Decimal(order["unit_price"]),
                quantity=int(order["quantity"]),
                total=Decimal(order["total"]),
            )
        )

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

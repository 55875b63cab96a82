"""Orders: placing, finding and listing them."""

import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from . import audit, catalogue, prices, pricing
from .database import transaction


class OutOfStock(Exception):
    """There are fewer pieces than were ordered."""


@dataclass(frozen=True, slots=True)
class Order:
    reference: str
    customer: str
    sku: str
    quantity: int
    unit_price: Decimal
    total: Decimal
    placed_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the order as the API shows it: money as text, time in ISO format."""
        return asdict(self) | {
            "unit_price": str(self.unit_price),
            "total": str(self.total),
            "placed_at": self.placed_at.isoformat(),
        }


def place_order(customer: str, sku: str, quantity: int) -> Order:
    """Price, reserve and store an order; raise `OutOfStock` or `PriceUnavailable`."""
    unit_price = prices.current_price(sku)
    order = Order(
        reference=new_reference(),
        customer=customer,
        sku=sku,
        quantity=quantity,
        unit_price=unit_price,
        total=pricing.order_total(unit_price, quantity),
        placed_at=now(),
    )
    if not catalogue.take_stock(sku, quantity):
        raise OutOfStock(f"There are no {quantity} pieces of {sku} left.")
    insert_order(order)
    audit.write_line(f"{order.placed_at.isoformat()} {customer} ordered {order.reference}")
    return order


def new_reference() -> str:
    return secrets.token_hex(6)


def now() -> datetime:
    return datetime.now(UTC)


def insert_order(order: Order) -> None:
    row = order.as_json()
    values = ", ".join(f":{name}" for name in row)
    with transaction() as connection:
        connection.change(f"INSERT INTO placed_order ({', '.join(row)}) VALUES ({values})", **row)


def find_order(reference: str) -> Order | None:
    with transaction() as connection:
        rows = connection.rows(
            "SELECT * FROM placed_order WHERE reference = :reference", reference=reference
        )
    return _order(rows[0]) if rows else None


def orders_of(customer: str, size: int = 10) -> list[Order]:
    """Return the latest orders of a customer, newest first."""
    with transaction() as connection:
        rows = connection.rows(
            "SELECT * FROM placed_order WHERE customer = :customer"
            " ORDER BY number DESC LIMIT :size",
            customer=customer,
            size=size,
        )
    return [_order(row) for row in rows]


def orders_page(after: int, size: int) -> list[tuple[int, Order]]:
    """Return the next orders by number, each with its number; empty after the last."""
    with transaction() as connection:
        rows = connection.rows(
            "SELECT * FROM placed_order WHERE number > :after ORDER BY number LIMIT :size",
            after=after,
            size=size,
        )
    return [(row["number"], _order(row)) for row in rows]


def _order(row: Any) -> Order:
    return Order(
        reference=row["reference"],
        customer=row["customer"],
        sku=row["sku"],
        quantity=row["quantity"],
        unit_price=Decimal(row["unit_price"]),
        total=Decimal(row["total"]),
        placed_at=datetime.fromisoformat(row["placed_at"]),
    )

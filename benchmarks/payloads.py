"""Payloads like those a shop's services exchange; the same ones for the same seed."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

KILOBYTE: Final = 1024

_GIVEN: Final = ("Ada", "Bela", "Chen", "Dora", "Emil", "Farah", "Goran", "Hana", "Ivo", "Jun")
_FAMILY: Final = ("Novak", "Okafor", "Tanaka", "Silva", "Haddad", "Larsen", "Moreau", "Rossi")
_LOOKS: Final = ("small", "large", "steel", "oak", "red", "blue", "folding", "spare", "outdoor")
_GOODS: Final = ("axe", "broom", "chisel", "drill", "file", "glue", "jigsaw", "kettle", "lamp")
_TAGS: Final = ("fragile", "express", "gift", "repeat", "wholesale", "pickup", "insured")
_START: Final = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Address:
    """Where an order goes."""

    street: str
    number: int
    valid_from: date


@dataclass(frozen=True)
class TypedOrder:
    """An order as an application holds it: with dates, Decimals and a class of its own."""

    id: str
    created_at: datetime
    due: date
    total: Decimal
    paid: bool
    address: Address
    tags: list[str]
    lines: list[dict[str, Any]]


def orders(count: int, size: int = KILOBYTE, seed: int = 1) -> list[dict[str, Any]]:
    """Return different JSON-like orders of about `size` bytes of compact JSON each."""
    random = Random(seed)
    return [_order(random, size) for _ in range(count)]


def typed_orders(count: int, size: int = KILOBYTE, seed: int = 1) -> list[TypedOrder]:
    """Return different orders with typed leaves, of the content of an order of `size` bytes."""
    random = Random(seed)
    return [_typed(_order(random, size), random) for _ in range(count)]


def compact_json(value: Any) -> bytes:
    """Return a value as JSON without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()


def _order(random: Random, size: int) -> dict[str, Any]:
    given, family = random.choice(_GIVEN), random.choice(_FAMILY)
    created_at = _START + timedelta(
        seconds=random.randrange(10**7), milliseconds=random.randrange(999)
    )
    lines: list[dict[str, Any]] = []
    order = {
        "id": f"{random.getrandbits(96):024x}",
        "number": random.randrange(10**6, 10**7),
        "customer": {
            "id": random.randrange(10**5),
            "name": f"{given} {family}",
            "email": f"{given}.{family}{random.randrange(99)}@example.org".lower(),
            "vip": random.random() < 0.2,
        },
        "created_at": created_at.isoformat().replace("+00:00", "Z"),
        "currency": random.choice(["EUR", "USD", "GBP"]),
        "total": round(random.uniform(5, 2000), 2),
        "paid": random.random() < 0.8,
        "coupon": None if random.random() < 0.7 else f"SAVE{random.randrange(10, 99)}",
        "tags": random.sample(_TAGS, random.randrange(1, 4)),
        "position": [round(random.uniform(-90, 90), 5), round(random.uniform(-180, 180), 5)],
        "lines": lines,
    }
    length = len(compact_json(order))
    while length < size - 40:
        lines.append(_line(random))
        length += len(compact_json(lines[-1])) + 1
    return order


def _line(random: Random) -> dict[str, Any]:
    return {
        "sku": f"{random.choice('ABCDEF')}{random.randrange(10**5):05d}",
        "name": f"{random.choice(_LOOKS)} {random.choice(_GOODS)}",
        "quantity": random.randrange(1, 12),
        "price": round(random.uniform(0.5, 300), 2),
        "in_stock": random.random() < 0.9,
        "discounts": [round(random.random() / 4, 3) for _ in range(random.randrange(3))],
    }


def _typed(order: dict[str, Any], random: Random) -> TypedOrder:
    created_at = datetime.fromisoformat(order["created_at"])
    customer = order["customer"]
    return TypedOrder(
        id=order["id"],
        created_at=created_at,
        due=created_at.date() + timedelta(days=random.randrange(30)),
        total=Decimal(str(order["total"])),
        paid=order["paid"],
        address=Address(customer["name"], customer["id"], _START.date()),
        tags=order["tags"],
        lines=[
            {**line, "price": Decimal(str(line["price"])), "packed_at": created_at}
            for line in order["lines"]
        ],
    )

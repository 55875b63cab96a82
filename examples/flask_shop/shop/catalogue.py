"""Products: what the shop offers, and how many of each it has."""

import json
from dataclasses import asdict, dataclass

from . import cache
from .database import transaction

PAGE_SIZE = 3
PAGE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    stock: int


def products_page(page: int) -> list[Product]:
    """Return one page of products by SKU, which may be a second old.

    Pages count from 1, one past the last is empty.
    """
    known = cache.client().get(f"shop:page:{page}")
    if known is not None:
        return [Product(**fields) for fields in json.loads(known)]
    with transaction() as connection:
        rows = connection.rows(
            "SELECT sku, name, stock FROM product ORDER BY sku LIMIT :size OFFSET :start",
            size=PAGE_SIZE,
            start=(page - 1) * PAGE_SIZE,
        )
    products = [Product(**row) for row in rows]
    text = json.dumps([asdict(product) for product in products])
    cache.client().set(f"shop:page:{page}", text, ex=PAGE_SECONDS)
    return products


def find_product(sku: str) -> Product | None:
    with transaction() as connection:
        rows = connection.rows("SELECT sku, name, stock FROM product WHERE sku = :sku", sku=sku)
    return Product(**rows[0]) if rows else None


def take_stock(sku: str, quantity: int) -> bool:
    """Take pieces out of the stock; False when there are not as many."""
    with transaction() as connection:
        taken = connection.change(
            "UPDATE product SET stock = stock - :quantity WHERE sku = :sku AND stock >= :quantity",
            sku=sku,
            quantity=quantity,
        )
    return taken == 1


def save_image(sku: str, content: bytes) -> str:
    """Store the picture of a product and return its name."""
    with transaction() as connection:
        connection.change(
            "INSERT INTO picture VALUES (:sku, :content)"
            " ON CONFLICT (sku) DO UPDATE SET content = excluded.content",
            sku=sku,
            content=content,
        )
    return f"{sku}.png"

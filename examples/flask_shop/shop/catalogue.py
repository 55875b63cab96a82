"""Products: what the shop offers, and how many of each it has."""

from dataclasses import dataclass

from playback_core import recorder

from .database import data_folder, transaction

PAGE_SIZE = 3


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    stock: int


@recorder.intercept_input(alias="shop.products.page")
def products_page(page: int) -> list[Product]:
    """Return one page of products by SKU; pages count from 1, one past the last is empty."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT sku, name, stock FROM product ORDER BY sku LIMIT ? OFFSET ?",
            (PAGE_SIZE, (page - 1) * PAGE_SIZE),
        ).fetchall()
    return [Product(**row) for row in rows]


@recorder.intercept_input(alias="shop.products.find")
def find_product(sku: str) -> Product | None:
    with transaction() as connection:
        row = connection.execute(
            "SELECT sku, name, stock FROM product WHERE sku = ?", (sku,)
        ).fetchone()
    return Product(**row) if row else None


@recorder.intercept_output(alias="shop.products.take_stock")
def take_stock(sku: str, quantity: int) -> bool:
    """Take pieces out of the stock; False when there are not as many."""
    with transaction() as connection:
        taken = connection.execute(
            "UPDATE product SET stock = stock - ? WHERE sku = ? AND stock >= ?",
            (quantity, sku, quantity),
        )
    return taken.rowcount == 1


@recorder.intercept_output(alias="shop.products.save_image")
def save_image(sku: str, content: bytes) -> str:
    """Store the picture of a product and return the name of its file."""
    uploads = data_folder() / "uploads"
    uploads.mkdir(exist_ok=True)
    (uploads / f"{sku}.png").write_bytes(content)
    return f"{sku}.png"

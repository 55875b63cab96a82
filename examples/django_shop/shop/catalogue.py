"""Products: what the shop offers."""

from django.core.cache import cache

from .models import Product

PAGE_SIZE = 3
PAGE_SECONDS = 1


def products_page(page: int) -> list[Product]:
    """Return one page of products by SKU, which may be a second old.

    Pages count from 1, one past the last is empty.
    """
    start = (page - 1) * PAGE_SIZE
    return cache.get_or_set(
        f"products:{page}",
        lambda: list(Product.objects.all()[start : start + PAGE_SIZE]),
        PAGE_SECONDS,
    )

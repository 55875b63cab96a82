"""Placing an order: all of it in one transaction, or nothing."""

import secrets
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from .models import Order, OrderLine, Product
from .pricing import line_total
from .receipts import send_receipt


class OutOfStock(Exception):
    """There are fewer pieces than were ordered."""


@transaction.atomic
def place_order(customer: User, quantities: Mapping[str, int]) -> Order:
    """Take the pieces out of the stock and store an order of them; raise `OutOfStock`.

    `quantities` are by the SKUs of products that exist. The customer gets a receipt by mail once
    everything is stored.
    """
    products = {each.sku: each for each in Product.objects.filter(sku__in=quantities)}
    # In one order for all: else two transactions could wait for each other.
    wanted = [(products[sku], quantity) for sku, quantity in sorted(quantities.items())]
    lines = [
        OrderLine(product=product, quantity=quantity, total=line_total(product.price, quantity))
        for product, quantity in wanted
    ]
    order = Order.objects.create(
        reference=secrets.token_hex(6),
        customer=customer,
        total=sum((line.total for line in lines), Decimal(0)),
        placed_at=timezone.now(),
    )
    for line in lines:
        line.order = order
        _take(line.product, line.quantity)
    OrderLine.objects.bulk_create(lines)
    transaction.on_commit(partial(send_receipt, order, len(lines)))
    return order


def _take(product: Product, quantity: int) -> None:
    try:
        with transaction.atomic():
            Product.objects.filter(pk=product.pk).update(stock=F("stock") - quantity)
    except IntegrityError:
        raise OutOfStock(f"There are no {quantity} pieces of {product.sku} left.") from None

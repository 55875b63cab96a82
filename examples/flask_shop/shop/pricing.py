"""What an order costs."""

from decimal import ROUND_HALF_UP, Decimal

BULK_QUANTITY = 10
BULK_DISCOUNT = Decimal("0.10")
CENT = Decimal("0.01")


def order_total(unit_price: Decimal, quantity: int) -> Decimal:
    """Return the price of `quantity` pieces, less the bulk discount, rounded to the cent."""
    total = unit_price * quantity
    if quantity >= BULK_QUANTITY:
        total *= 1 - BULK_DISCOUNT
    return total.quantize(CENT, ROUND_HALF_UP)

"""What a line of an order costs."""

from decimal import ROUND_HALF_UP, Decimal

BULK_QUANTITY = 10
BULK_DISCOUNT = Decimal("0.10")
CENT = Decimal("0.01")


def line_total(unit_price: Decimal, quantity: int) -> Decimal:
    """Return the price of `quantity` pieces, rounded once, half a cent up."""
    total = unit_price * quantity
    if quantity >= BULK_QUANTITY:
        total *= 1 - BULK_DISCOUNT
    return total.quantize(CENT, ROUND_HALF_UP)

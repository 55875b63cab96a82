"""What an order costs: the second version, with the regression that the demo must find.

It discounts the single piece first, so the rounding error is multiplied by the quantity.
"""

from decimal import ROUND_HALF_UP, Decimal

BULK_QUANTITY = 10
BULK_DISCOUNT = Decimal("0.10")
CENT = Decimal("0.01")


def order_total(unit_price: Decimal, quantity: int) -> Decimal:
    """Return the price of `quantity` pieces at the discounted price of one piece."""
    if quantity >= BULK_QUANTITY:
        unit_price = (unit_price * (1 - BULK_DISCOUNT)).quantize(CENT, ROUND_HALF_UP)
    return (unit_price * quantity).quantize(CENT, ROUND_HALF_UP)

"""What an order costs."""

from decimal import ROUND_HALF_UP, Decimal

SHIPPING = Decimal("4.90")
FREE_FROM = Decimal("50.00")


def line_total(price: str, quantity: int) -> Decimal:
    return (Decimal(price) * quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)


def order_total(lines: list[str]) -> Decimal:
    goods = sum((Decimal(line) for line in lines), Decimal())
    return goods if goods >= FREE_FROM else goods + SHIPPING

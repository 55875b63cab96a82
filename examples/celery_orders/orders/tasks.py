"""The steps of an order: its lines at once, then its total, then the payment, then a mail."""

from decimal import Decimal
from typing import Any

from celery import Task, chain, chord, group

from orders import stock
from orders.app import app
from orders.pricing import line_total, order_total


class NotAnswering(Exception):
    """The bank does not answer now."""


@app.task(name="orders.place")
def place(number: int, lines: list[list[Any]]) -> int:
    """Send what is to be done for an order."""
    pay = chain(payment.s(number).set(link=tell.si(number, "paid")), mail.s(number))
    chord([line.s(sku, quantity) for sku, quantity in lines], total.s(number) | pay).delay()
    group(reserve.s(sku, quantity) for sku, quantity in lines).delay()
    return number


@app.task(name="orders.line")
def line(sku: str, quantity: int) -> str:
    return str(line_total(stock.price(sku), quantity))


@app.task(name="orders.reserve")
def reserve(sku: str, quantity: int) -> int:
    return stock.take(sku, quantity)


@app.task(name="orders.total")
def total(lines: list[str], number: int) -> str:
    return str(order_total(lines))


@app.task(name="orders.payment", bind=True, max_retries=5)
def payment(self: Task, amount: str, number: int) -> dict[str, Any]:
    """Pay; every seventh order is told to come again."""
    if number % 7 == 0 and self.request.retries == 0:
        raise self.retry(countdown=1, exc=NotAnswering(f"order {number}"))
    stock.pay(int(Decimal(amount) * 100))
    return {"order": number, "amount": amount}


@app.task(name="orders.mail")
def mail(receipt: dict[str, Any], number: int) -> str:
    return f"Order {number}: {receipt['amount']} paid."


@app.task(name="orders.tell")
def tell(number: int, what: str) -> str:
    return f"{number} {what}"


@app.task(name="orders.report")
def report() -> int:
    """Say what was paid so far, each second."""
    return stock.paid()

"""Receipts: the mail that a customer gets for an order."""

from django.core.mail import send_mail

from .models import Order


def send_receipt(order: Order, lines: int) -> None:
    """Mail the customer of an order what was ordered; it has so many lines."""
    send_mail(
        subject=f"Your order {order.reference}",
        message=f"{lines} kinds of things for {order.total} in all. Thank you!",
        from_email=None,
        recipient_list=[order.customer.email],
    )

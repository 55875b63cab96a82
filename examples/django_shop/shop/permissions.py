"""Who may see what by the API."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from .models import Order


class IsOwnOrder(BasePermission):
    """An order is for the customer who placed it."""

    message = "This is not your order."

    def has_object_permission(self, request: Request, view: Any, order: Order) -> bool:
        return bool(order.customer_id == request.user.pk)

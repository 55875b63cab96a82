"""The basket: what a customer is about to order, in the session."""

from django.http import HttpRequest

KEY = "basket"


def basket_of(request: HttpRequest) -> dict[str, int]:
    """Return how many of each SKU there are in it."""
    return dict(request.session.get(KEY, {}))


def put(request: HttpRequest, sku: str, quantity: int) -> None:
    """Put so many pieces more into it."""
    basket = basket_of(request)
    request.session[KEY] = {**basket, sku: basket.get(sku, 0) + quantity}


def empty(request: HttpRequest) -> None:
    """Take everything out of it."""
    request.session.pop(KEY, None)

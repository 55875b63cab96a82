"""Today's prices, asked of the price service over HTTP."""

from decimal import Decimal
from urllib.parse import quote

import requests
from flask import current_app


class PriceUnavailable(Exception):
    """The price service names no price for a product."""


def current_price(sku: str) -> Decimal:
    """Ask for the price of one piece; raise `PriceUnavailable` where there is none."""
    address = f"{current_app.config['PRICE_SERVICE']}/prices/{quote(sku, safe='')}"
    answer = requests.get(address, timeout=5)
    if not answer.ok:
        raise PriceUnavailable(f"{sku}: the price service says {answer.status_code}")
    return Decimal(answer.json()["price"])

"""Today's prices, asked of the price service over HTTP."""

import json
from decimal import Decimal
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from flask import current_app

from playback_core import recorder


class PriceUnavailable(Exception):
    """The price service names no price for a product."""


@recorder.intercept_input(alias="shop.prices.current")
def current_price(sku: str) -> Decimal:
    """Ask for the price of one piece; raise `PriceUnavailable` where there is none."""
    address = f"{current_app.config['PRICE_SERVICE']}/prices/{quote(sku, safe='')}"
    try:
        with urlopen(address, timeout=5) as answer:
            return Decimal(json.load(answer)["price"])
    except HTTPError as error:
        with error:
            raise PriceUnavailable(f"{sku}: the price service says {error.code}") from None

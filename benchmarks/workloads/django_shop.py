"""What the Django shop of the examples answers when it is recorded, by WSGI and by ASGI."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.shop.load import Shop
from benchmarks.shop.rows import shop_workloads
from examples.django_shop.serving import HERE, ShopServing
from examples.django_shop.traffic import customers
from examples.live_demo.serving import Serving

# Nine turns of so many take about a minute.
_REQUESTS: Final = 1000
_THREADS: Final = 4
_ORDERS: Final = ("shop_orderline", "shop_order")


@contextmanager
def _running(server: str, folder: Path, *, recorded: bool) -> Iterator[tuple[Serving, str]]:
    serving = ShopServing(folder)
    serving.seed(HERE)
    with serving.shop(server, HERE, recorded=recorded, threads=_THREADS) as (_, address):
        yield serving, address


DJANGO_SHOP, DJANGO_SHOP_P99 = shop_workloads(
    "django-shop",
    "the example's Django shop, gunicorn with 2 workers of 4 threads, 8 clients",
    Shop(partial(_running, "gunicorn"), customers, _ORDERS),
    _REQUESTS,
    at_least=0.9,
)
DJANGO_SHOP_ASGI, DJANGO_SHOP_ASGI_P99 = shop_workloads(
    "django-shop-asgi",
    "the same shop by uvicorn, one process",
    Shop(partial(_running, "uvicorn"), customers, _ORDERS),
    _REQUESTS,
    at_least=0.9,
)

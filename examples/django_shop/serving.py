"""The processes of the shop: its database, and the shop itself under gunicorn or uvicorn."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from examples.live_demo.processes import Child
from examples.live_demo.serving import Serving

HERE = Path(__file__).resolve().parent
DATABASES = ("sqlite", "postgresql")
SERVERS = ("gunicorn", "uvicorn")


class ShopServing(Serving):
    """Starts the shop; a `version` is a folder that has the package `shop` and its `manage.py`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"DJANGO_SETTINGS_MODULE": "shop.settings"})

    @contextmanager
    def database(self, kind: str, version: Path) -> Iterator[None]:
        """Make the shop's database: a SQLite file, or PostgreSQL."""
        if kind == "sqlite":
            self.seed(version)
            yield
            return
        with self.postgresql() as url:
            self.environment["SHOP_DATABASE_URL"] = url
            self.seed(version)
            yield

    def seed(self, version: Path) -> None:
        """Make the shop's tables, with products and customers."""
        self.run("seed", [sys.executable, "manage.py", "seed"], version)

    def shop(
        self, server: str, version: Path, *, recorded: bool = True, threads: int | None = None
    ) -> AbstractContextManager[tuple[Child, str]]:
        """Run the shop by one of `SERVERS` for a block; give the server and its address."""
        if server == "uvicorn":
            return self.uvicorn("shop.asgi:application", version, recorded=recorded)
        application = "shop.wsgi:application"
        return self.gunicorn(application, version, recorded=recorded, threads=threads)

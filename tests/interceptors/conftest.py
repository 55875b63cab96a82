"""Interceptors are put in place for a test, and taken out of the process again after it."""

from collections.abc import Iterator

import pytest

from playback_core.interceptors import install_interceptors, uninstall_interceptors
from tests.interceptors.http_server import Site


@pytest.fixture
def intercepted() -> Iterator[None]:
    """Have every library intercepted that is by default."""
    install_interceptors()
    yield
    uninstall_interceptors()


@pytest.fixture
def site() -> Iterator[Site]:
    """Have a real HTTP server run, which the test may stop."""
    site = Site()
    yield site
    site.stop()

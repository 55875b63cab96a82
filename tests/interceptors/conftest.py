"""Interceptors are put in place for a test, and taken out of the process again after it."""

from collections.abc import Iterator

import pytest

from playback_core.interceptors import install_interceptors, uninstall_interceptors


@pytest.fixture
def intercepted() -> Iterator[None]:
    """Have every library intercepted that is by default."""
    install_interceptors()
    yield
    uninstall_interceptors()

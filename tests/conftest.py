"""What every test runs under: no settings of the caller's shell, no time limits, no leftovers."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.probe import ProbeByHand

# The environment goes over a test's own settings.
for _name in [name for name in os.environ if name.startswith("PLAYBACK_")]:
    del os.environ[_name]

# A shell has what it runs in the background ignore Ctrl-C, and so would each command that a test
# starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The speed of the machine must not decide a test, and CI must see what a developer sees.
settings.register_profile(
    "bundle",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# What the gate has no time for, and other examples each time: `nox -s thorough`.
settings.register_profile(
    "thorough", settings.get_profile("bundle"), derandomize=False, max_examples=2000
)
settings.load_profile("bundle")

# These start servers and demos. They go first, so that none is left for one process at the end.
_LONGEST: Final = ("examples", "celery", "flask/cases", "django", "asgi", "wsgi", "cli")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take longest first, and leave each file's together."""
    folders = [Path(__file__).parent / name for name in _LONGEST]
    items.sort(key=lambda item: not any(each in item.path.parents for each in folders))


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> ProbeByHand:
    """Give what tells recorders of this process how short of CPU it is."""
    return ProbeByHand().put(monkeypatch.setattr)


@pytest.fixture(autouse=True, scope="module")
def _no_interceptors_left() -> Iterator[None]:
    """Take out of the process what an application of a module's tests has put in place."""
    yield
    interceptors = sys.modules.get("playback_core.interceptors")
    if interceptors is not None:
        interceptors.uninstall_interceptors()

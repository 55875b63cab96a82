"""A pytest plugin that has Celery's own unit tests run with playback in place, and recording.

    python tests/celery/own_suite.py <folder of an unpacked sdist of celery>

`PLAYBACK_SUITE` is `installed` (every task is recorded) or `within` (each test an operation, too).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

_MODE: Final = os.environ.get("PLAYBACK_SUITE", "installed")
_CATEGORY: Final = "celery's own test"


class _Everyone:
    """Stands for the applications that have a playback: all there are have the same."""

    def __init__(self, playback: Any) -> None:
        self._playback = playback

    def get(self, app: object) -> Any:
        return self._playback


def pytest_configure() -> None:
    from playback_celery import app_playback, hooks, interceptor, lost_tasks
    from playback_celery.task_rules import TaskRules
    from playback_core import InMemoryTapeCassette, recorder
    from playback_core.interceptor import install
    from playback_core.settings import Settings

    settings = Settings(enabled=True)
    recorder.tape_cassette = InMemoryTapeCassette()
    recorder.enable_recording()
    install(interceptor.INTERCEPTOR)
    install(hooks.WORKERS)
    own = hooks.Hooks(recorder, TaskRules(settings), enabled=True)
    playback = app_playback.AppPlayback(settings, settings, recorder, own, Path.cwd())
    everyone = _Everyone(playback)
    hooks.playbacks = everyone  # type: ignore[misc, assignment]
    lost_tasks.playbacks = everyone  # type: ignore[misc, assignment]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    from playback_core import recorder

    if _MODE != "within":
        return (yield)
    with recorder.start_recording(_CATEGORY, {}):
        return (yield)


def pytest_sessionfinish() -> None:
    from playback_core import recorder

    print(f"\nplayback, {_MODE}: {recorder.counters}")

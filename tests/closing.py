"""Middlewares made by tests, whose cassettes are closed when the test has ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playback_core import InMemoryTapeCassette, TapeRecorder
from playback_core.exchanges.application import RecordedApplication

MakeRecorded = Callable[..., Any]


@contextmanager
def recorded_middlewares(kind: type[RecordedApplication]) -> Iterator[MakeRecorded]:
    """Give a function that puts a middleware of a kind around an application and records in memory.

    Its options are those of the middleware; `settings` go over the ones that record.
    """
    recorders: list[TapeRecorder] = []

    def recorded(app: Any, *, settings: Any = None, recorder: Any = None, **options: Any) -> Any:
        wanted = {"ENABLED": True, "CASSETTE": InMemoryTapeCassette(), **(settings or {})}
        recorders.append(recorder or TapeRecorder())
        return kind(app, wanted, recorder=recorders[-1], **options)

    yield recorded
    for recorder in recorders:
        if recorder.tape_cassette is not None:
            recorder.tape_cassette.close()

"""An application of Celery with a real worker in a thread of this process, and its replays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from celery.result import AsyncResult
from kombu.transport import virtual

from playback_celery import PlaybackCelery, playback_function, players
from playback_core import InMemoryTapeCassette, Playback, Recording, TapeRecorder
from playback_core.interceptors import uninstall_interceptors
from playback_core.sandbox_options import SEALED, SandboxOptions
from playback_core.studio import Comparison, DefaultTuner, PlaybackStudio
from tests.patience import PATIENCE

_POLL: Final = 0.05

_numbers: Final = count()


@dataclass
class RecordedApp:
    """An application that records into memory."""

    app: Celery
    recorder: TapeRecorder
    cassette: InMemoryTapeCassette
    playback: PlaybackCelery

    @contextmanager
    def worker(self, pool: str = "solo", **options: Any) -> Iterator[None]:
        """Run a worker for a block; when it ends, everything is stored."""
        with start_worker(
            self.app, pool=pool, perform_ping_check=False, loglevel="CRITICAL", **options
        ):
            yield
        self.flush()

    def task(self, name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Make a function a task of this application alone."""
        made: Callable[[Callable[..., Any]], Any] = self.app.task(
            name=name, shared=False, **options
        )
        return made

    def wait(self, answer: AsyncResult | str) -> Any:
        """Return what came of a task; raise what it raised."""
        result = self.app.AsyncResult(answer) if isinstance(answer, str) else answer
        return result.get(timeout=PATIENCE, interval=0.01)

    def until_recorded(self, number: int, *categories: str) -> None:
        """Wait until a number of operations of some categories, or of any, are stored."""
        end = time.monotonic() + PATIENCE
        while sum(len(self.ids(each)) for each in categories or (None,)) < number:
            if time.monotonic() > end:
                raise AssertionError(f"{number} of {categories} were not recorded")
            time.sleep(0.01)
            self.flush()

    def flush(self) -> None:
        assert self.recorder.tape_cassette is not None
        self.recorder.readable_cassette()

    def ids(self, category: str | None = None) -> list[str]:
        categories = [category] if category else sorted(self.cassette.iter_categories())
        return [each for name in categories for each in self.cassette.iter_recording_ids(name)]

    def recordings(self, category: str | None = None) -> list[Recording]:
        return [self.cassette.get_recording(each) for each in self.ids(category)]

    def recording(self, category: str) -> Recording:
        (found,) = self.recordings(category)
        return found

    def play(self, category: str, sandbox: SandboxOptions | None = SEALED) -> Playback:
        (recording_id,) = self.ids(category)
        function = playback_function(self.app)
        return self.recorder.play(recording_id, function, sandbox=sandbox)

    def compare(self, *categories: str) -> list[Comparison]:
        ids = [each for name in categories or (None,) for each in self.ids(name)]
        tuner = DefaultTuner(players(self.app))
        studio = PlaybackStudio(None, tuner, self.recorder, recording_ids=ids)
        return [each for compared in studio.play().values() for each in compared]


MakeApp = Callable[..., RecordedApp]


@pytest.fixture
def make_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeApp]:
    """Give what makes applications; settings of playback as keywords, of Celery in `conf`."""
    made: list[RecordedApp] = []
    # A worker looks whether it is to end when it has waited for messages, for two seconds.
    drain = virtual.Transport.drain_events
    monkeypatch.setattr(
        virtual.Transport,
        "drain_events",
        lambda self, connection, timeout=None: drain(self, connection, timeout and _POLL),
    )

    def make(
        broker: str = "memory://",
        backend: str = "cache+memory://",
        conf: dict[str, Any] | None = None,
        **settings: Any,
    ) -> RecordedApp:
        name = f"shop{next(_numbers)}"
        app = Celery(name, broker=broker, backend=backend, set_as_current=False)
        cassette = InMemoryTapeCassette()
        configured = {
            "task_default_queue": name,
            "broker_transport_options": {"polling_interval": 0.01},
            "playback": {"ENABLED": True, "CASSETTE": cassette, **settings},
        }
        app.conf.update(configured | (conf or {}))
        recorder = TapeRecorder()
        made.append(RecordedApp(app, recorder, cassette, PlaybackCelery(app, recorder)))
        return made[-1]

    # Else a worker makes the logging of this process its own.
    signals.setup_logging.connect(_leave_logging)
    yield make
    signals.setup_logging.disconnect(_leave_logging)
    for each in made:
        each.playback.uninstall(each.app)
        each.recorder.disable_recording()
        each.app.close()
    uninstall_interceptors()


@pytest.fixture
def shop(make_app: MakeApp) -> RecordedApp:
    return make_app()


def _leave_logging(**_: Any) -> None:
    """Configure nothing."""


def sent(recording: Recording, alias: str = "celery send ") -> list[dict[str, Any]]:
    """Return the fields of what a recording has sent, in order."""
    keys = [key for key in recording.get_all_keys() if key.startswith(f"output: {alias}")]
    return [recording.get_data(key)["kwargs"] for key in keys if key.endswith(".output")]


def result(recording: Recording) -> Any:
    """Return what an operation came to: what its task returned or raised."""
    key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    (value,) = recording.get_data(key)["args"]
    return value


def replayed_result(playback: Playback) -> Any:
    """Return what a replayed operation came to; fail where it asked for what is not recorded."""
    assert not playback.missed
    (value,) = [
        output.value["args"][0]
        for output in playback.playback_outputs
        if TapeRecorder.OPERATION_OUTPUT_ALIAS in output.key
    ]
    return value


def statuses(comparisons: list[Comparison]) -> set[str]:
    return {each.comparator_status.equality_status.name for each in comparisons}

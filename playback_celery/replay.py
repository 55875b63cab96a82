"""Runs a recorded attempt of a task again, by the tracer and with the request it had."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, cast

from celery import Celery, Task, _state
from celery.app import trace

from playback_celery.app_playback import name_of, playback_of
from playback_celery.hooks import KIND
from playback_celery.translate import RecordedTask
from playback_core import Recording
from playback_core.errors import TapeRecorderException
from playback_core.exchanges.replay import stored_request
from playback_core.exchanges.replayed_errors import replayed_errors_muted

PlaybackFunction = Callable[[Recording], None]

_SHOWN_TASKS: Final = 10
_TRACER_LOGGER: Final = "celery.app.trace"


def players(app: Celery) -> dict[str, PlaybackFunction]:
    """Return what a `DefaultTuner` needs to replay the recordings of an application."""
    return {KIND: playback_function(app)}


def playback_function(app: Celery) -> PlaybackFunction:
    """Return the function that runs a recorded attempt of a task again.

    It is for `TapeRecorder.play`. The task runs as in a worker: with its id, its parents, its
    retries and the way it was delivered. What it sends, retries too, is kept and not sent. Raise
    SettingsError where the application has no playback.
    """
    playback_of(app)

    def play(recording: Recording) -> None:
        stored = stored_request(recording, "Celery", RecordedTask.__required_keys__)
        recorded = cast(RecordedTask, stored)
        task = _task_of(app, recorded, recording)
        request = {**recorded["request"], "args": recorded["args"], "kwargs": recorded["kwargs"]}
        muted = replayed_errors_muted(_TRACER_LOGGER, into="playback.celery")
        with _as_in_a_worker(app), _joining(recorded), muted:
            # Made before the seal is on: it only looks for what it is made of.
            _ = task.backend
            tracer = trace.build_tracer(task.name, task, app=app, hostname=request.get("hostname"))
            tracer(recorded["id"], recorded["args"], recorded["kwargs"], request)

    return play


def _task_of(app: Celery, recorded: RecordedTask, recording: Recording) -> Task:
    name, tasks = recorded["task"], app.tasks
    if name not in tasks:
        own = sorted(each for each in tasks if not each.startswith("celery."))
        shown = ", ".join(own[:_SHOWN_TASKS]) + (", …" if len(own) > _SHOWN_TASKS else "")
        raise TapeRecorderException(
            f"Recording {recording.id} is of task {name!r}, which the application"
            f" {name_of(app)!r} has no more; it has {shown or 'none'}."
        )
    return tasks[name]


@contextmanager
def _joining(recorded: RecordedTask) -> Iterator[None]:
    """Forbid waiting for other tasks where the worker did."""
    before = _state.task_join_will_block()
    _state._set_task_join_will_block(recorded.get("join_will_block", before))
    try:
        yield
    finally:
        _state._set_task_join_will_block(before)


@contextmanager
def _as_in_a_worker(app: Celery) -> Iterator[None]:
    """Let tasks that call `Task.__call__` themselves keep their request, as a worker does."""
    if app.use_fast_trace_task:
        yield
        return
    default, current = _state.default_app, _state._tls.current_app
    trace.setup_worker_optimizations(app)
    try:
        yield
    finally:
        trace.reset_worker_optimizations(app)
        _state.set_default_app(default)
        _state._tls.current_app = current

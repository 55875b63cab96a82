"""Where Celery calls us: the tracer of each task, and the signals of workers that end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from celery import Celery, Task, signals

from playback_celery.app_playback import playbacks, require_settings_read
from playback_celery.lost_tasks import LostTarget
from playback_celery.sending import PARENT_HEADER
from playback_celery.soft_limits import CAME_BETWEEN_CALLS, SoftLimit, SoftLimitTarget, soft_limit
from playback_celery.task_rules import TaskRules
from playback_celery.translate import cut_arguments, ended, is_repeated_delivery, recorded_task
from playback_core import TapeRecorder
from playback_core.cassettes.asynchronous import AsyncRecordOnlyTapeCassette
from playback_core.guard import FailingOpen
from playback_core.interceptor import Interceptor, Target
from playback_core.metadata import NOT_REPLAYABLE, PARENT_ID
from playback_core.operation import OpenOperation, OperationStart
from playback_core.operation_opening import OUTSIDE, open_operation
from playback_core.outcome import Outcome
from playback_core.provenance import standing_metadata
from playback_core.replacing import Function
from playback_core.session import current, enter
from playback_core.shed_operation import ShedOperation, shed
from playback_core.shedding import tell_unfinished

KIND: Final = "celery"
_FLUSH_SECONDS: Final = 10

Trace = Callable[..., Any]
"""A tracer: it runs a task of an id with arguments for a request, and tells what came of it."""


class _TracerTarget(Target):
    """`build_tracer`, which makes the tracer of each task; modules have it by name."""

    by_name = True

    def __init__(self) -> None:
        super().__init__("celery.app.trace", "build_tracer")

    def replacement(self, original: Function) -> Function:
        def build_tracer(name: str, task: Task, *args: Any, **kwargs: Any) -> Trace:
            trace: Trace = original(name, task, *args, **kwargs)
            app = kwargs.get("app") or task.app
            if not kwargs.get("eager"):
                # A worker makes them when it starts, and ends where one can't be made.
                require_settings_read(app)
            return _traced(app, task, trace)

        return build_tracer


WORKERS: Final = Interceptor(
    library="celery workers",
    targets=[_TracerTarget(), LostTarget(), SoftLimitTarget()],
    distribution="celery",
)
"""Where workers call us, whatever applications they have."""


class Hooks:
    """The hooks into one application; `install` and `uninstall` mirror each other."""

    def __init__(self, recorder: TapeRecorder, rules: TaskRules, *, enabled: bool) -> None:
        self.enabled = enabled
        self._recorder = recorder
        self._rules = rules
        self._metadata = dict(standing_metadata(KIND, rules.settings.service))

    def install(self) -> None:
        """Listen to workers that end."""
        signals.worker_process_shutdown.connect(self._flush)
        signals.worker_shutdown.connect(self._flush)

    def uninstall(self) -> None:
        """Listen no more; tracers that were made stay, and pass on."""
        self.enabled = False
        signals.worker_shutdown.disconnect(self._flush)
        signals.worker_process_shutdown.disconnect(self._flush)

    def begin(
        self, app: Celery, task: Task, uuid: str, args: Any, kwargs: Any, request: dict[str, Any]
    ) -> OpenOperation | None:
        """Begin the operation of a task that is about to run; None: it runs untouched."""
        branch = current()
        if branch is not None and not branch.session.ended:
            with FailingOpen(branch.session, "Beginning task", task.name):
                start = self._start(app, task, uuid, args, kwargs, request)
                return self._recorder.open_operation(start)
            return None
        if request.get("is_eager") or not self._selects(task.name):
            return None
        host = self._recorder.recording_host()
        if host is not None:
            with FailingOpen(host, "Beginning task", task.name):
                # Before the task is told: that is much of what recording it takes.
                operation = shed(host)
                if operation is not None:
                    return operation
                start = self._start(app, task, uuid, args, kwargs, request)
                return open_operation(host, OUTSIDE, start)
        return None

    def _selects(self, name: str) -> bool:
        return self.enabled and self._recorder.recording_enabled and self._rules.selects(name)

    def _start(
        self, app: Celery, task: Task, uuid: str, args: Any, kwargs: Any, request: dict[str, Any]
    ) -> OperationStart:
        redaction = self._recorder.redaction
        parent = request.get(PARENT_HEADER)
        given = without_parent(request)
        recorded = recorded_task(app, task, uuid, args, kwargs, given, redaction)
        metadata = {**self._metadata, **_told_of(uuid, given)}
        if parent is not None:
            metadata[PARENT_ID] = parent
        cut = cut_arguments(recorded, self._rules.settings.body_limit)
        if cut is not None:
            metadata[NOT_REPLAYABLE] = cut
        return OperationStart(
            category=task.name,
            metadata=metadata,
            request=recorded,
            parameters=self._rules.parameters_of(task.name),
        )

    def _flush(self, **_: Any) -> None:
        # The children of a pool end by `os._exit`, at which nothing else would be stored.
        cassette = self._recorder.tape_cassette
        if isinstance(cassette, AsyncRecordOnlyTapeCassette):
            cassette.flush(_FLUSH_SECONDS)
        tell_unfinished()

    def count_lost(self, task: Task) -> None:
        """Count, in the parent, a run of a task whose child is gone."""
        host = self._recorder.recording_host() if self._selects(task.name) else None
        if host is not None:
            host.guard.count("lost")
            host.guard.report(
                "The process that ran a task was ended:",
                task.name,
                None,
                "the recording of this run is lost",
            )


def without_parent(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request without our header, of which an application is not to see anything."""
    if PARENT_HEADER not in request:
        return request
    return {key: value for key, value in request.items() if key != PARENT_HEADER}


def _told_of(uuid: str, request: dict[str, Any]) -> dict[str, Any]:
    delivery = request.get("delivery_info") or {}
    return {
        "task_id": uuid,
        "root_id": request.get("root_id"),
        "parent_task_id": request.get("parent_id"),
        "retries": request.get("retries") or 0,
        "queue": delivery.get("routing_key"),
    }


def _traced(app: Celery, task: Task, trace: Trace) -> Trace:
    def trace_task(uuid: str, args: Any, kwargs: Any, request: Any = None) -> Any:
        playback = playbacks.get(app)
        if playback is None:
            return trace(uuid, args, kwargs, request)
        request = request or {}
        operation = playback.hooks.begin(app, task, uuid, args, kwargs, request)
        request = without_parent(request)
        if operation is None:
            return trace(uuid, args, kwargs, request)
        return _within(operation, task, trace, (uuid, args, kwargs, request))

    return trace_task


def _within(operation: OpenOperation, task: Task, trace: Trace, given: tuple[Any, ...]) -> Any:
    outer = current()
    try:
        try:
            enter(operation.scope)
            with soft_limit() as limit:
                traced = trace(*given)
        finally:
            enter(outer)
    except BaseException as error:
        operation.close(Outcome(exception=error))
        raise
    if isinstance(operation, ShedOperation):
        operation.end(None)
        return traced
    with FailingOpen(operation.scope.session, "Recording the result of task", task.name):
        _close(operation, traced, _result_serializer(task, given[3]), limit)
    return traced


def _result_serializer(task: Task, request: dict[str, Any]) -> str | None:
    ignored = request.get("ignore_result")
    is_stored = not (task.ignore_result if ignored is None else ignored)
    return (
        str(task.app.conf.result_serializer) if is_stored and not request.get("is_eager") else None
    )


def _close(operation: OpenOperation, traced: Any, serializer: str | None, limit: SoftLimit) -> None:
    if is_repeated_delivery(traced):
        operation.exclude()
    else:
        state, outcome = ended(traced, serializer)
        metadata = {"state": state}
        if not limit.is_replayable(operation.scope.session):
            metadata[NOT_REPLAYABLE] = CAME_BETWEEN_CALLS
        operation.add_metadata(metadata)
        operation.close(outcome)

"""Messages that operations send: each is an output, answered in a replay with its task's id."""

import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from celery.signals import before_task_publish

from playback_celery.messages import Message
from playback_core.drivers import drive
from playback_core.interceptor import CallTarget, OutputTarget, is_installed
from playback_core.library_interception import OUTPUT, Call, LibraryInterception, Missing
from playback_core.outcome import Outcome
from playback_core.recording_session import RecordingSession
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session

PARENT_HEADER: Final = "playback_parent"
"""The header by which a message tells the recording of the operation that sent it."""

published_within: Final[ContextVar[list[dict[str, Any]] | None]] = ContextVar(
    "playback_published", default=None
)
"""Takes what is sent within a call that is recorded as a whole."""

_Args = tuple[Any, ...]
_Kwargs = dict[str, Any]

_MACHINERY: Final = frozenset(
    {"celery", "kombu", "vine", "playback_core", "playback_celery", "functools", "contextlib"}
)
_TRACER: Final = ("celery.app.trace", "trace_task")
_BUILTIN_TASKS: Final = "celery.app.builtins"


class SendTarget(CallTarget):
    """`Celery.send_task`, which every message for a task comes to."""

    def __init__(self) -> None:
        super().__init__("celery.app.base", "Celery.send_task")
        self._parameters: list[str] = []

    def replacement(self, original: Function) -> Function:
        self._parameters = list(inspect.signature(original).parameters)[1:]
        # By the signal: an argument more would be seen by who has wrapped what sends a message.
        before_task_publish.connect(_link)
        return drive(_noting(original), LibraryInterception(str(self), self))

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        app, *given = args
        options = {**dict(zip(self._parameters, given, strict=False)), **kwargs}
        name = options["name"]
        fields = Message(app, current_session()).fields(name, options)
        if _is_sent_by_celery():
            fields["sent_by"] = "celery"
        return Call(OUTPUT, f"celery send {name}", fields, (app, options))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, {"id": value.id}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        app, options = call.about
        result = (options.get("result_cls") or app.AsyncResult)(stored["id"])
        result.ignored = options.get("ignore_result")
        parent = app.current_worker_task
        if parent and options.get("add_to_parent", True):
            parent.add_trail(result)
        return result

    def answer_missing(self, call: Call) -> Outcome | None:
        # All there is to answer is an id, and that it was sent will show by itself.
        _, options = call.about
        made = options.get("task_id") or _made_up(call.alias)
        return Outcome(self.answer(call, {"id": made}, lambda hint: KeyError(hint)))


class SentTarget(OutputTarget):
    """A place that sends something by which only what is sent counts."""

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


class PublishTarget(CallTarget):
    """`Producer.publish` of kombu, for what is sent to the broker by other ways."""

    def __init__(self) -> None:
        super().__init__("kombu.messaging", "Producer.publish")
        self._parameters: list[str] = []

    def replacement(self, original: Function) -> Function:
        self._parameters = list(inspect.signature(original).parameters)[1:]
        return super().replacement(original)

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        given = {**dict(zip(self._parameters, args[1:], strict=False)), **kwargs}
        exchange = given.get("exchange")
        fields = {
            "body": given.get("body"),
            "exchange": getattr(exchange, "name", exchange) or "",
            "routing_key": given.get("routing_key") or "",
            "headers": given.get("headers") or {},
        }
        return Call(OUTPUT, f"kombu publish {fields['exchange'] or fields['routing_key']}", fields)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, None

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


def _noting(original: Function) -> Callable[..., Any]:
    """Return `Celery.send_task` with what it sends noted by whoever asks for that."""

    def send_task(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        published = published_within.get()
        if published is not None:
            published.append({"task": kwargs.get("name") or args[1], "id": result.id})
        return result

    return send_task


def _link(headers: Any = None, **_: Any) -> None:
    """Name the recording that a message is sent from in its headers."""
    branch = current()
    session = None if branch is None else branch.session
    if not isinstance(session, RecordingSession) or session.recording_id is None:
        return
    if isinstance(headers, dict) and is_installed("celery"):
        headers[PARENT_HEADER] = session.recording_id


def _is_sent_by_celery() -> bool:
    """Tell whether no code of a task lies between the tracer and this call.

    So are callbacks, what follows in a chain, and retries of `autoretry_for`.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        module = str(frame.f_globals.get("__name__"))
        if (module, frame.f_code.co_name) == _TRACER:
            return True
        if module == _BUILTIN_TASKS or module.partition(".")[0] not in _MACHINERY:
            return False
    return False


def _made_up(alias: str) -> str:
    session = current_session()
    number = 0 if session is None else session.number_output(alias)
    return str(uuid5(NAMESPACE_OID, f"{alias} {number}"))

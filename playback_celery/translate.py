"""Between the requests and ends of tasks and the plain data that recordings hold."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

from billiard.einfo import ExceptionInfo
from celery import Celery, Task, _state, states
from celery.exceptions import Reject, Retry

from playback_celery.messages import Message
from playback_celery.serialised import as_received
from playback_celery.task_arguments import concealed_arguments
from playback_core.codec import encode
from playback_core.outcome import Outcome
from playback_core.packing import Redaction

# Arguments are told apart, with secrets taken out; these would tell them once more, as texts.
_TOLD_APART: Final = frozenset({"args", "kwargs", "argsrepr", "kwargsrepr"})
_SIGNATURES: Final = ("callbacks", "errbacks", "chain", "chord")


class RecordedTask(TypedDict):
    """A request for a task, as the tracer of Celery got it.

    `join_will_block` is whether the worker's pool forbids a task to wait for others.
    """

    task: str
    id: str
    args: list[Any]
    kwargs: dict[str, Any]
    request: dict[str, Any]
    join_will_block: NotRequired[bool]


def recorded_task(
    app: Celery,
    task: Task,
    uuid: str,
    args: Sequence[Any],
    kwargs: Any,
    request: Mapping[str, Any],
    redaction: Redaction | None,
) -> RecordedTask:
    """Return the request for a task from which it can be run again."""
    message = Message(app, None, redaction)
    context = {key: value for key, value in request.items() if key not in _TOLD_APART}
    for key in _SIGNATURES:
        if context.get(key):
            context[key] = message.signature(context[key])
    given = list(args) if redaction is None else concealed_arguments(task, args, redaction)
    return RecordedTask(
        task=task.name,
        id=uuid,
        args=given,
        kwargs=kwargs,
        request=context,
        join_will_block=_state.task_join_will_block(),
    )


def cut_arguments(recorded: RecordedTask, limit: int) -> str | None:
    """Leave out arguments of more than `limit` bytes; return why there is no replay, or None."""
    size = len(encode([recorded["args"], recorded["kwargs"]]))
    if size <= limit:
        return None
    recorded["args"], recorded["kwargs"] = [], {}
    return (
        f"the arguments take {size} bytes and BODY_LIMIT is {limit}; raise it to record them whole"
    )


def ended(traced: Any, serializer: object) -> tuple[str, Outcome]:
    """Return the state of a task that has been traced, and what its operation came to.

    A task that returned has its value, as it was stored by a serializer; one that failed has its
    exception, and any other its state.
    """
    returned, information, *_ = traced
    if isinstance(returned, ExceptionInfo) and information is None:
        # The request was none that could be run.
        return states.FAILURE, Outcome(exception=returned.exception)
    if information is None:
        return states.SUCCESS, Outcome(as_received(returned, serializer)[0])
    state, reason = information.state, information.retval
    if state == states.FAILURE and isinstance(reason, BaseException):
        return state, Outcome(exception=reason)
    return state, Outcome({"state": state, **_why(reason)})


def is_repeated_delivery(traced: Any) -> bool:
    """Tell whether a task was not run, as it had succeeded when it was delivered before."""
    returned, information, runtime, _ = traced
    return returned is None and information is None and runtime is None


def _why(reason: Any) -> dict[str, Any]:
    if isinstance(reason, Retry):
        return {"when": reason.when, "exception": reason.exc}
    if isinstance(reason, Reject):
        return {"reason": reason.reason, "requeue": reason.requeue}
    return {"reason": str(reason)}

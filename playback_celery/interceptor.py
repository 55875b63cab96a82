"""The interceptor of Celery: what applications send to workers, and read of results."""

from typing import Any, Final

from playback_celery.backends import BackendsTarget
from playback_celery.generated_ids import IdTarget, NodeTarget
from playback_celery.results import GetTarget, JoinTarget
from playback_celery.sending import PublishTarget, SendTarget, SentTarget
from playback_core.interceptor import Interceptor, OutputTarget


def _control(control: Any, command: str, *args: Any, **options: Any) -> dict[str, Any]:
    arguments = args[0] if args else options.get("arguments")
    return {
        "command": command,
        "arguments": dict(arguments or {}),
        "destination": options.get("destination"),
    }


def _state(
    task: Any, task_id: str | None = None, state: str | None = None, meta: Any = None, **_: Any
) -> dict[str, Any]:
    about = task.request.id if task_id is None else task_id
    return {"task": task.name, "id": about, "state": state, "meta": meta}


def _event(task: Any, kind: str, *args: Any, **fields: Any) -> dict[str, Any]:
    told = {key: value for key, value in fields.items() if not key.startswith("retry")}
    return {"task": task.name, "type": kind, "fields": told}


INTERCEPTOR: Final = Interceptor(
    library="celery",
    targets=[
        SendTarget(),
        PublishTarget(),
        IdTarget(),
        NodeTarget(),
        BackendsTarget(),
        GetTarget(),
        JoinTarget(),
        SentTarget("celery.app.task", "Task.update_state", alias="celery state", fields=_state),
        SentTarget("celery.app.task", "Task.send_event", alias="celery event", fields=_event),
        OutputTarget(
            "celery.app.control", "Control.broadcast", alias="celery control", fields=_control
        ),
        OutputTarget(
            "celery.app.control", "Control.purge", alias="celery purge", fields=lambda *_, **__: {}
        ),
    ],
)

"""Tasks of Django 6: one that is put into a queue is an output.

One that runs at once, where its backend does that, is part of the request that asks for it.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor
from playback_core.library_interception import OUTPUT, Call, Missing
from playback_core.session import Session

_MODULE: Final = "django.tasks.base"
_IMMEDIATE: Final = "django.tasks.backends.immediate"
_RETURNED: Final = "returned"
_NOT_STORED: Final = frozenset({"task", "status", "errors"})


class _Queueing(CallTarget):
    def __init__(self, attribute: str) -> None:
        super().__init__(_MODULE, attribute, optional=True)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        task, *given = args
        if _runs_at_once(task):
            return None
        told: dict[str, Any] = {
            "args": given,
            "kwargs": kwargs,
            "queue": task.queue_name,
            "priority": task.priority,
        }
        if task.run_after is not None:
            told["run_after"] = task.run_after
        return Call(OUTPUT, f"django task {task.module_path}", told, task)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        base = sys.modules[_MODULE].TaskResult
        if not isinstance(value, base):
            # A backend of somebody else may return what it likes.
            return value, {_RETURNED: value}
        names = [each.name for each in fields(base) if each.name not in _NOT_STORED]
        return value, {
            **{name: getattr(value, name) for name in names},
            "status": str(value.status.value),
            "errors": [[each.exception_class_path, each.traceback] for each in value.errors],
        }

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        from django.tasks import base  # type: ignore[attr-defined,unused-ignore]

        if _RETURNED in stored:
            return stored[_RETURNED]
        known = dict(stored)
        returned = known.pop("_return_value")
        errors = [
            base.TaskError(exception_class_path=path, traceback=text)
            for path, text in known.pop("errors")
        ]
        status = base.TaskResultStatus(known.pop("status"))
        result: Any = base.TaskResult(task=call.about, status=status, errors=errors, **known)
        object.__setattr__(result, "_return_value", returned)
        return result


def _runs_at_once(task: Any) -> bool:
    module = sys.modules.get(_IMMEDIATE)
    if module is None:
        return False
    try:
        return isinstance(task.get_backend(), module.ImmediateBackend)
    except sys.modules["django.tasks"].InvalidTaskBackend:
        # To ask for it says so itself.
        return False


INTERCEPTOR: Final = Interceptor(
    library="django.tasks",
    distribution="django",
    targets=[_Queueing("Task.enqueue"), _Queueing("Task.aenqueue")],
)

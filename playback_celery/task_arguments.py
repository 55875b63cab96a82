"""The arguments of tasks, with those of secret parameters concealed whatever their position."""

from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from celery import Celery, Task

from playback_core.binding import Binding
from playback_core.packing import Redaction

_bindings: Final[WeakKeyDictionary[Task, Binding]] = WeakKeyDictionary()


def concealed_arguments(task: Task | None, args: Sequence[Any], redaction: Redaction) -> list[Any]:
    """Return positional arguments with the secret ones as pseudonyms.

    Those of a task that is not known here (None) have no names, and stay.
    """
    if task is None:
        return list(args)
    binding = _bindings.get(task)
    if binding is None:
        binding = _bindings[task] = Binding(task.run, static=True)
    return list(binding.concealed(tuple(args), redaction))


def known_task(app: Celery, name: object) -> Task | None:
    """Return the task of a name, None where it is of another application."""
    # Not `app.tasks`: asking for that would finalize the application.
    return app._tasks.get(name) if isinstance(name, str) else None

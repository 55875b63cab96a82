"""Tasks whose child is gone: the worker, which lives on, is told of them in one place."""

from typing import Any, Final

from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError

from playback_celery.app_playback import playbacks
from playback_core.interceptor import Target
from playback_core.replacing import Function

_GONE: Final = (WorkerLostError, TimeLimitExceeded, Terminated)


class LostTarget(Target):
    """`Request.on_failure`: how a worker learns what became of a task.

    Signals would not do: none is sent for a task that goes back to its queue, and several are for
    one that ran too long.
    """

    def __init__(self) -> None:
        super().__init__("celery.worker.request", "Request.on_failure")

    def replacement(self, original: Function) -> Function:
        def on_failure(request: Any, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
            kind = getattr(exc_info, "type", None)
            if isinstance(kind, type) and issubclass(kind, _GONE):
                playback = playbacks.get(request.task.app)
                if playback is not None:
                    playback.hooks.count_lost(request.task)
            return original(request, exc_info, *args, **kwargs)

        return on_failure

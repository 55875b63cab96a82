"""Soft time limits: a signal raises in the middle of a task, where a replay cannot but by a call.

Where it came within a recorded call, that call's outcome is its exception, which a replay raises
at the same place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from celery.exceptions import SoftTimeLimitExceeded

from playback_core.interceptor import Target
from playback_core.recording_session import RecordingSession
from playback_core.replacing import Function
from playback_core.session import Session

CAME_BETWEEN_CALLS: Final = (
    "its soft time limit came between the calls that are recorded, where no replay can raise it"
)
_HANDLER: Final = "soft_timeout_sighandler"


@dataclass(slots=True)
class SoftLimit:
    """Whether the limit of a running task has come."""

    reached: bool = False

    def is_replayable(self, session: Session) -> bool:
        """Tell whether a replay will meet the limit where the task did, or without need."""
        if not self.reached or not isinstance(session, RecordingSession):
            return True
        failed = (entry for entry in session.entries if entry.failed)
        return any(isinstance(each.decoded_result(), SoftTimeLimitExceeded) for each in failed)


_running: Final[ContextVar[SoftLimit | None]] = ContextVar("playback_soft_limit", default=None)


@contextmanager
def soft_limit() -> Iterator[SoftLimit]:
    """Give the limit of what runs in a block; an applied task has that of the task around it."""
    outer = _running.get()
    limit = SoftLimit() if outer is None else outer
    token = _running.set(limit)
    try:
        yield limit
    finally:
        _running.reset(token)


class SoftLimitTarget(Target):
    """The handler of the signal by which a worker tells a child that time is up."""

    def __init__(self) -> None:
        super().__init__("billiard.pool", _HANDLER)

    def replacement(self, original: Function) -> Function:
        def soft_timeout_sighandler(signum: int, frame: Any) -> Any:
            limit = _running.get()
            if limit is not None:
                limit.reached = True
            return original(signum, frame)

        return soft_timeout_sighandler

"""Recording fails open, playback fails loud: the one place where a fault of ours is caught.

The drivers of interceptions give the fault of a step to `take_fault`, other blocks run in
`FailingOpen`. The session says what a fault means: one being recorded drops its recording, one
being replayed raises.
"""

import logging
import os
import threading
from collections import Counter
from inspect import CO_VARARGS
from itertools import pairwise
from types import FrameType, TracebackType
from typing import Any, Final, Protocol
from weakref import WeakSet

from playback_core.errors import ForbiddenContentError

_logger: Final = logging.getLogger("playback")
_MAX_CAUSES: Final = 1_000


class Faultable(Protocol):
    """A session, as far as faults go."""

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        """Take a fault: drop the recording, or raise."""


def take_fault(session: Faultable, stage: str, subject: str, fault: Exception) -> None:
    """Give a fault to its session; one that is the application's own is raised again.

    Such is what a signal handler raises, a time limit say, while our code runs.
    """
    session.fail(stage, subject, fault)
    if _comes_from_signal_handler(fault):
        raise fault


class FailingOpen:
    """A block whose fault is given to a session; execution goes on behind the block."""

    __slots__ = ("_session", "_stage", "_subject")

    def __init__(self, session: Faultable, stage: str, subject: str) -> None:
        self._session = session
        self._stage = stage
        self._subject = subject

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if exc is None or not isinstance(exc, Exception):
            return False
        take_fault(self._session, self._stage, self._subject, exc)
        return True


def _comes_from_signal_handler(error: BaseException) -> bool:
    # By how it was called: one that is an object or a partial has no code of its own to look for,
    # and one that acts once is not the signal's handler any more.
    frames: list[FrameType] = []
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if any(
            type(number) is int and any(interrupted is outer for outer in frames)
            for number, interrupted in pairwise(_passed(frame))
        ):
            return True
        frames.append(frame)
        traceback = traceback.tb_next
    return False


def _passed(frame: FrameType) -> list[Any]:
    code, values = frame.f_code, frame.f_locals
    passed = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & CO_VARARGS:
        rest = values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        passed += rest if isinstance(rest, tuple) else ()
    return passed


class Guard:
    """Counts what happened to recordings and logs each cause of a loss once.

    `counters` maps a name to a number: `recorded`, `discarded` (on request), `sampled_out`, `shed`
    (the process was short of CPU, see WHEN_BUSY), `failed` (a fault while recording), `forbidden`
    (they held what FORBID refuses), `too_large` (more than a recording may hold), `lost` (their
    process was ended, as an adapter has seen), `late` (calls after their operation had ended),
    `unlogged` (log lines that the application's logging refused).
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counters: Counter[str] = Counter()
        self._causes: set[tuple[str, str, type[BaseException] | None]] = set()
        _guards.add(self)

    @property
    def counters(self) -> dict[str, int]:
        """A copy of the counters."""
        with self._lock:
            return dict(self._counters)

    def count(self, name: str) -> None:
        """Add one to a counter."""
        with self._lock:
            self._counters[name] += 1

    def report(
        self, stage: str, subject: str, error: BaseException | None, consequence: str
    ) -> None:
        """Log a fault, once for each (stage, subject, type of error)."""
        if self._is_new((stage, subject, type(error) if error is not None else None)):
            cause = f": {type(error).__name__}: {_text(error)}" if error is not None else ""
            self._log("%s %r%s; %s", stage, subject, cause, consequence, error=error)

    def tell(self, message: str) -> None:
        """Log what is no fault, each time."""
        self._log("%s", message)

    def _log(self, message: str, *values: str, error: BaseException | None = None) -> None:
        try:
            _logger.warning(message, *values, exc_info=error)
        except Exception:  # noqa: BLE001 - a filter or handler of the application's
            self.count("unlogged")

    def refuse(self, error: ForbiddenContentError, consequence: str) -> None:
        """Log that a recording must not be stored, once for each rule that says so.

        Without the traceback, in whose frames the value is that must not be shown.
        """
        self.report("Refusing what FORBID names as", error.pattern, None, consequence)

    def _is_new(self, cause: tuple[str, str, type[BaseException] | None]) -> bool:
        with self._lock:
            if cause in self._causes or len(self._causes) >= _MAX_CAUSES:
                return False
            self._causes.add(cause)
            return True

    def renew(self) -> None:
        """Begin anew in a forked child: the counters are its own, the lock's owner may be gone."""
        self._lock = threading.RLock()
        self._counters.clear()


_guards: Final[WeakSet[Guard]] = WeakSet()


def _renew_all() -> None:
    for guard in _guards:
        guard.renew()


os.register_at_fork(after_in_child=_renew_all)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - the text is the application's code
        return f"<its message cannot be made: {type(broken).__name__}>"

"""DedicatedProcesses: compares in a process apart, whose end costs one comparison and no more."""

import atexit
import multiprocessing
import multiprocessing.util  # before our hook at exit: its own waits for all children
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice
from multiprocessing.reduction import ForkingPickler
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet

from playback_core.errors import SettingsError
from playback_core.studio.comparison import Comparison, failure
from playback_core.studio.execution_config import CompareExecutionConfig
from playback_core.studio.recording_comparer import RecordingComparer
from playback_core.studio.workers.child import READY
from playback_core.studio.workers.endings import MALFORMED, ended, timed_out
from playback_core.studio.workers.pipe import MalformedFrame
from playback_core.studio.workers.wire import MalformedComparison, comparison_from_bytes
from playback_core.studio.workers.worker import Worker

_FAULTS: Final = (EOFError, TimeoutError, MalformedFrame, MalformedComparison)

# One being compared and one that waits for it: so neither process waits for the other's turn.
_AT_A_PROCESS: Final = 2


class DedicatedProcesses:
    """Compares recordings in one process after the other, each for some comparisons.

    A process is started for the first comparison, and for the one after each that its process did
    not survive. Raise SettingsError where `compare` cannot be sent to one, as it has to be unless
    the process is a fork.
    """

    def __init__(self, compare: RecordingComparer, config: CompareExecutionConfig) -> None:
        self._compare = compare
        self._timeout = config.compare_process_timeout
        self._recycle_rate = config.compare_process_recycle_rate
        method = config.compare_process_start_method or _default_start_method()
        if method != "fork":
            _require_sendable(compare, method)
        self._context = multiprocessing.get_context(method)
        self._worker: Worker | None = None
        self._leaving: Worker | None = None
        self._has_started = False
        _open.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def compare_all(self, recording_ids: Iterable[str]) -> Iterator[Comparison]:
        """Yield the comparison of each recording, an EqualizerFailure where its process fails.

        The process compares one recording ahead of what is asked for. Raise SettingsError where
        not even the first process can be started.
        """
        ids = iter(recording_ids)
        waiting: deque[str] = deque()
        while True:
            waiting.extend(islice(ids, _AT_A_PROCESS - len(waiting)))
            if not waiting:
                return
            yield self._next_of(waiting)

    def close(self) -> None:
        """End the process; safe to call twice."""
        workers, self._worker, self._leaving = (self._leaving, self._worker), None, None
        for worker in workers:
            if worker is not None:
                worker.end()

    def _next_of(self, waiting: deque[str]) -> Comparison:
        try:
            worker = self._ready_worker()
        except _NotStarted as error:
            self.close()
            if not self._has_started:
                raise SettingsError(f"Nothing was compared: {error}") from error
            return failure(f"Recording {waiting[0]} was not compared: {error}", waiting.popleft())
        self._has_started = True
        room = self._recycle_rate - worker.asked
        for recording_id in list(waiting)[worker.unanswered :][:room]:
            worker.ask(recording_id)
        return self._answered(worker, waiting.popleft())

    def _answered(self, worker: Worker, recording_id: str) -> Comparison:
        try:
            return comparison_from_bytes(recording_id, worker.answer(self._timeout))
        except _FAULTS as fault:
            problem = self._explained(worker, fault)
        self.close()
        return failure(f"Comparing recording {recording_id}: its process {problem}", recording_id)

    def _ready_worker(self) -> Worker:
        # It is always sent one more than it has answered, until it has had its share.
        if self._worker is not None and not self._worker.unanswered:
            self._dismiss(self._worker)
        return self._worker or self._started()

    def _dismiss(self, worker: Worker) -> None:
        if self._leaving is not None:
            self._leaving.end()
        # Its end is not waited for: the next one works meanwhile.
        worker.dismiss()
        self._leaving, self._worker = worker, None

    def _started(self) -> Worker:
        try:
            # Kept before it is ready, so that an interrupt ends it, too.
            worker = self._worker = Worker(self._compare, self._context)
        except OSError as error:
            raise _NotStarted(f"no dedicated process can be started: {error}.") from error
        try:
            if worker.first_frame(self._timeout) != READY:
                raise MalformedFrame
        except _FAULTS as fault:
            problem = self._explained(worker, fault)
            raise _NotStarted(f"while it started, the dedicated process {problem}") from fault
        return worker

    def _explained(self, worker: Worker, fault: Exception) -> str:
        match fault:
            case EOFError():
                return ended(worker.exit_code())
            case TimeoutError():
                worker.show_where()
                return timed_out(self._timeout, forked_with_threads=worker.forked_with_threads)
        return MALFORMED


class _NotStarted(Exception):
    pass


def _default_start_method() -> str:
    # Without fixing it for the application, as get_start_method() alone does.
    chosen = multiprocessing.get_start_method(allow_none=True)
    return chosen or multiprocessing.get_all_start_methods()[0]


def _require_sendable(compare: RecordingComparer, method: str) -> None:
    for field in fields(compare):
        try:
            ForkingPickler.dumps(getattr(compare, field.name))
        except Exception as error:
            raise SettingsError(
                f"The {field.name.replace('_', ' ')} cannot be sent to a dedicated process, which"
                f" {method} requires: {error}. Give a function of a module, and a cassette that a"
                " URL or path names; or compare in this process, or with"
                " compare_process_start_method='fork'."
            ) from error


_open: Final[WeakSet[DedicatedProcesses]] = WeakSet()


@atexit.register
def _close_at_exit() -> None:
    for processes in list(_open):
        processes.close()

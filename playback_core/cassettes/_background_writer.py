"""BackgroundWriter: a bounded queue of recordings and the one thread that stores them."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final
from weakref import WeakSet

from playback_core.errors import ForbiddenContentError
from playback_core.guard import Guard
from playback_core.recording import Recording

Failures = Sequence[tuple[Recording, Exception]]

# A batch is one transaction; others wait for it.
_MAX_BATCH: Final = 256
_MAX_BATCH_BYTES: Final = 16 * 1024 * 1024

# What a recording takes beside its entries.
_RECORDING_BYTES: Final = 1024

_WORK_SECONDS: Final = 0.001
_PAUSE_SECONDS: Final = 0.0003

_FLUSH_CHECK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class WriterCounters:
    """What became of the recordings given to a writer in this process.

    `queued` were taken; of these `saved` are stored, `failed` could not be, and `forbidden` hold
    what FORBID says is not to be stored. `dropped` were not taken: the queue was full, or closed.
    """

    queued: int
    saved: int
    dropped: int
    failed: int
    forbidden: int = 0


class BackgroundWriter:
    """Stores recordings in batches, on a thread that starts with the first one.

    `store` saves a batch and returns what it could not save. A batch is gathered for `linger`
    seconds, or until it is full; recordings of more than `max_bytes` in all are not taken. In a
    forked child it is empty, and its thread starts again with the child's first recording.
    """

    # `put` may run in a signal handler or a finalizer, in the middle of another `put`, so it takes
    # no lock: a SimpleQueue and plain additions, between whose bytecodes no thread is switched.

    def __init__(
        self, store: Callable[[list[Recording]], Failures], name: str, linger: float, max_bytes: int
    ) -> None:
        self._store = store
        self._name = name
        self._linger = linger
        self._max_bytes = max_bytes
        self._guard = Guard()
        self._stopped = False
        self.renew()
        _writers.add(self)

    def renew(self) -> None:
        """Start empty: what is queued at a fork is stored by the parent, whose thread it has."""
        self._queue: SimpleQueue[_Queued | _Barrier] = SimpleQueue()
        self._alarm = _Alarm()
        self._starting = threading.Lock()
        self._storing = threading.RLock()
        self._thread: threading.Thread | None = None
        self._running = False
        self._bytes_in = self._bytes_out = 0
        self._queued = self._saved = self._dropped = self._failed = self._forbidden = 0

    @property
    def counters(self) -> WriterCounters:
        """What became of the recordings so far."""
        return WriterCounters(
            self._queued, self._saved, self._dropped, self._failed, self._forbidden
        )

    def put(self, recording: Recording) -> None:
        """Queue a recording, or drop it whole; never wait, never raise."""
        size = _RECORDING_BYTES + recording.size
        waiting = self._bytes_in - self._bytes_out + size
        if self._stopped or waiting > self._max_bytes:
            self._drop("is closed" if self._stopped else f"is full ({self._max_bytes} bytes)")
            return
        self._bytes_in += size
        self._queued += 1
        self._queue.put(_Queued(recording, size))
        if waiting > self._max_bytes // 4 or self._is_batch_full():
            self._alarm.ring()
        if not self._running:
            self.start()

    def start(self) -> None:
        """Start the thread unless it runs; where none can be started, `flush` stores instead."""
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._running:
                return
            thread = threading.Thread(target=self._run, name="playback-writer", daemon=True)
            self._running = True
            # An empty context: it outlives the operation that happens to be the first.
            Context().run(thread.start)
            self._thread = thread
        except RuntimeError as error:
            self._running = False
            self._report(error, "its recordings wait until it is flushed or closed")
        finally:
            self._starting.release()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was queued before is stored; tell whether it was in time."""
        if not self._running and self._unstored() == 0:
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        barrier = _Barrier(threading.Event())
        self._queue.put(barrier)
        self._alarm.ring()
        while True:
            if not self._running:
                self.start()
            if not self._running:
                self._store_queued(deadline=deadline)
            left = _FLUSH_CHECK_SECONDS if deadline is None else deadline - time.monotonic()
            if barrier.reached.wait(min(max(left, 0), _FLUSH_CHECK_SECONDS)):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False

    def stop(self, timeout: float) -> bool:
        """Take no more, store what is queued, end the thread; tell whether it was in time."""
        deadline = time.monotonic() + timeout
        self._stopped = True
        if not self._running:
            # Nor could one be started at the end of the interpreter.
            self._store_queued(deadline=deadline)
        in_time = self.flush(timeout)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(deadline - time.monotonic(), 0.1))
            in_time = in_time and not thread.is_alive()
        lost = self._unstored()
        if lost:
            self._report(None, f"{lost} recordings were not stored within {timeout} s")
        return in_time

    def _unstored(self) -> int:
        return self._queued - self._saved - self._failed - self._forbidden

    def _run(self) -> None:
        try:
            while True:
                first = self._queue.get()
                if isinstance(first, _Queued) and not (self._stopped or self._is_batch_full()):
                    self._alarm.wait(self._linger)
                self._store_queued(first)
                if self._stopped and self._queue.empty():
                    return
        finally:
            self._running = False

    def _store_queued(
        self, first: "_Queued | _Barrier | None" = None, deadline: float | None = None
    ) -> None:
        with self._storing:
            # What comes meanwhile is gathered, too, instead of making many small batches.
            left = self._queue.qsize() + (first is not None)
            item = first or self._next()
            while item is not None:
                batch: list[_Queued] = []
                size = 0
                while isinstance(item, _Queued):
                    batch.append(item)
                    size += item.size
                    left -= 1
                    full = len(batch) >= _MAX_BATCH or size >= _MAX_BATCH_BYTES
                    item = None if full or left <= 0 else self._next()
                try:
                    self._store_batch(batch, size)
                finally:
                    if isinstance(item, _Barrier):
                        left -= 1
                        item.reached.set()
                if left <= 0 or (deadline is not None and time.monotonic() >= deadline):
                    return
                item = self._next()

    def _is_batch_full(self) -> bool:
        return self._queue.qsize() >= _MAX_BATCH

    def _next(self) -> "_Queued | _Barrier | None":
        with suppress(Empty):
            return self._queue.get_nowait()
        return None

    def _store_batch(self, batch: list["_Queued"], size: int) -> None:
        if not batch:
            return
        failed, forbidden = len(batch), 0
        try:
            failures = self._store(_Unhurried(queued.recording for queued in batch))
            forbidden = sum(isinstance(error, ForbiddenContentError) for _, error in failures)
            failed = len(failures) - forbidden
            for recording, error in failures:
                if isinstance(error, ForbiddenContentError):
                    self._guard.refuse(error, "such recordings are discarded")
                else:
                    self._report(error, f"{recording.category}: recordings are lost")
        except Exception as error:  # noqa: BLE001 - a broken cassette must not end the thread
            self._report(error, "these recordings are lost")
        finally:
            self._failed += failed
            self._forbidden += forbidden
            self._saved += len(batch) - failed - forbidden
            self._bytes_out += size

    def _drop(self, reason: str) -> None:
        self._dropped += 1
        self._guard.report(
            "Queueing recordings for", self._name, None, f"it {reason}, recordings are dropped"
        )

    def _report(self, error: Exception | None, consequence: str) -> None:
        self._guard.report("Storing recordings in", self._name, error, consequence)


class _Unhurried(list[Recording]):
    """Recordings with a pause after each millisecond of work on them, for other threads.

    A request that wakes up meanwhile would else wait for the interpreter as long as a thread may
    keep it, five milliseconds. After each recording is too often: whoever takes turns finds the
    processor's caches full of what the other needs, which costs both more than it saves.
    """

    def __iter__(self) -> Iterator[Recording]:
        since = time.monotonic()
        for recording in super().__iter__():
            yield recording
            if time.monotonic() - since >= _WORK_SECONDS:
                time.sleep(_PAUSE_SECONDS)
                since = time.monotonic()


class _Queued:
    __slots__ = ("recording", "size")

    def __init__(self, recording: Recording, size: int) -> None:
        self.recording = recording
        self.size = size


@dataclass(frozen=True, slots=True)
class _Barrier:
    reached: threading.Event


class _Alarm:
    """Ends a wait early; unlike an Event it can be rung in the middle of another ring."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        # Rung already.
        with suppress(RuntimeError):
            self._silent.release()

    def wait(self, timeout: float) -> None:
        self._silent.acquire(timeout=timeout)


_writers: Final[WeakSet[BackgroundWriter]] = WeakSet()


def _renew_writers() -> None:
    for writer in list(_writers):
        writer.renew()


os.register_at_fork(after_in_child=_renew_writers)

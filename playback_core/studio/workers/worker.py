"""Worker: the studio's side of one dedicated process, from its start to its end."""

import os
import select
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any, Final

from playback_core.codec import encode
from playback_core.studio.recording_comparer import RecordingComparer
from playback_core.studio.workers.child import serve
from playback_core.studio.workers.pipe import private, read_frame, write_frame

_GRACE_SECONDS: Final = 1.0
# Where replayed code has forked in C, the pipe may outlive the process.
_LOOK_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.001


class Worker:
    """A process that compares recordings one after the other.

    Raise OSError where none can be started.
    """

    def __init__(self, compare: RecordingComparer, context: Any) -> None:
        self.forked_with_threads = (
            context.get_start_method() == "fork" and threading.active_count() > 1
        )
        self.asked = 0
        self.unanswered = 0
        self._ready = False
        self._owner = os.getpid()
        requests, self._requests = context.Pipe(duplex=False)
        self._results, results = context.Pipe(duplex=False)
        private(self._requests)
        private(self._results)
        self._process = context.Process(
            target=serve, args=(compare, requests, results), name="playback-comparison"
        )
        try:
            with _fork_allowed():
                self._process.start()
        except BaseException:
            self._requests.close()
            self._results.close()
            raise
        finally:
            requests.close()
            results.close()
        self._poll = select.poll()
        self._poll.register(self._results.fileno(), select.POLLIN)

    def first_frame(self, timeout: float) -> bytes:
        """Wait for the frame that says it is ready; raise as `answer` does."""
        frame = self._frame(timeout)
        self._ready = True
        return frame

    def ask(self, recording_id: str) -> None:
        """Send the id of a recording to compare after those it was sent before."""
        self.asked += 1
        self.unanswered += 1
        # One that has ended gives no answer: that tells.
        with suppress(BrokenPipeError):
            write_frame(self._requests.fileno(), encode(recording_id))

    def answer(self, timeout: float) -> bytes:
        """Wait for its answer to the oldest unanswered id.

        Raise TimeoutError after so many seconds, EOFError where it has ended, MalformedFrame.
        """
        frame = self._frame(timeout)
        self.unanswered -= 1
        return frame

    def exit_code(self) -> int | None:
        """Return what it ended with, or minus the signal; None where it still runs a second on."""
        self._has_ended(within=_GRACE_SECONDS)
        return self._process.exitcode  # type: ignore[no-any-return]

    def show_where(self) -> None:
        """Stop a process that hangs by SIGTERM, at which it prints its stack to stderr."""
        self._process.terminate()
        self._has_ended(within=_GRACE_SECONDS)

    def dismiss(self) -> None:
        """Let an idle process know that nothing more is asked of it; `end` has to follow."""
        self._requests.close()

    def end(self) -> None:
        """End the process and what it has started: ask an idle one to leave, kill a busy one."""
        # A fork of the studio's process has this object, too, and no business with the process.
        if self._owner != os.getpid():
            return
        self._requests.close()
        if self._ready and not self.unanswered:
            self._has_ended(within=_GRACE_SECONDS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        # It may not have had the time to become a group.
        self._process.kill()
        if self._has_ended(within=_GRACE_SECONDS):
            self._process.close()
        self._results.close()

    def _frame(self, timeout: float) -> bytes:
        deadline = monotonic() + timeout
        return read_frame(self._results.fileno(), lambda: self._wait(deadline))

    def _wait(self, deadline: float) -> None:
        while True:
            left = deadline - monotonic()
            if self._poll.poll(1000 * max(0, min(left, _LOOK_SECONDS))):
                return
            if self._process.exitcode is not None and not self._poll.poll(0):
                raise EOFError
            if left <= 0:
                raise TimeoutError

    def _has_ended(self, *, within: float) -> bool:
        # Its sentinel is a pipe, too: closed by what runs on, or open in what it has forked.
        deadline = monotonic() + within
        while self._process.exitcode is None and monotonic() < deadline:
            sleep(_POLL_SECONDS)
        return self._process.exitcode is not None


@contextmanager
def _fork_allowed() -> Iterator[None]:
    # CPython warns of a fork beside threads, as what they hold locked stays locked in the child.
    # Ours renew their locks; those of the application are why there is a timeout and `spawn`.
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning
        )
        yield

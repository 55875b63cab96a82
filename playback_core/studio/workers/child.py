"""What a dedicated process does: compare what it is asked to, until nobody asks any more."""

import faulthandler
import fcntl
import gc
import multiprocessing
import os
import select
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

from playback_core.codec import decode
from playback_core.errors import EncodeError
from playback_core.sandbox import seal_process
from playback_core.studio.comparison import Comparison, failure
from playback_core.studio.recording_comparer import RecordingComparer, failure_text
from playback_core.studio.workers.pipe import private, read_frame, write_frame
from playback_core.studio.workers.wire import comparison_to_bytes

READY: Final = b"ready"
"""The first frame of a process: it has imported what it needs."""

_STDOUT: Final = 1
_STDERR: Final = 2


def serve(
    compare: RecordingComparer,
    requests: "Connection[Any, Any]",
    results: "Connection[Any, Any]",
) -> None:
    """Answer each recording id that comes with its comparison; return where no more can come."""
    private(requests)
    private(results)
    # What a fork has inherited is the studio's: looking for garbage in it would copy every page
    # of it, and finding some would run its finalizers a second time.
    gc.freeze()
    # A group of its own: Ctrl-C is for the studio, and what replayed code starts ends with it.
    os.setpgid(0, 0)
    _end_with_the_studio()
    _print_to_stderr()
    _show_where_it_ends()
    if compare.sandbox is not None:
        seal_process(compare.sandbox, leave_network=compare.reads_locally)
    write_frame(results.fileno(), READY)
    while True:
        try:
            recording_id = decode(read_frame(requests.fileno()))
        except EOFError:
            return
        write_frame(results.fileno(), _answer(compare, recording_id))


def _answer(compare: RecordingComparer, recording_id: str) -> bytes:
    try:
        comparison = _compared(compare, recording_id)
        return comparison_to_bytes(comparison, keep_results=compare.keep_results)
    except EncodeError as error:
        problem = f"what comparing came to cannot be sent by its process: {error}"
        return comparison_to_bytes(failure(problem, recording_id), keep_results=False)


def _compared(compare: RecordingComparer, recording_id: str) -> Comparison:
    try:
        return compare(recording_id)
    # Nobody interrupts this process but what it replays.
    except (KeyboardInterrupt, GeneratorExit) as error:
        return failure(failure_text("the replay", error), recording_id)


def _end_with_the_studio() -> None:
    studio = multiprocessing.parent_process()
    if studio is None or not hasattr(fcntl, "F_SETSIG"):
        # Elsewhere than on Linux it ends with the comparison at hand: the requests end, too.
        return
    # The kernel kills this process when the studio's end of a pipe closes, whatever it is doing.
    # PR_SET_PDEATHSIG would do so, too, when the thread that started it ends.
    lifeline: Any = studio.sentinel
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os.kill(os.getpid(), signal.SIGKILL)


def _show_where_it_ends() -> None:
    if not faulthandler.is_enabled():
        faulthandler.enable(file=_STDERR)
    # The studio ends a hanging process by SIGTERM first. This needs no interpreter to be free.
    faulthandler.register(signal.SIGTERM, file=_STDERR, all_threads=True, chain=True)


def _print_to_stderr() -> None:
    # The studio's stdout may be a JSON document. The streams are made anew, since those inherited
    # may be a progress bar's, or locked by a thread that a fork has not brought along.
    with suppress(OSError):
        os.dup2(_STDERR, _STDOUT)
    sys.stdout = sys.stderr = open(  # noqa: SIM115 - for the rest of the process
        _STDERR, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )

"""in_parallel: several waits at once, by threads that end with the call."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import Context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

AT_ONCE: Final = 16


def in_parallel(work: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """Return what `work` gives for each item, in order, with at most AT_ONCE calls at a time.

    The first error ends the rest and is raised. The caller works along, so that it also works
    where no thread can be started, as at the end of the interpreter.
    """
    waiting: SimpleQueue[tuple[int, _T]] = SimpleQueue()
    count = 0
    for count, item in enumerate(items, start=1):
        waiting.put((count - 1, item))
    results: dict[int, _R] = {}
    errors: list[BaseException] = []

    def run() -> None:
        with suppress(Empty):
            while not errors:
                position, item = waiting.get_nowait()
                try:
                    results[position] = work(item)
                except BaseException as error:  # noqa: BLE001 - raised by the caller below
                    errors.append(error)

    threads = _started(run, min(count, AT_ONCE) - 1)
    run()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[position] for position in range(count)]


def _started(run: Callable[[], None], count: int) -> list[Thread]:
    threads = []
    with suppress(RuntimeError):
        for _ in range(count):
            thread = Thread(target=run, name="playback-storage", daemon=True)
            # An empty context: what is stored belongs to no operation.
            Context().run(thread.start)
            threads.append(thread)
    return threads

"""`python -m benchmarks.idle_calls`: calls of libraries outside of any operation, when asked.

Each line on standard input is a turn, whose seconds of CPU are printed. With `idle` for its first
argument all interceptors are in place. A process has one or the other: code that is called now by
a wrapper and now without one is never specialised by the interpreter, which costs both.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.measurement import Timed, timed

# About as long each: none of them hides what the others take more.
_HTTP_CALLS: Final = 3
_REDIS_CALLS: Final = 80
_STATEMENTS: Final = 2200


@contextmanager
def calling(kind: str, url: str, redis_port: int, database: Path, times: int) -> Iterator[Timed]:
    """Run such a process for a block; what is given asks for a turn and tells what it took."""
    arguments = [kind, url, str(redis_port), str(database), str(times)]
    command = [sys.executable, "-m", "benchmarks.idle_calls", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        asked, told = process.stdin, process.stdout
        if asked is None or told is None:
            raise RuntimeError("A process of idle calls has no pipes.")

        def turn() -> float:
            print(file=asked)
            return float(next(told))

        yield turn


def _calls(url: str, client: Any, database: str, times: int) -> None:
    import sqlite3

    import requests

    connection = sqlite3.connect(database)
    for _ in range(times):
        for _ in range(_HTTP_CALLS):
            requests.get(url).content  # noqa: B018 - reading it is the call
        for _ in range(_REDIS_CALLS):
            client.get("key")
        for _ in range(_STATEMENTS):
            connection.execute("SELECT 1").fetchall()
    connection.close()


def _turns(kind: str, url: str, port: str, database: str, times: str) -> Callable[[], float]:
    if kind == "idle":
        from playback_core.interceptors import install_interceptors

        install_interceptors()
    import redis

    client = redis.Redis(port=int(port))
    return timed(partial(_calls, url, client, database, int(times)))


def main() -> None:
    """Make calls until nobody asks for more."""
    turn = _turns(*sys.argv[1:])
    for _ in sys.stdin:
        print(turn(), flush=True)


if __name__ == "__main__":
    main()

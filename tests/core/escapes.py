"""A process that tries one way out of a replay; `test_sandbox_escapes.py` looks at the world.

    python escapes.py MODE ESCAPE PORT FOLDER

It records an operation that does nothing, seals itself as MODE says, replays the operation as one
that tries the escape, and prints what came of it as JSON.
"""

import asyncio
import atexit
import ctypes
import gc
import json
import multiprocessing
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

from playback_core import InMemoryTapeCassette, SandboxOptions, TapeRecorder
from playback_core.sandbox import seal_process

Escape = Callable[[], Any]


class World:
    """What an application had before its replay: connections, files, threads."""

    def __init__(self, port: int, folder: Path) -> None:
        self.address = ("127.0.0.1", port)
        self.marker = folder / "touched"
        self.database = folder / "shop.db"
        self.unix = str(folder / "unix")
        self.later: Callable[[], object] = lambda: None
        """What happens when the replay is over."""

    def raw_socket(self) -> Escape:
        return lambda: socket.create_connection(self.address, 5).sendall(b"escaped")

    def open_socket(self) -> Escape:
        sock = socket.create_connection(self.address)
        return lambda: sock.sendall(b"escaped")

    def open_socket_in_c(self) -> Escape:
        sock = socket.create_connection(self.address)
        # The method of the C type, past the class that Python code can change.
        send = socket.socket.__base__.send
        return lambda: send(sock, b"escaped")

    def open_socket_by_descriptor(self) -> Escape:
        sock = socket.create_connection(self.address)
        return lambda: os.write(sock.fileno(), b"escaped")

    def open_transport(self) -> Escape:
        sock = socket.create_connection(self.address)

        async def write(writer: asyncio.StreamWriter) -> None:
            writer.write(b"escaped")
            await writer.drain()

        async def run(operation: Callable[..., Any]) -> None:
            _, writer = await asyncio.open_connection(sock=sock)
            await operation(partial(write, writer))

        write.run = run  # type: ignore[attr-defined]
        return write

    def c_driver(self) -> Escape:
        connect = ctypes.CDLL(None, use_errno=True).connect
        port = struct.pack("!H", self.address[1])
        to = struct.pack("=H", socket.AF_INET) + port + bytes([127, 0, 0, 1]) + bytes(8)
        sock = socket.socket()
        return lambda: connect(sock.fileno(), to, len(to))

    def c_driver_by_unix_socket(self) -> Escape:
        connect = ctypes.CDLL(None, use_errno=True).connect
        to = struct.pack("=H", socket.AF_UNIX) + self.unix.encode() + b"\0"
        sock = socket.socket(socket.AF_UNIX)
        return lambda: connect(sock.fileno(), to, len(to))

    def ctypes_in_the_replay(self) -> Escape:
        return lambda: ctypes.CDLL(None).system(f"touch {self.marker}".encode())

    def ctypes_before(self) -> Escape:
        system = ctypes.CDLL(None).system
        return lambda: system(f"touch {self.marker}".encode())

    def os_system(self) -> Escape:
        return lambda: os.system(f"touch {self.marker}")

    def subprocess_run(self) -> Escape:
        return lambda: subprocess.run(["touch", self.marker], check=True)

    def multiprocessing_fork(self) -> Escape:
        return partial(self._in_process, "fork")

    def multiprocessing_spawn(self) -> Escape:
        return partial(self._in_process, "spawn")

    def _in_process(self, method: str) -> None:
        process = multiprocessing.get_context(method).Process(target=self.marker.touch)
        process.start()
        process.join()

    def pool_before(self) -> Escape:
        pool = multiprocessing.get_context("fork").Pool(1)
        return lambda: pool.apply(self.marker.touch)

    def thread_before(self) -> Escape:
        jobs: Queue[Escape] = Queue()

        def work() -> None:
            while True:
                with suppress(Exception):
                    jobs.get()()
                jobs.task_done()

        threading.Thread(target=work, daemon=True).start()

        def ask() -> None:
            jobs.put(lambda: self.marker.touch())
            jobs.join()

        return ask

    def open_database(self) -> Escape:
        connection = sqlite3.connect(self.database)
        return lambda: connection.execute("CREATE TABLE escaped (id)")

    def new_database(self) -> Escape:
        return lambda: sqlite3.connect(self.database).execute("CREATE TABLE escaped (id)")

    def file(self) -> Escape:
        return lambda: self.marker.write_text("escaped")

    def open_file(self) -> Escape:
        file = self.marker.with_name("opened").open("w")
        return lambda: (file.write("escaped"), file.flush())

    def own_context(self) -> Escape:
        return lambda: Context().run(self.marker.touch)

    def left_behind(self) -> Escape:
        owner = [threading.Event()]
        touch = lambda: self.marker.touch()  # noqa: E731 - the place that is named

        def leave() -> None:
            atexit.register(touch)
            weakref.finalize(owner[0], touch)
            _Cycle(self.marker)

        def go_on() -> None:
            owner.clear()
            atexit._run_exitfuncs()

        self.later = go_on
        return leave

    def object_that_lives_on(self) -> Escape:
        kept: list[_Cycle] = []

        def end() -> None:
            kept.clear()
            gc.collect()

        self.later = end
        return lambda: kept.append(_Cycle(self.marker))

    def signal(self) -> Escape:
        code = "import time, sys; sys.stdout.write('x'); sys.stdout.flush(); time.sleep(60)"
        self.child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        self.child.stdout.read(1)  # type: ignore[union-attr]
        return lambda: os.kill(self.child.pid, signal.SIGTERM)

    def was_signalled(self) -> bool:
        with suppress(subprocess.TimeoutExpired):
            return self.child.wait(0.2) == -signal.SIGTERM
        self.child.kill()
        self.child.wait()
        return False


class _Cycle:
    """What only the collector finds, and what touches the world when it does."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker
        self.itself = self

    def __del__(self) -> None:
        self.marker.touch()


def main(mode: str, name: str, port: str, folder: str) -> None:
    world = World(int(port), Path(folder))
    recorder = TapeRecorder(InMemoryTapeCassette())
    operation = recorder.operation(category="escape")(lambda escape: escape())
    with recorder.enabled_recording():
        operation(lambda: None)
    escape = getattr(world, name)()
    if mode == "dedicated":
        seal_process(SandboxOptions.parse(["192.0.2.1"]))
    elif mode == "full":
        seal_process(SandboxOptions())

    def swallowed() -> None:
        with suppress(Exception):
            operation(escape)

    async def swallowed_in_loop() -> None:
        with suppress(Exception):
            await escape.run(operation)

    recording_id = recorder.tape_cassette.get_last_recording_id()
    run = swallowed_in_loop if hasattr(escape, "run") else swallowed
    playback = recorder.play(recording_id, lambda recording: run())
    with suppress(Exception):
        world.later()
    print(
        json.dumps(
            {
                "sealed": playback.sealed,
                "missed": [miss.message for miss in playback.missed],
                "late": playback.late,
                "outside": playback.outside,
                "signalled": name == "signal" and world.was_signalled(),
            }
        ),
        flush=True,
    )
    # Neither pools nor threads of the escape are waited for.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])

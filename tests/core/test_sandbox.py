"""What a replayed operation may do that was not recorded: nothing, but what is allowed."""

import asyncio
import ctypes
import importlib
import logging
import os
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    Playback,
    Recording,
    SandboxOptions,
    SideEffectBlocked,
    TapeRecorder,
    TapeRecorderException,
)
from playback_core.sandbox.guards import install_guards, uninstall_guards
from playback_core.sandbox_options import SEALED
from playback_core.studio import EqualityStatus, Equalizer, compare_outputs

Attempt = Callable[..., Playback]


@pytest.fixture
def attempt(recorder: TapeRecorder, last_recording: Callable[[], Recording]) -> Attempt:
    """Return a function that replays an operation as one that does what it is given."""

    def run(action: Callable[[], Any], *allowed: str, sandbox: Any = SEALED) -> Playback:
        operation = recorder.operation(category="op")(lambda act: act())
        operation(lambda: None)
        recorder.disable_recording()
        options = SandboxOptions.parse(allowed) if allowed else sandbox
        return recorder.play(last_recording().id, lambda _: operation(action), sandbox=options)

    return run


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def swallowing(action: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        with suppress(Exception):
            action()

    return run


class TestWhatIsRefused:
    def test_a_connection_by_psycopg2(self, attempt, server):
        psycopg2 = pytest.importorskip("psycopg2")
        port = server.getsockname()[1]
        asked = {"host": "127.0.0.1", "port": port, "password": "hidden", "connect_timeout": 1}
        for place in (asked, {"host": "/nowhere"}, {}):
            with pytest.raises(SideEffectBlocked, match="connect to PostgreSQL at") as raised:
                attempt(lambda place=place: psycopg2.connect(dbname="shop", **place))
            assert "hidden" not in str(raised.value)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()

    def test_but_for_a_place_that_is_allowed(self, attempt):
        psycopg2 = pytest.importorskip("psycopg2")

        def connect():
            with pytest.raises(psycopg2.OperationalError, match="refused"):
                psycopg2.connect(host="127.0.0.1", port=1, dbname="shop")

        assert attempt(connect, "127.0.0.1:1").missed == []

    def test_an_attempt_raises_and_names_what_where_and_what_to_do(self, attempt, tmp_path):
        file = tmp_path / "written"
        line = sys._getframe().f_lineno + 2
        with pytest.raises(SideEffectBlocked) as raised:
            attempt(lambda: file.write_text("x"))
        message = str(raised.value)
        assert f"open '{file}' for writing, at tests/core/test_sandbox.py:{line}" in message
        assert f"or allow it: --allow {file}." in message
        assert isinstance(raised.value, TapeRecorderException)
        assert not file.exists()

    def test_what_to_allow_is_told_as_the_command_takes_it(self, attempt, tmp_path):
        log = tmp_path / "log"
        log.touch()
        (miss,) = attempt(swallowing(lambda: log.rename(tmp_path / "log.1"))).missed
        assert miss.message.endswith(f" or allow it: --allow {log} --allow {log}.1.")
        allowed = attempt(lambda: log.rename(tmp_path / "log.1"), str(log), f"{log}.1")
        assert allowed.missed == []

    def test_an_attempt_that_is_swallowed_is_noted(self, attempt, tmp_path):
        playback = attempt(swallowing((tmp_path / "written").touch))
        assert [miss.alias for miss in playback.missed] == [
            f"change the times of '{tmp_path / 'written'}'"
        ]

    @pytest.mark.parametrize(
        ("act", "told"),
        [
            (lambda p: p.unlink(), "remove"),
            (lambda p: p.rename(p.with_name("new")), "rename"),
            (lambda p: p.with_name("new").mkdir(), "make directory"),
            (lambda p: p.parent.rmdir(), "remove directory"),
            (lambda p: p.chmod(0), "change the mode of"),
            (lambda p: os.truncate(p, 0), "truncate"),
            (lambda p: p.with_name("new").symlink_to(p), "link"),
            (lambda p: p.with_name("new").hardlink_to(p), "link"),
            (lambda p: os.mkfifo(p.with_name("new")), "make"),
            (lambda p: os.open(p, os.O_RDWR), "open"),
        ],
    )
    def test_files_are_not_changed(self, attempt, tmp_path, act, told):
        path = tmp_path / "kept"
        path.write_text("kept")
        before = path.stat().st_mode
        (miss,) = attempt(swallowing(lambda: act(path))).missed
        assert miss.alias.startswith(told)
        assert [each.name for each in tmp_path.iterdir()] == ["kept"]
        assert (path.read_text(), path.stat().st_mode) == ("kept", before)

    def test_a_file_relative_to_a_directory_is_told_with_it(self, attempt, tmp_path):
        (tmp_path / "kept").touch()
        folder = os.open(tmp_path, os.O_RDONLY)
        try:
            playback = attempt(swallowing(lambda: os.unlink("kept", dir_fd=folder)))
        finally:
            os.close(folder)
        assert playback.missed[0].alias == f"remove '{tmp_path / 'kept'}'"

    def test_the_mode_of_an_open_file_is_not_changed(self, attempt, tmp_path):
        (tmp_path / "kept").touch()
        with (tmp_path / "kept").open() as file:
            playback = attempt(swallowing(lambda: os.chmod(file.fileno(), 0)))
        assert playback.missed[0].alias == f"change the mode of '{tmp_path / 'kept'}'"

    def test_names_are_not_looked_up(self, attempt):
        playback = attempt(swallowing(lambda: socket.getaddrinfo("example.invalid", 80)))
        assert playback.missed[0].alias == "look up host 'example.invalid'"

    @pytest.mark.parametrize(
        "ask",
        [
            lambda: socket.gethostbyaddr("192.0.2.1"),
            lambda: socket.getfqdn("192.0.2.1"),
            lambda: socket.getnameinfo(("192.0.2.1", 25), 0),
        ],
    )
    def test_the_name_of_an_address_is_not_looked_up(self, attempt, ask):
        (miss,) = attempt(swallowing(ask)).missed
        assert miss.alias == "look up the name of '192.0.2.1'"

    def test_a_name_in_an_address_is_not_looked_up_either(self, attempt):
        with socket.socket() as sock:
            playback = attempt(swallowing(lambda: sock.connect(("example.invalid", 80))))
        assert playback.missed[0].alias == "connect to ('example.invalid', 80)"

    def test_nothing_is_sent_to_an_address_nor_listened_at(self, attempt):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sent = attempt(swallowing(lambda: sock.sendto(b"x", ("127.0.0.1", 9))))
            bound = attempt(swallowing(lambda: sock.bind(("127.0.0.1", 0))))
            # Without a bind it would be given a port.
            with socket.socket() as unbound:
                listening = attempt(swallowing(unbound.listen))
        assert sent.missed[0].alias == "send to ('127.0.0.1', 9)"
        assert bound.missed[0].alias == "bind ('127.0.0.1', 0)"
        assert listening.missed[0].alias == "listen at ('0.0.0.0', 0)"

    @pytest.mark.parametrize(
        "send",
        [
            lambda fd, file: os.write(fd, b"x"),
            lambda fd, file: os.writev(fd, [b"x"]),
            lambda fd, file: os.sendfile(fd, file, 0, 1),
            lambda fd, file: os.sendfile(out_fd=fd, in_fd=file, offset=0, count=1),
        ],
    )
    def test_nothing_is_sent_by_the_number_of_an_open_socket(self, attempt, server, send):
        file = os.open(__file__, os.O_RDONLY)
        with socket.create_connection(server.getsockname()) as client:
            (miss,) = attempt(swallowing(lambda: send(client.fileno(), file))).missed
            accepted, _ = server.accept()
            with accepted:
                accepted.setblocking(False)
                with pytest.raises(BlockingIOError):
                    accepted.recv(1)
        os.close(file)
        assert miss.alias == f"send to {server.getsockname()!r}"

    def test_what_waits_at_an_open_socket_is_not_received(self, attempt, server):
        with socket.create_connection(server.getsockname()) as client:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"kept")
                (miss,) = attempt(swallowing(lambda: client.recv(9))).missed
                assert client.recv(9) == b"kept"
        assert miss.alias == f"receive from {server.getsockname()!r}"

    @pytest.mark.parametrize(
        "name", ["open64", "remove", "symlinkat", "pwrite64", "sendfile", "execle", "dlopen"]
    )
    def test_functions_of_the_c_library_that_reach_out_are_not_given(self, attempt, name):
        (miss,) = attempt(swallowing(lambda: getattr(ctypes.CDLL(None), name))).missed
        assert miss.alias == f"call {name}() of C by ctypes"

    def test_memory_is_not_shared_with_other_processes(self, attempt):
        (miss,) = attempt(swallowing(lambda: SharedMemory(create=True, size=1))).missed
        assert miss.alias == "share memory with other processes"

    def test_a_refused_statement_changes_nothing(self, attempt, tmp_path):
        with sqlite3.connect(tmp_path / "shop.db") as connection:
            connection.execute("CREATE TABLE orders (id)")
            connection.execute("INSERT INTO orders VALUES (1)")
            connection.commit()
            playback = attempt(swallowing(lambda: connection.execute("DELETE FROM orders")))
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        connection.close()
        assert "run a statement in SQLite database" in playback.missed[0].alias

    @pytest.mark.parametrize(
        ("statement", "told"),
        [("ATTACH '{}' AS shop", "open SQLite database '{}'"), ("ATTACH ? AS shop", "attach")],
    )
    def test_a_database_in_memory_is_free_but_for_what_it_attaches(
        self, attempt, tmp_path, statement, told
    ):
        file = tmp_path / "shop.db"
        named = (str(file),) if "?" in statement else ()

        def act() -> list[Any]:
            connection = sqlite3.connect(":memory:")
            found = connection.execute("SELECT 1").fetchall()
            with suppress(sqlite3.DatabaseError):
                connection.execute(statement.format(file), named)
            connection.close()
            return found

        playback = attempt(act)
        assert playback.playback_outputs[-1].value["args"] == [[(1,)]]
        (miss,) = playback.missed
        assert miss.alias.startswith(told.format(file))
        assert not file.exists()

    def test_a_path_that_leaves_what_is_allowed_by_a_link_is_refused(self, attempt, tmp_path):
        (tmp_path / "allowed").mkdir()
        (tmp_path / "allowed" / "link").symlink_to(tmp_path / "outside")
        link = tmp_path / "allowed" / "link"
        playback = attempt(swallowing(lambda: link.write_text("x")), f"{tmp_path}/allowed")
        assert len(playback.missed) == 1
        assert not (tmp_path / "outside").exists()

    def test_threads_pools_and_tasks_of_the_operation_are_sealed(self, attempt, tmp_path):
        def touch(name: str) -> None:
            with suppress(SideEffectBlocked):
                (tmp_path / name).write_text("x")

        def act() -> None:
            thread = threading.Thread(target=touch, args=["thread"])
            thread.start()
            thread.join()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(touch, "pool").result()

            async def main() -> None:
                await asyncio.gather(asyncio.to_thread(touch, "task"))

            asyncio.run(main())

        playback = attempt(act)
        assert len(playback.missed) == 3
        assert not list(tmp_path.iterdir())

    def test_contexts_of_their_own_are_sealed_too(self, attempt, tmp_path):
        def touch(name: str) -> None:
            with suppress(SideEffectBlocked):
                (tmp_path / name).write_text("x")

        async def touch_in_task() -> None:
            touch("task")

        async def main() -> None:
            loop = asyncio.get_running_loop()
            await loop.create_task(touch_in_task(), context=Context())

        def act() -> None:
            Context().run(touch, "context")
            asyncio.run(main())

        playback = attempt(act)
        assert len(playback.missed) == 2
        assert not list(tmp_path.iterdir())

    def test_another_interpreter_is_not_started(self, attempt):
        name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
        interpreters = importlib.import_module(name)
        playback = attempt(swallowing(lambda: interpreters.create()))
        assert [miss.alias for miss in playback.missed] == ["start another interpreter"]

    def test_what_outlives_the_replay_is_refused_as_late(self, attempt, tmp_path):
        ended = threading.Event()
        threads = []

        def late() -> None:
            ended.wait()
            with suppress(SideEffectBlocked):
                (tmp_path / "late").write_text("x")

        def act() -> None:
            threads.append(threading.Thread(target=late))
            threads[0].start()

        playback = attempt(act)
        ended.set()
        threads[0].join()
        assert playback.missed == []
        assert "for writing" in playback.late[1]
        assert not (tmp_path / "late").exists()

    def test_a_comparison_names_the_place(self, recorder, last_recording, tmp_path):
        operation = recorder.operation(category="op")(lambda act: act())
        operation(lambda: None)
        act = swallowing((tmp_path / "file").touch)
        equalizer = Equalizer(
            [last_recording().id],
            lambda each: recorder.play(each, lambda recording: operation(act)),
            lambda outputs: outputs,
            compare_outputs,
        )
        (comparison,) = equalizer.run_comparison()
        assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
        assert "tests/core/test_sandbox.py:" in str(comparison)
        assert comparison.sealed == "python"


class TestWhatIsFree:
    def test_reading_logging_and_signals_to_oneself_are(self, attempt, tmp_path):
        (tmp_path / "read").write_text("there")
        handler = logging.FileHandler(tmp_path / "log")
        logger = logging.getLogger("tests.sandbox")
        logger.addHandler(handler)

        def act() -> str:
            logger.warning("in a replay")
            print("in a replay", file=sys.stderr)
            os.kill(os.getpid(), 0)
            os.write(2, b"in a replay")
            with open(os.devnull, "w") as nowhere:
                nowhere.write("x")
            return (tmp_path / "read").read_text()

        try:
            playback = attempt(act)
        finally:
            logger.removeHandler(handler)
            handler.close()
        assert playback.missed == []
        assert playback.playback_outputs[-1].value["args"] == ["there"]
        assert "in a replay" in (tmp_path / "log").read_text()

    def test_an_event_loop_and_pairs_of_sockets_are(self, attempt):
        def act() -> bytes:
            here, there = socket.socketpair()
            with here, there:
                here.sendall(b"ping")
                return there.recv(4) + asyncio.run(asyncio.to_thread(bytes, 1))

        assert attempt(act).playback_outputs[-1].value["args"] == [b"ping\0"]

    def test_to_send_by_a_closed_socket_is_and_fails_as_ever(self, attempt):
        # So does a thread that wakes an event loop which is just closing.
        def act() -> str:
            here, there = socket.socketpair()
            here.close()
            there.close()
            with pytest.raises(OSError, match="Bad file descriptor") as raised:
                here.send(b"wake up")
            return type(raised.value).__name__

        playback = attempt(act)
        assert playback.missed == []
        assert playback.playback_outputs[-1].value["args"] == ["OSError"]

    def test_an_import_is_and_writes_no_bytecode(self, attempt, tmp_path, monkeypatch):
        (tmp_path / "imported_in_a_replay.py").write_text("VALUE = 7")
        monkeypatch.syspath_prepend(tmp_path)
        before = sys.dont_write_bytecode

        playback = attempt(lambda: __import__("imported_in_a_replay").VALUE)
        assert playback.playback_outputs[-1].value["args"] == [7]
        assert not (tmp_path / "__pycache__").exists()
        assert sys.dont_write_bytecode is before

    def test_the_scratch_folder_is_and_goes_with_the_replay(self, attempt):
        before = tempfile.gettempdir()

        def act() -> list[str]:
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "inner").mkdir()
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(b"x")
            sqlite3.connect(Path(tempfile.gettempdir(), "x.db")).close()
            return [tempfile.gettempdir(), file.name]

        playback = attempt(act)
        folder, file = playback.playback_outputs[-1].value["args"][0]
        assert playback.missed == []
        assert file.startswith(folder)
        assert not Path(folder).exists()
        assert tempfile.gettempdir() == before

    def test_set_up_and_tear_down_of_the_playback_function_are(
        self, recorder, last_recording, tmp_path
    ):
        operation = recorder.operation(category="op")((tmp_path / "fixture").read_text)
        (tmp_path / "fixture").write_text("there")
        operation()
        (tmp_path / "fixture").unlink()

        def play(recording: Recording) -> None:
            (tmp_path / "fixture").write_text("there")
            operation()
            (tmp_path / "fixture").unlink()

        playback = recorder.play(last_recording().id, play)
        assert playback.playback_outputs == playback.recorded_outputs

    def test_the_rest_of_the_process_is_and_is_listed_where_a_replay_runs(self, attempt, tmp_path):
        asked, done = threading.Event(), threading.Event()

        def older() -> None:
            asked.wait()
            (tmp_path / "older").write_text("x")
            (tmp_path / "older").write_text("x")
            done.set()

        thread = threading.Thread(target=older)
        thread.start()

        def act() -> None:
            asked.set()
            done.wait()

        playback = attempt(act)
        thread.join()
        assert playback.missed == []
        assert [each.partition(", at")[0] for each in playback.outside] == [
            f"open '{tmp_path / 'older'}' for writing"
        ] * 2
        assert (tmp_path / "older").exists()


class TestWhatIsAllowed:
    def test_a_host_by_its_port(self, attempt, server):
        address = server.getsockname()

        def act() -> None:
            with socket.create_connection(address) as sock:
                sock.sendall(b"x")

        assert attempt(act, f"127.0.0.1:{address[1]}").missed == []

    def test_and_by_no_other_port(self, attempt, server):
        with socket.socket() as sock:
            connect = swallowing(lambda: sock.connect(server.getsockname()))
            assert len(attempt(connect, "127.0.0.1:1").missed) == 1

    def test_a_host_by_a_name_that_has_its_address(self, attempt, server):
        port = server.getsockname()[1]

        def act() -> None:
            socket.create_connection(("localhost", port)).close()

        assert attempt(act, "localhost").missed == []

    def test_a_path_and_what_is_below_it(self, attempt, tmp_path):
        (tmp_path / "open").mkdir()

        def act() -> None:
            (tmp_path / "open" / "file").write_text("x")
            connection = sqlite3.connect(tmp_path / "open" / "shop.db")
            connection.execute("CREATE TABLE orders (id)")
            connection.close()

        assert attempt(act, f"{tmp_path}/open").missed == []
        assert (tmp_path / "open" / "file").read_text() == "x"

    @pytest.mark.parametrize("kind", ["input", "output"])
    def test_an_interception_that_has_no_recorded_answer(self, recorder, attempt, tmp_path, kind):
        decorate = recorder.intercept_input if kind == "input" else recorder.intercept_output

        @decorate("real")
        def real() -> int:
            return (tmp_path / "written").write_text("x")

        playback = attempt(real, "alias:real")
        assert (playback.missed, len(playback.substituted)) == ([], 1)
        assert playback.substituted[0].policy == "allowed alias"
        assert (tmp_path / "written").exists()

    def test_an_input_declared_to_run_when_missing_with_what_it_starts(
        self, recorder, attempt, tmp_path
    ):
        @recorder.intercept_input("real", run_intercepted_when_missing=True)
        def real() -> None:
            thread = threading.Thread(target=(tmp_path / "real").write_text, args=["x"])
            thread.start()
            thread.join()

        def act() -> None:
            real()
            with suppress(SideEffectBlocked):
                (tmp_path / "own").write_text("x")

        playback = attempt(act)
        assert [each.name for each in tmp_path.iterdir()] == ["real"]
        assert len(playback.missed) == 1

    def test_everything_where_the_user_says_so(self, attempt, tmp_path):
        playback = attempt(lambda: (tmp_path / "file").write_text("x"), sandbox=None)
        assert (playback.missed, playback.sealed) == ([], "off")


def test_recording_installs_nothing() -> None:
    import subprocess

    code = """
import socket, sys
from playback_core import InMemoryTapeCassette, TapeRecorder
before = socket.socket.send
recorder = TapeRecorder(InMemoryTapeCassette())
with recorder.enabled_recording():
    recorder.operation(category="op")(lambda: 1)()
assert socket.socket.send is before
assert "playback_core.sandbox" not in sys.modules
recorder.play(recorder.tape_cassette.get_last_recording_id(), lambda recording: None)
assert socket.socket.send is not before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_guards_can_be_taken_away() -> None:
    install_guards()
    assert "send" in vars(socket.socket)
    uninstall_guards()
    try:
        assert "send" not in vars(socket.socket)
        assert socket.socket.sendfile.__module__ == "socket"
        assert not hasattr(os.mkfifo, "__wrapped__")
    finally:
        install_guards()

"""Ways out of a replay: which are closed in which kind of process, as docs/sandbox.md says.

Each is tried in a process of its own, which swallows what it raises, and the world is looked at.
"""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ESCAPES = Path(__file__).with_name("escapes.py")
PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
LAST = b"last"
MODES = ("in process", "dedicated", "full")

# For each escape whether it is closed in each of the modes.
CLOSED = {
    "raw_socket": (True, True, True),
    "open_socket": (True, True, True),
    "open_transport": (True, True, True),
    "open_socket_in_c": (False, False, True),
    "open_socket_by_descriptor": (True, True, True),
    "c_driver": (False, False, True),
    "c_driver_by_unix_socket": (False, False, True),
    "ctypes_in_the_replay": (True, True, True),
    "ctypes_before": (False, False, False),
    "os_system": (True, True, True),
    "subprocess_run": (True, True, True),
    "multiprocessing_fork": (True, True, True),
    "multiprocessing_spawn": (True, True, True),
    "pool_before": (True, True, True),
    "thread_before": (False, True, True),
    "open_database": (True, True, True),
    "new_database": (True, True, True),
    "file": (True, True, True),
    "open_file": (False, False, False),
    "own_context": (True, True, True),
    "left_behind": (True, True, True),
    "object_that_lives_on": (False, False, False),
    "signal": (True, True, True),
}
# Closed by the system, which tells nobody: the call fails, and the verdict does not name it.
SILENT = {"open_socket_in_c", "c_driver", "c_driver_by_unix_socket"}
WITH_THREADS = {"pool_before", "thread_before"}


class Peer:
    """A server on TCP and a Unix socket; after `settle` it knows who came and what was sent."""

    def __init__(self, folder: Path) -> None:
        tcp, unix = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
        unix.bind(str(folder / "unix"))
        unix.listen()
        self.port: int = tcp.getsockname()[1]
        self.connected = 0
        self.received = b""
        self._servers = [tcp, unix]
        self._threads = [threading.Thread(target=self._serve, args=[each]) for each in (tcp, unix)]
        for thread in self._threads:
            thread.start()

    def settle(self) -> None:
        # Whoever came before the last one has been served when that one has.
        while self._servers:
            server = self._servers.pop()
            with socket.socket(server.family) as last:
                last.connect(server.getsockname())
                last.sendall(LAST)
        for thread in self._threads:
            thread.join()

    def _serve(self, server: socket.socket) -> None:
        with server:
            while True:
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as stream:
                    received = stream.read()
                if received == LAST:
                    return
                self.connected += 1
                self.received += received


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    peer = Peer(tmp_path)
    yield peer
    peer.settle()


@cache
def namespaces_are_allowed() -> bool:
    code = "from playback_core.sandbox import *; import playback_core as p;"
    ask = f"{code} print(seal_process(p.SandboxOptions()))"
    return (
        "full" in subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("escape", CLOSED)
def test_an_escape_is_closed_or_known(escape: str, mode: str, tmp_path: Path, peer: Peer) -> None:
    if mode == "full" and not namespaces_are_allowed():
        pytest.skip("this system allows no network namespaces")
    ended = subprocess.run(
        [sys.executable, ESCAPES, mode, escape, str(peer.port), tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    peer.settle()

    # One that was connected before had to connect.
    touched = peer.connected > escape.startswith("open_socket") + (escape == "open_transport")
    touched = touched or bool(peer.received) or (tmp_path / "touched").exists()
    touched = touched or bool((tmp_path / "opened").exists() and (tmp_path / "opened").read_text())
    touched = touched or result["signalled"]
    database = tmp_path / "shop.db"
    touched = touched or (database.exists() and b"escaped" in database.read_bytes())

    closed = CLOSED[escape][MODES.index(mode)]
    assert touched is not closed
    # A namespace is of one thread; where others run it would not hold them.
    is_full = mode == "full" and escape not in WITH_THREADS
    assert result["sealed"] == ("full" if is_full else "python")
    if escape == "left_behind":
        assert ["escapes.py:" in each for each in result["late"]] == [True] * 3
    elif closed and escape not in SILENT:
        assert "escapes.py:" in result["missed"][0]
    elif escape == "thread_before":
        assert "touched'" in result["outside"][0]
    else:
        assert result["missed"] == []


def test_the_page_has_a_true_row_for_each_escape() -> None:
    rows = re.findall(r"^\| .* `(\w+)` \| (\S+) \| (\S+) \| (\S+) \|$", PAGE.read_text(), re.M)
    told = {name: tuple(cell in ("blocked", "fails") for cell in cells) for name, *cells in rows}
    assert told == CLOSED

"""A server that hangs up in the middle of what it says, or of what it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cutting_server(answer: bytes) -> Iterator[int]:
    """Run what answers one client this, whatever it says, and hangs up; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_answer_once, args=(listening, answer))
        serving.start()
        yield listening.getsockname()[1]
        serving.join()


def _answer_once(listening: socket.socket, answer: bytes) -> None:
    client, _ = listening.accept()
    with client:
        client.recv(65_536)
        client.sendall(answer)

"""A request that never ends: its recording is closed with the process, and marked."""

import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from playback_core import SQLiteTapeCassette, TapeRecorder
from tests.patience import PATIENCE
from tests.servers import GUNICORN, THREADS, compare, serve, wait_for

FACTORY = "tests.flask.cases.extensions:create_app"
ENDINGS = {
    "a worker that is told to stop by its timeout": (*GUNICORN, "--timeout", "1", f"{FACTORY}()"),
    "a worker whose threads are not waited for": (
        *(*GUNICORN, *THREADS, "--graceful-timeout", "1"),
        f"{FACTORY}()",
    ),
    "a server that is stopped": ("-m", "flask", "--app", FACTORY, "run", "--port", "0"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_request_that_never_ends_is_closed_marked_and_not_compared(tmp_path: Path, ending: str):
    server = serve(ENDINGS[ending], tmp_path, ends_by=signal.SIGINT)
    with server as (port, _), ExitStack() as stack:
        with urlopen(f"http://127.0.0.1:{port}/stamped?who=c1") as answer:
            assert answer.status == 200
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        client.sendall(b"GET /hanging?who=c1 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(tmp_path / "hanging")
        if "timeout" in ending:
            client.settimeout(PATIENCE)
            client.recv(1)
    # What had ended before is stored, and compared, however the worker ended.
    compared = compare(tmp_path, FACTORY)
    assert (compared["total"], compared["counts"]["Equal"]) == (1, 1)
    with SQLiteTapeCassette(tmp_path / "extensions.db", create=False) as tape:
        recording_ids = list(tape.iter_recording_ids("hanging"))
        if not recording_ids and "SIGKILL" in (tmp_path / "server.log").read_text():
            # A second after it told a worker to end gunicorn kills it, on however slow a machine.
            assert "worker" in ending
            return
        (recording_id,) = recording_ids
        recording = tape.get_recording(recording_id)
    metadata = recording.get_metadata()
    assert metadata[TapeRecorder.INCOMPLETE_RECORDING]
    assert metadata["path"] == "/hanging"
    environ = recording.get_data(TapeRecorder.OPERATION_REQUEST)["environ"]
    assert environ["QUERY_STRING"] == "who=c1"

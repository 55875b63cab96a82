"""The interceptor of docs/interceptors.md: in a package of its own, found by its entry point."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_interceptor"

PROGRAM = """
import socket, sys
from playback_core import InMemoryTapeCassette, TapeRecorder
from playback_core.interceptors import install_interceptors

install_interceptors()
import parcels

client = parcels.Client("127.0.0.1", int(sys.argv[1]))
recorder = TapeRecorder(InMemoryTapeCassette())

@recorder.operation(category="quote")
def quote(city):
    rate = client.request("rate", city=city)
    try:
        client.request("ship", city=city, cents=rate)
    except parcels.ParcelError as error:
        return f"{rate}: {error}"

with recorder.enabled_recording():
    print(quote("Rome"))
client.request("stop")
(recording_id,) = recorder.tape_cassette.iter_recording_ids("quote")
playback = recorder.play(recording_id, lambda recording: quote(" ROME "))
print(playback.playback_outputs[-1].value["args"][0])
print([(each.alias, each.how) for each in playback.moved], playback.missed)
"""


class _Server(StreamRequestHandler):
    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        answer = {"ship": {"error": "no parcels on Sundays"}}.get(asked["verb"], {"result": 250})
        self.wfile.write(json.dumps(answer).encode() + b"\n")
        if asked["verb"] == "stop":
            Thread(target=self.server.shutdown).start()


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingTCPServer(("127.0.0.1", 0), _Server) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_calls_of_the_library_are_recorded_and_replayed_without_its_server(
    tmp_path: Path, port: int
) -> None:
    info = tmp_path / "parcels_playback-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parcels-playback\nVersion: 1\n")
    point = "parcels = parcels_playback:INTERCEPTOR"
    (info / "entry_points.txt").write_text(f"[playback.interceptors]\n{point}\n")
    path = f"import sys; sys.path[:0] = [{str(EXAMPLE)!r}, {str(tmp_path)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", path + PROGRAM, str(port)],
        check=True,
        capture_output=True,
        text=True,
    )
    live, replayed, account = done.stdout.splitlines()
    assert live == replayed == "250: no parcels on Sundays"
    assert account == "[('parcels rate', 'normalised')] []"


def test_the_page_shows_the_file_as_it_is() -> None:
    page = (ROOT / "docs" / "interceptors.md").read_text()
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown == (EXAMPLE / "parcels_playback.py").read_text()

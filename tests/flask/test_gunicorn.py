"""Under gunicorn with threads and two workers: a fleet of clients, recorded and replayed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

Fleet = tuple[Path, int, "subprocess.Popen[bytes]"]

APP = """
import io
from flask import Flask, Response, request, send_file, session
from playback_core import recorder
from playback_flask import FlaskPlayback

@recorder.intercept_input("lookup")
def lookup(name):
    import time; time.sleep(0.002)
    return {"name": name}

app = Flask("fleet")
app.secret_key = "a secret of the tests"
FlaskPlayback(app)

@app.get("/hello/<name>")
def hello(name):
    return {"parts": [lookup(f"{name} {n}") for n in range(3)]}

@app.post("/login/<name>")
def login(name):
    session["name"] = name
    return "welcome"

@app.get("/me")
def me():
    return lookup(session["name"])

@app.post("/upload")
def upload():
    return {"size": len(request.files["file"].read())}

@app.get("/stream/<name>")
def stream(name):
    return Response(lookup(f"{name} {n}")["name"] + "\\n" for n in range(5))

@app.get("/file")
def file():
    return send_file(io.BytesIO(b"x" * 70_000), mimetype="application/octet-stream")

@app.get("/boom")
def boom():
    raise LookupError("boom")
"""
BOUNDARY = "fleet"
_CATEGORIES = ("hello", "login", "me", "stream", "file", "boom", "upload", "unmatched:404")
UPLOAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    f"{'y' * 5000}\r\n--{BOUNDARY}--\r\n"
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A folder with the application, the port of its server, and the server."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "fleet.py").write_text(APP)
    log = (folder / "gunicorn.log").open("w+")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2"),
            *("--worker-class", "gthread", "--threads", "8", "fleet:app"),
        ],
        cwd=folder,
        env=_environment(folder, PLAYBACK_ENABLED="1"),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield folder, _port(folder, server), server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        server.wait(30)
        log.close()


def _environment(folder: Path, **more: str) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PLAYBACK_", "FLASK_", "GUNICORN_", "PYTEST_"))
    }
    return inherited | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_RUNTIME_DIR": str(folder),
        "PLAYBACK_CASSETTE": f"sqlite:///{folder / 'playback.db'}",
        **more,
    }


def _port(folder: Path, server: "subprocess.Popen[bytes]") -> int:
    for _ in range(600):
        found = re.search(r"Listening at: http://127.0.0.1:(\d+)", _log(folder))
        if found:
            return int(found[1])
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"gunicorn did not start:\n{_log(folder)}")


def _log(folder: Path) -> str:
    return (folder / "gunicorn.log").read_text()


def _client(port: int, number: int) -> list[tuple[int, bytes]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    answers = []
    cookie = ""
    try:
        for turn in range(3):
            name = f"c{number}-{turn}"
            requests = [
                ("GET", f"/hello/{name}", None, {}),
                ("POST", f"/login/{name}", None, {}),
                ("GET", "/me", None, {}),
                ("GET", f"/stream/{name}", None, {}),
                ("GET", "/file", None, {}),
                ("GET", "/boom", None, {}),
                ("GET", f"/nowhere/{name}", None, {}),
                (
                    *("POST", "/upload", UPLOAD),
                    {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
                ),
            ]
            for method, path, body, headers in requests:
                connection.request(method, path, body, {**headers, "Cookie": cookie})
                response = connection.getresponse()
                answers.append((response.status, response.read()))
                set_cookie = response.headers.get("Set-Cookie")
                cookie = set_cookie.split(";")[0] if set_cookie else cookie
            assert answers[-6] == (
                200,
                json.dumps({"name": name}).encode().replace(b" ", b"") + b"\n",
            )
    finally:
        connection.close()
    return answers


def test_eight_clients_over_two_workers_are_recorded_whole_and_replay_equal(
    fleet: Fleet,
) -> None:
    folder, port, server = fleet
    with ThreadPoolExecutor(8) as pool:
        answers = [each for got in pool.map(lambda n: _client(port, n), range(8)) for each in got]
    statuses = [status for status, _ in answers]
    assert {status: statuses.count(status) for status in set(statuses)} == {
        200: 144,
        404: 24,
        500: 24,
    }

    # A worker that is told to stop stores what it has queued.
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    code = "from flask.cli import main; from fleet import app;"
    code += "from playback_flask.cli import playback_cli; app.cli.add_command(playback_cli); main()"
    done = subprocess.run(
        [
            *(sys.executable, "-c", code, "--app", "fleet"),
            *("playback", "compare", "--limit", "1000", "--json"),
        ],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    document = json.loads(done.stdout)
    counts = {name: len(each) for name, each in document["categories"].items()}
    assert counts == dict.fromkeys(_CATEGORIES, 24)
    assert document["counts"]["Equal"] == 192

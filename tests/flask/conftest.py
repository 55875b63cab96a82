"""A recorded application, a real server for it, and a replay of what it recorded."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from playback_core import InMemoryTapeCassette, Recording, TapeRecorder
from playback_core.studio import Comparison, DefaultTuner, PlaybackStudio
from playback_flask import FlaskPlayback, players
from tests.patience import PATIENCE


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Print nothing."""


@dataclass
class Answer:
    """What a real client got."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A running server of an application."""

    port: int

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Send a request over a connection of its own and read the whole answer."""
        with self.connection() as connection:
            connection.request(method, path, body, headers or {}, **options)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.send("GET", path, headers=headers)

    def begin(self, connection: HTTPConnection, path: str) -> HTTPResponse:
        connection.request("GET", path)
        return connection.getresponse()

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            yield connection
        finally:
            connection.close()


@dataclass
class RecordedApp:
    """An application with a recorder of its own that keeps recordings in memory."""

    app: Flask
    recorder: TapeRecorder
    tape: InMemoryTapeCassette = field(default_factory=InMemoryTapeCassette)

    def play_back(self, **settings: Any) -> FlaskPlayback:
        """Add the playback, with settings; recording is on unless they say otherwise."""
        for name, value in {"ENABLED": True, "CASSETTE": self.tape, **settings}.items():
            self.app.config[f"PLAYBACK_{name}"] = value
        return FlaskPlayback(self.app, self.recorder)

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """Serve the application from threads; its requests have ended when the block has."""
        server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=_QuietHandler)
        server.daemon_threads = False  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Server(server.server_port)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            self.recorder.disable_recording()

    def recordings(self) -> list[Recording]:
        """Return what is recorded, category by category, oldest first."""
        tape = self.recorder.readable_cassette()
        return [
            tape.get_recording(recording_id)
            for category in tape.iter_categories()
            for recording_id in tape.iter_recording_ids(category)
        ]

    def recording(self) -> Recording:
        """Return the one recording there is."""
        (recording,) = self.recordings()
        return recording

    def compare(self, *recordings: Recording, app: Flask | None = None) -> list[Comparison]:
        """Replay recordings (all, if none is named) and compare, as the command does."""
        ids = [recording.id for recording in recordings or self.recordings()]
        studio = PlaybackStudio(
            None, DefaultTuner(players(app or self.app)), self.recorder, recording_ids=ids
        )
        return [comparison for each in studio.play().values() for comparison in each]

    def verdicts(self, *recordings: Recording, app: Flask | None = None) -> list[str]:
        """Return the verdicts of `compare` as texts."""
        return [str(each.comparator_status) for each in self.compare(*recordings, app=app)]


def response_of(recording: Recording) -> dict[str, Any]:
    """Return the response that a recording holds."""
    key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    response: dict[str, Any] = recording.get_data(key)["args"][0]
    return response


@pytest.fixture
def recorded() -> Iterator[RecordedApp]:
    """An application without views, to be given some and then `play_back()`."""
    app = Flask("recorded_app")
    app.config["SECRET_KEY"] = "a secret of the tests"
    harness = RecordedApp(app, TapeRecorder())
    yield harness
    if harness.recorder.tape_cassette is not None:
        harness.recorder.tape_cassette.close()


@pytest.fixture(name="response_of")
def response_of_fixture() -> Callable[[Recording], dict[str, Any]]:
    """Return the response that a recording holds."""
    return response_of

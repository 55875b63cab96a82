"""A project by ASGI is told that its server ends, and stores what waits for its batch."""

from pathlib import Path

import pytest

from playback_core import SQLiteTapeCassette
from tests.django.conftest import Project, make_project

CASSETTE = {"PLAYBACK_CASSETTE": "sqlite:///recorded.db"}
RECORD_AND_DIE = """
import asyncio, os
import django
django.setup()
from django.core.handlers.asgi import ASGIHandler
SCOPE = {
    "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
    "path": "/", "raw_path": b"/", "root_path": "", "query_string": b"", "scheme": "http",
    "headers": [(b"host", b"shop.test")],
}

async def call(scope, *messages):
    waiting = asyncio.Queue()
    for message in messages:
        waiting.put_nowait(message)

    async def send(message):
        print(message["type"], flush=True)

    await application(scope, waiting.get, send)

application = ASGIHandler()
asyncio.run(call(SCOPE, {"type": "http.request"}))
asyncio.run(call({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))
os._exit(0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def test_a_process_that_ends_at_once_after_its_lifespan_has_lost_nothing(project):
    done = project.run("-c", RECORD_AND_DIE, PLAYBACK_ENABLED="1", **CASSETTE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    with SQLiteTapeCassette(project.path / "recorded.db", create=False) as cassette:
        assert len(list(cassette.iter_recording_ids("home"))) == 1


def test_a_project_that_is_not_recorded_refuses_a_lifespan_as_ever(project):
    done = project.run("-c", RECORD_AND_DIE, PLAYBACK_ENABLED="0")
    assert done.returncode == 1
    assert "not lifespan" in done.stderr

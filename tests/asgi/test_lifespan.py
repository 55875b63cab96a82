"""The end of a lifespan: a process that then ends at once has lost no recording."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.lifespan.on import LifespanOn

from playback_core import AsyncRecordOnlyTapeCassette, SQLiteTapeCassette
from playback_core.asgi import PlaybackMiddleware
from tests.closing import MakeRecorded, recorded_middlewares

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "root_path": "",
    "query_string": b"",
    "scheme": "http",
    "headers": [],
}


@pytest.fixture
def recorded() -> Iterator[MakeRecorded]:
    with recorded_middlewares(PlaybackMiddleware) as make:
        yield make


def _call(app: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[str]:
    waiting, sent = list(messages), []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    asyncio.run(app(scope, receive, send))
    return sent


def _count(path: Path) -> int:
    with SQLiteTapeCassette(path, create=False) as cassette:
        return len(list(cassette.iter_recording_ids("GET /")))


def test_what_waits_for_its_batch_is_stored_when_the_lifespan_ends(
    recorded: MakeRecorded, tmp_path: Path
) -> None:
    def home(request: Any) -> PlainTextResponse:
        return PlainTextResponse("home")

    path = tmp_path / "playback.db"
    writer = AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(path), flush_interval=3600)
    middleware = recorded(Starlette(routes=[Route("/", home)]), settings={"CASSETTE": writer})
    assert "http.response.start" in _call(middleware, dict(SCOPE), {"type": "http.request"})
    assert _count(path) == 0
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert _call(middleware, {"type": "lifespan"}, *messages) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert _count(path) == 1


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise ValueError("no lifespan")
    await PlainTextResponse("home")(scope, receive, send)


async def refusing_what_came(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise ValueError(f"what is {await receive()}?")
    await refusing(scope, receive, send)


async def leaving(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await refusing(scope, receive, send)


async def leaving_when_started(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await refusing(scope, receive, send)
    else:
        await receive()
        await send({"type": "lifespan.startup.complete"})


@pytest.mark.parametrize("app", [refusing, refusing_what_came, leaving, leaving_when_started])
def test_uvicorn_tells_its_end_also_to_an_application_that_knows_no_lifespan(
    recorded: MakeRecorded, tmp_path: Path, app: Any
) -> None:
    path = tmp_path / "playback.db"
    writer = AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(path), flush_interval=3600)
    middleware = recorded(app, settings={"CASSETTE": writer})

    async def serve() -> None:
        lifespan = LifespanOn(uvicorn.Config(middleware, lifespan="auto"))
        await lifespan.startup()
        assert not lifespan.should_exit
        await asyncio.to_thread(_call, middleware, dict(SCOPE), {"type": "http.request"})
        await lifespan.shutdown()

    asyncio.run(serve())
    assert _count(path) == 1


async def failing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
    raise OSError("no database")


@pytest.mark.parametrize(("app", "lifespan"), [(refusing, "on"), (failing, "auto")])
def test_a_server_that_must_not_start_does_not(
    recorded: MakeRecorded, app: Any, lifespan: str
) -> None:
    async def serve() -> bool:
        of_server = LifespanOn(uvicorn.Config(recorded(app), lifespan=lifespan))
        await of_server.startup()
        return of_server.should_exit

    assert asyncio.run(serve())


def test_an_application_without_a_lifespan_refuses_it_as_ever(recorded: MakeRecorded) -> None:
    with pytest.raises(ValueError, match="no lifespan"):
        _call(recorded(refusing), {"type": "lifespan"})

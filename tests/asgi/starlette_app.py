"""An application of Starlette, with the playback around it."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from playback_core import recorder
from playback_core.asgi import PlaybackMiddleware

_calls = itertools.count()


@recorder.intercept_input("lookup")
async def lookup(name: str) -> str:
    await asyncio.sleep(0.001)
    return f"{name}={os.getpid()}.{next(_calls)}"


@recorder.intercept_input("threaded lookup")
def threaded_lookup(name: str) -> str:
    return f"{name}={os.getpid()}.{next(_calls)}"


async def order(request: Request) -> JSONResponse:
    name = request.query_params.get("who", "nobody")
    both = await asyncio.gather(lookup(f"{name} a"), lookup(f"{name} b"))
    return JSONResponse([request.path_params["number"], *both])


def threaded(request: Request) -> PlainTextResponse:
    return PlainTextResponse(threaded_lookup("in a thread"))


async def stream(request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{await lookup(f'line {number}')}\n"

    return StreamingResponse(lines())


async def endless(request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield await lookup("endless")
        while True:
            await asyncio.sleep(0.002)
            yield "x" * 1000

    return StreamingResponse(lines())


async def body(request: Request) -> JSONResponse:
    form = parse_qs((await request.body()).decode())
    return JSONResponse({"title": form["title"], "lookup": await lookup("body")}, status_code=201)


async def unread(request: Request) -> PlainTextResponse:
    is_changed = "CASES_CHANGED" in os.environ
    return PlainTextResponse((await request.body()).decode() if is_changed else "unread")


async def fails(request: Request) -> PlainTextResponse:
    raise LookupError(await lookup("fails"))


async def breaks(request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield await lookup("breaks")
        raise LookupError("the row is gone")

    return StreamingResponse(lines())


async def file(request: Request) -> FileResponse:
    return FileResponse(__file__)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{text} {await lookup('websocket')}")


async def add_header(request: Request, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["X-Shop"] = await lookup("header")
    return response


shop = Starlette(
    routes=[
        Route("/orders/{number:int}", order),
        Route("/threaded", threaded),
        Route("/stream", stream),
        Route("/endless", endless),
        Route("/body", body, methods=["POST"]),
        Route("/unread", unread, methods=["POST"]),
        Route("/fails", fails),
        Route("/breaks", breaks),
        Route("/file", file),
        WebSocketRoute("/echo", echo),
    ],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_header)],
)

application = PlaybackMiddleware(shop, {"SERVICE": "shop", "RESPONSE_HEADER": "X-Recording"})

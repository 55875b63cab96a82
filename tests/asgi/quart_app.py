"""An application of Quart, with the playback around it and its routes as categories."""

import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, request

from playback_core import recorder
from playback_core.asgi import PlaybackMiddleware

_calls = itertools.count()

shop = Quart("shop")


@recorder.intercept_input("lookup")
async def lookup(name: str) -> str:
    return f"{name}={os.getpid()}.{next(_calls)}"


@shop.get("/orders/<int:number>")
async def order(number: int) -> list[Any]:
    return [number, await lookup(f"{request.args['who']} {number}")]


@shop.post("/body")
async def body() -> tuple[dict[str, Any], int]:
    return {"got": await request.get_json(), "lookup": await lookup("body")}, 201


@shop.get("/stream")
async def stream() -> AsyncIterator[str]:
    async def lines() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{await lookup(f'line {number}')}\n"

    return lines()


application = PlaybackMiddleware(shop, {"SERVICE": "shop"}, category=lambda scope: scope["path"])

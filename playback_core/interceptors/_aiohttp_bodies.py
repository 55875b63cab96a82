"""Bodies of requests by `aiohttp`: payloads that are kept as they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import ClientRequest
from aiohttp.payload import BytesPayload, Payload

from playback_core.interceptors._sent_bodies import SentBody, as_bytes
from playback_core.session import Branch, current, within


class SentPayload:
    """Stands for a payload while it is sent; `body` has what it writes."""

    def __init__(self, payload: Payload, branch: Branch) -> None:
        self.payload = payload
        self.body = SentBody(branch.session)
        pieces = getattr(payload, "_iter", None)
        if pieces is not None:
            vars(payload)["_iter"] = _ApplicationsPieces(pieces, branch)

    def __bool__(self) -> bool:
        return bool(self.payload)

    async def write(self, writer: Any) -> None:
        keeping: Any = _KeepingWriter(writer, self.body)
        await self.payload.write(keeping)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        keeping: Any = _KeepingWriter(writer, self.body)
        await self.payload.write_with_length(keeping, content_length)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.payload, name)


class _KeepingWriter:
    def __init__(self, writer: Any, body: SentBody) -> None:
        self._writer = writer
        self._body = body

    async def write(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        self._body.take(chunk)
        await self._writer.write(chunk, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


class _ApplicationsPieces:
    """What gives the pieces of a body is code of the application, and runs on its branch."""

    def __init__(self, pieces: AsyncIterator[Any], branch: Branch) -> None:
        self._pieces = pieces
        self._branch = branch

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        with within(self._branch):
            return await anext(self._pieces)


def sent_body(request: ClientRequest) -> bytes | SentBody:
    """Return the body of a request, or what keeps it while it is sent."""
    payload, branch = request._body, current()
    if payload is None or branch is None:
        return b""
    if isinstance(payload, BytesPayload):
        return as_bytes(payload._value)
    sent = SentPayload(payload, branch)
    request._body = sent  # type: ignore[assignment]
    return sent.body


def own_body(request: ClientRequest) -> Payload | None:
    """Return the body a request was given."""
    body: Any = request._body
    return body.payload if isinstance(body, SentPayload) else body

"""Bodies of requests by `aiohttp`: payloads that are kept as they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
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
        await self._kept(writer, self.payload.write)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        await self._kept(writer, self.payload.write_with_length, content_length)

    async def _kept(self, writer: Any, write: Callable[..., Awaitable[None]], *args: Any) -> None:
        keeping = _KeepingWriter(writer, self.body)
        try:
            keeping.stop_where_it_was_cut_off()
            await write(keeping, *args)
        except _FarEnough:
            return
        except Exception:
            if not keeping.is_broken:
                self.body.end()
            raise
        self.body.end()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.payload, name)


class _FarEnough(Exception):
    """A replay has written what the recorded connection took."""


class _KeepingWriter:
    def __init__(self, writer: Any, body: SentBody) -> None:
        self._writer = writer
        self._body = body
        self.is_broken = False

    async def write(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        self._body.take(chunk)
        try:
            await self._writer.write(chunk, *args, **kwargs)
        except BaseException:
            self.is_broken = True
            raise
        self.stop_where_it_was_cut_off()

    def stop_where_it_was_cut_off(self) -> None:
        if self._body.is_far_enough:
            raise _FarEnough

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

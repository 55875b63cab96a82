"""Requests by `httpx`, each hop one call; what an application reads of an answer is its body.

Transports of others (mocks, WSGI and ASGI applications) do not come by here.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

import httpx

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor
from playback_core.interceptors._bodies import ReplayedBody
from playback_core.interceptors._http import SentRequest, http_call, same_meaning
from playback_core.interceptors._httpx_bodies import (
    AsyncReplayed,
    Replayed,
    kept_stream,
    restore_stream,
    sent_body,
    storable,
    use_up_asynchronously,
)
from playback_core.interceptors._received import ReceivedResponse, fitting_headers
from playback_core.library_interception import Call, Missing
from playback_core.replacing import Function
from playback_core.session import Session, current

_VERSIONS: Final = {b"HTTP/1.0": 10, b"HTTP/1.1": 11, b"HTTP/2": 20}
_VERSION_TEXTS: Final = {number: text for text, number in _VERSIONS.items()}


class _Hop(CallTarget):
    """A request handed to a transport, and the head of its answer."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        request = _request(*args, **kwargs)
        return http_call(_told(request), about=request)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        restore_stream(call.about)
        extensions = value.extensions
        received = ReceivedResponse(
            session,
            call,
            status=value.status_code,
            reason=extensions.get("reason_phrase", b"").decode("latin-1"),
            headers=_pairs(value.headers),
            version=_VERSIONS.get(extensions.get("http_version"), 11),
        )
        value.stream = kept_stream(value.stream, received.body, call.about)
        return value, received

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        restore_stream(call.about)
        return storable(error, call.about)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        restore_stream(call.about)
        extensions = {"http_version": _VERSION_TEXTS[stored["version"]]}
        if stored["version"] < _VERSIONS[b"HTTP/2"]:
            extensions["reason_phrase"] = stored["reason"].encode("latin-1")
        return httpx.Response(
            stored["status"],
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in fitting_headers(stored)
            ],
            stream=self._replayed_stream(ReplayedBody(stored, missing)),
            extensions=extensions,
        )

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        restore_stream(call.about)
        return error

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)

    @staticmethod
    def _replayed_stream(body: ReplayedBody) -> httpx.SyncByteStream | httpx.AsyncByteStream:
        return Replayed(body)


class _AsyncHop(_Hop):
    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)

        @wraps(original)
        async def handle(*args: Any, **kwargs: Any) -> Any:
            branch = current()
            if branch is not None and branch.session.replaying and branch.intercepting:
                request = _request(*args, **kwargs)
                await use_up_asynchronously(request, _told(request))
            return await intercepted(*args, **kwargs)

        return handle

    @staticmethod
    def _replayed_stream(body: ReplayedBody) -> httpx.SyncByteStream | httpx.AsyncByteStream:
        return AsyncReplayed(body)


def _request(transport: Any, request: httpx.Request) -> httpx.Request:
    return request


def _told(request: httpx.Request) -> SentRequest:
    body = sent_body(request)
    return SentRequest(request.method, str(request.url), _pairs(request.headers), body)


def _pairs(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    return tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in headers.raw)


INTERCEPTOR: Final = Interceptor(
    library="httpx",
    targets=[
        _Hop("httpx", "HTTPTransport.handle_request"),
        _AsyncHop("httpx", "AsyncHTTPTransport.handle_async_request"),
    ],
)

"""Requests by `aiohttp`, each hop one call; what an application reads of an answer is its body.

A session hands each hop to its middlewares, and ours is put in as the innermost: redirects,
cookies, traces and the application's own middlewares run in a replay as they did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Final

from aiohttp import ClientRequest, ClientResponse, hdrs

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor, Target
from playback_core.interceptors._aiohttp_bodies import own_body, sent_body
from playback_core.interceptors._aiohttp_errors import completed_error, storable
from playback_core.interceptors._aiohttp_reading import AiohttpResponse
from playback_core.interceptors._aiohttp_replay import Unconnected
from playback_core.interceptors._http import SentRequest, foresee, http_call, same_meaning
from playback_core.interceptors._received import decoded
from playback_core.library_interception import (
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.replacing import Function
from playback_core.session import Session, current, running_replays

Handler = Callable[[ClientRequest], Awaitable[ClientResponse]]


@dataclass(slots=True)
class _Hop:
    """A request; whether its answer comes decoded; and in a replay what was told, and how."""

    request: ClientRequest
    decodes: bool
    told: SentRequest | None = None
    unconnected: Any = None


class _Hops(LibraryCalls):
    """A request on its way to a connection, and the head of its answer."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        request, _, hop = args
        if hdrs.UPGRADE in request.headers:
            return None
        return http_call(hop.told or _told(request), hop)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        received = AiohttpResponse(session, call, value, call.about.decodes)
        return value, received

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return storable(error, str(call.about.request.url))

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        hop = call.about
        return hop.unconnected.answered(decoded(stored) if hop.decodes else stored, missing)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        return completed_error(error, call.about.request.request_info)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


class _Requests(Target):
    def replacement(self, original: Function) -> Function:
        intercepted = drive(_handed_on, LibraryInterception(str(self), _Hops()))

        @wraps(original)
        def request(session: Any, *args: Any, **kwargs: Any) -> Any:
            if current() is not None or running_replays:
                chosen, decodes = kwargs.get("middlewares"), kwargs.get("auto_decompress")
                outer = session._middlewares if chosen is None else chosen
                decodes = session._auto_decompress if decodes is None else decodes
                kwargs["middlewares"] = (*outer, partial(_middleware, intercepted, decodes))
            return original(session, *args, **kwargs)

        return request


class _Needed(Target):
    """A place that has to be there: before it there were no middlewares."""

    def replacement(self, original: Function) -> Function:
        return lambda *args, **kwargs: original(*args, **kwargs)


async def _handed_on(request: ClientRequest, handler: Handler, hop: _Hop) -> Any:
    return await handler(request)


async def _middleware(
    intercepted: Function, decodes: bool, request: ClientRequest, handler: Handler
) -> Any:
    branch, hop = current(), _Hop(request, decodes)
    try:
        is_replay = branch is not None and branch.session.replaying and branch.intercepting
        if branch is None or not is_replay or hdrs.UPGRADE in request.headers:
            return await intercepted(request, handler, hop)
        hop.told = _told(request)
        foresee(hop.told)
        async with Unconnected(request, branch.inner) as hop.unconnected:
            return await intercepted(request, handler, hop)
    finally:
        # It may be sent again: after a redirect, or with the answer to a challenge.
        request._body = own_body(request)


def _told(request: ClientRequest) -> SentRequest:
    headers = tuple(request.headers.items())
    return SentRequest(request.method, str(request.url), headers, sent_body(request))


INTERCEPTOR: Final = Interceptor(
    library="aiohttp",
    targets=[
        _Needed("aiohttp.client", "build_client_middlewares"),
        _Requests("aiohttp.client", "ClientSession._request"),
    ],
)

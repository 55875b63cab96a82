"""`requests`: each request that an adapter sends is one call, so that redirects are several."""

from __future__ import annotations

import time
from typing import Any, Final

from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import (
    SentRequest,
    header_pairs,
    http_call,
    same_meaning,
    shown_text,
)
from playback_core.interceptors._sent_bodies import relayed_body, sent_of
from playback_core.interceptors._urllib3 import replayed_urllib3_response
from playback_core.interceptors._wire import received_response
from playback_core.library_interception import Call, Missing
from playback_core.replacing import Function
from playback_core.session import Session


class _SentRequests(CallTarget):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        adapter, request = args[0], args[1] if len(args) > 1 else kwargs["request"]
        headers = header_pairs(request.headers.items())
        original = request.body
        request.body = relayed_body(original)
        sent = SentRequest(request.method, request.url, headers, sent_of(request.body))
        return http_call(sent, (adapter, request, original))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        _put_back(call)
        # The answer has been read no further than its head, also where it is not streamed.
        return value, received_response(call, value.raw._original_response, session)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        _put_back(call)
        return plain_error(error, shown_text(call.about[1].url))

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        _put_back(call)
        adapter, request, _ = call.about
        raw = replayed_urllib3_response(
            stored,
            missing,
            request.method,
            preload_content=False,
            decode_content=False,
            retries=adapter.max_retries,
            request_url=request.path_url,
            pool=_pool(adapter, request) if stored["ending"] == "raised" else None,
        )
        return adapter.build_response(request, raw)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        _put_back(call)
        error.request = call.about[1]  # type: ignore[attr-defined]
        return error

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


def _pool(adapter: Any, request: Any) -> Any:
    # Errors of reading name it in their texts.
    return adapter.poolmanager.connection_from_url(request.url)


def _put_back(call: Call) -> None:
    _, request, original = call.about
    request.body = original


class _Clock(Target):
    """What measures `elapsed`, which requests has by a name of its own."""

    def replacement(self, original: Function) -> Function:
        # Asked for at each call: it may be wrapped later, or not be any more.
        return lambda: time.perf_counter()


INTERCEPTOR: Final = Interceptor(
    library="requests",
    targets=[
        _SentRequests("requests.adapters", "HTTPAdapter.send"),
        _Clock("requests.sessions", "preferred_clock", optional=True),
    ],
)

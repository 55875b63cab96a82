"""`requests`: each request that an adapter sends is one call, so that redirects are several."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptor import CallTarget, Interceptor
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import (
    SentRequest,
    http_call,
    same_meaning,
    shown_text,
)
from playback_core.interceptors._sent_bodies import SentBody, as_bytes, relayed_body
from playback_core.interceptors._urllib3 import replayed_urllib3_response
from playback_core.interceptors._wire import received_response
from playback_core.library_interception import Call, Missing
from playback_core.session import Session, current_session


class _SentRequests(CallTarget):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        adapter, request = args[0], args[1] if len(args) > 1 else kwargs["request"]
        original = request.body
        body = _body(request)
        headers = tuple((_text(name), _text(value)) for name, value in request.headers.items())
        sent = SentRequest(request.method, request.url, headers, body)
        return http_call(sent, (adapter, request, original))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        _put_back(call)
        # The answer has been read no further than its head, also where it is not streamed.
        return value, received_response(call, value.raw._original_response, session)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        _put_back(call)
        return plain_error(error, shown_text(call.about[1].url))

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        adapter, request, _ = call.about
        raw = replayed_urllib3_response(
            stored,
            missing,
            request.method,
            preload_content=False,
            decode_content=False,
            retries=adapter.max_retries,
            request_url=request.path_url,
        )
        return adapter.build_response(request, raw)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        error.request = call.about[1]  # type: ignore[attr-defined]
        return error

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


def _body(request: Any) -> bytes | SentBody:
    body = request.body
    if not body:
        return b""
    if isinstance(body, (bytes, str, bytearray, memoryview)):
        return as_bytes(body)
    session = current_session()
    sent = SentBody(session)
    if session is not None and session.replaying:
        sent.drained(body)
    else:
        request.body = relayed_body(sent, body)
    return sent


def _put_back(call: Call) -> None:
    _, request, original = call.about
    request.body = original


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


INTERCEPTOR: Final = Interceptor(
    library="requests",
    targets=[_SentRequests("requests.adapters", "HTTPAdapter.send")],
)

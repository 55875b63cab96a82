"""`urllib3`: each call of a connection pool is one, whatever retries and redirects it follows.

A pool manager follows redirects itself: there each is a call.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from playback_core.interceptor import CallTarget, Interceptor
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import (
    SentRequest,
    header_pairs,
    http_call,
    same_meaning,
    shown_text,
)
from playback_core.interceptors._received import ReceivedResponse
from playback_core.interceptors._sent_bodies import relayed_body, sent_of
from playback_core.interceptors._urllib3 import replayed_urllib3_response
from playback_core.interceptors._wire import received_response
from playback_core.library_interception import Call, Missing
from playback_core.replacing import Function
from playback_core.session import Session, current

_RETRIES: Final = ("retries", 5, None)
_REDIRECT: Final = ("redirect", 6, True)
_PRELOAD: Final = ("preload_content", 13, True)
_DECODE: Final = ("decode_content", 14, True)
_PORTS: Final = {"http": 80, "https": 443}


class _PoolCalls(CallTarget):
    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)

        @wraps(original)
        def urlopen(
            pool: Any, method: str, url: str, body: Any = None, *args: Any, **kw: Any
        ) -> Any:
            if body is not None and current() is not None:
                body = relayed_body(body)
            return intercepted(pool, method, url, body, *args, **kw)

        return urlopen

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        pool, method, url, body = args[:4]
        headers = _argument(("headers", 4, None), args, kwargs)
        pairs = header_pairs((pool.headers if headers is None else headers).items())
        sent = SentRequest(method, _full_url(pool, url), pairs, sent_of(body))
        return http_call(sent, (sent.url, args, kwargs))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        _, args, kwargs = call.about
        original = value._original_response
        if not _argument(_PRELOAD, args, kwargs):
            return value, received_response(call, original, session)
        is_decoded = _argument(_DECODE, args, kwargs) and "content-encoding" in value.headers
        received = ReceivedResponse(
            session,
            call,
            status=value.status,
            reason=value.reason,
            headers=original.getheaders(),
            version=value.version,
            is_decoded=is_decoded,
        )
        received.body.take(value.data)
        received.body.finish()
        return value, received

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return plain_error(error, shown_text(call.about[0]))

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        from urllib3.util.retry import Retry

        _, args, kwargs = call.about
        pool, method, url = args[:3]
        retries, redirect = _argument(_RETRIES, args, kwargs), _argument(_REDIRECT, args, kwargs)
        if not isinstance(retries, Retry):
            retries = Retry.from_int(retries, redirect=redirect, default=pool.retries)
        return replayed_urllib3_response(
            stored,
            missing,
            method,
            preload_content=_argument(_PRELOAD, args, kwargs),
            decode_content=_argument(_DECODE, args, kwargs),
            retries=retries,
            request_url=url,
            pool=pool,
        )

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        # Some have a property of that name, which cannot be set.
        if "pool" in vars(error):
            error.pool = call.about[1][0]  # type: ignore[attr-defined]
        return error

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


def _argument(place: tuple[str, int, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name, position, default = place
    return args[position] if position < len(args) else kwargs.get(name, default)


def _full_url(pool: Any, url: str) -> str:
    if not url.startswith("/"):
        # That of a request to a proxy.
        return url
    port = "" if pool.port in (None, _PORTS.get(pool.scheme)) else f":{pool.port}"
    return f"{pool.scheme}://{pool.host}{port}{url}"


INTERCEPTOR: Final = Interceptor(
    library="urllib3",
    targets=[_PoolCalls("urllib3.connectionpool", "HTTPConnectionPool.urlopen")],
)

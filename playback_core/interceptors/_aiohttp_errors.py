"""Exceptions of `aiohttp`: without the connections and requests they hold, and with them again."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientConnectorError, ClientError, ClientResponseError

from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import shown_text


def storable(error: BaseException, url: str) -> BaseException:
    """Return what is stored of an exception that a request to this URL has raised."""
    # What an application's own body raises is of any type.
    if not isinstance(error, ClientError):
        return error
    plain = plain_error(error, shown_text(url))
    if isinstance(error, ClientConnectorError) and isinstance(plain, ClientConnectorError):
        key = error._conn_key
        ssl = key.ssl if isinstance(key.ssl, bool) else True
        plain._conn_key = key._replace(
            ssl=ssl, proxy=None, proxy_auth=None, proxy_headers_hash=None
        )
        plain.args = (plain._conn_key, *plain.args[1:])
    return plain


def completed_error(error: BaseException, request_info: Any) -> BaseException:
    """Return a recorded exception with what its request knows."""
    if isinstance(error, ClientResponseError):
        error.request_info, error.history = request_info, ()
        error.args = (request_info, ())
    return error

"""Between Flask's requests and responses and the plain data that recordings hold."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

from flask import Flask
from werkzeug.exceptions import HTTPException

from playback_core.http_exchange import SCALARS, Scalar

UNMATCHED: Final = "unmatched"
"""The category of a request that failed before it was routed; of others it is the beginning."""


class MatchedRequest(Protocol):
    """What of a Flask request tells its category."""

    endpoint: str | None
    url_rule: Any
    routing_exception: Exception | None


def category_of_request(request: MatchedRequest) -> str:
    """Return the endpoint, or for a request no view is found for `unmatched:` and the status.

    The status is 404, 405, or that of a redirect of the routing, as to a trailing slash (308).
    """
    endpoint = request.endpoint
    if endpoint is not None:
        return endpoint
    error = request.routing_exception
    code = error.code if isinstance(error, HTTPException) else None
    return f"{UNMATCHED}:{code}" if code else UNMATCHED


def recorded_environ(environ: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return what of a WSGI environment is plain: no streams, sockets, objects of frameworks."""
    return {key: value for key, value in environ.items() if type(value) in SCALARS}


def is_websocket(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request opens a websocket: what follows is no answer, and no end is known."""
    return (
        str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"
        and "upgrade" in str(environ.get("HTTP_CONNECTION", "")).lower()
    )


def recorded_app(app: Flask) -> dict[str, Any]:
    """Return the settings of an application that decide how it answers."""
    config = app.config
    return {
        "testing": config["TESTING"],
        "debug": config["DEBUG"],
        "propagate_exceptions": config["PROPAGATE_EXCEPTIONS"],
        "has_secret_key": bool(config["SECRET_KEY"]),
    }


@lru_cache(maxsize=64)
def parsed_status(line: str) -> tuple[int, str]:
    """Return a status line's code, 0 where there is none, and its reason."""
    code, _, reason = line.partition(" ")
    return (int(code) if code.isascii() and code.isdigit() else 0), reason

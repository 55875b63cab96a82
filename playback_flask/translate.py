"""Between Flask's requests and responses and the plain data that recordings hold."""

from typing import Any

from flask import Flask, Request
from werkzeug.exceptions import HTTPException

from playback_core.exchanges.exchange import UNMATCHED


def category_of_request(request: Request) -> str:
    """Return the endpoint, or for a request no view is found for `unmatched:` and the status.

    The status is 404, 405, or that of a redirect of the routing, as to a trailing slash (308).
    """
    endpoint = request.endpoint
    if endpoint is not None:
        return endpoint
    error = request.routing_exception
    code = error.code if isinstance(error, HTTPException) else None
    return f"{UNMATCHED}:{code}" if code else UNMATCHED


def recorded_app(app: Flask) -> dict[str, Any]:
    """Return the settings of an application that decide how it answers."""
    config = app.config
    return {
        "testing": config["TESTING"],
        "debug": config["DEBUG"],
        "propagate_exceptions": config["PROPAGATE_EXCEPTIONS"],
        "has_secret_key": bool(config["SECRET_KEY"]),
    }

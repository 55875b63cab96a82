"""Recorded responses as urllib3 gives them, for it and for what is built on it."""

from __future__ import annotations

from typing import Any

from playback_core.interceptors._wire import replayed_response
from playback_core.library_interception import Missing


def replayed_urllib3_response(
    stored: dict[str, Any], missing: Missing, method: str, **options: Any
) -> Any:
    """Return a recorded response; `options` are those of urllib3's `HTTPResponse`."""
    from urllib3._collections import HTTPHeaderDict
    from urllib3.response import HTTPResponse

    original = replayed_response(stored, missing, method)
    response = HTTPResponse(
        body=original,
        headers=HTTPHeaderDict(original.msg.items()),
        status=original.status,
        version=original.version,
        reason=original.reason,
        original_response=original,
        request_method=method,
        **options,
    )
    if stored.get("decoded") and options["preload_content"]:
        # The body is read already, and nothing takes off what these say.
        response.headers = HTTPHeaderDict(map(tuple, stored["headers"]))
    return response

"""Compares the HTTP requests an operation sent, in the shape in which interceptors record them.

That is the keyword arguments of an output: `{'method': ..., 'url': ..., 'headers': {name: values},
'body': bytes}`, without the body where it is empty, and with `cut_at` where that was cut off
after so many bytes, because its connection broke.
"""

from collections.abc import Iterator
from typing import Any, Final

from playback_core.studio.diff import differences
from playback_core.studio.difference import Difference
from playback_core.studio.http_response import body_differences, is_json

CUT_RULE: Final = "sending the body was cut off, compared is what was sent"

_ALWAYS: Final = frozenset({"method", "url", "headers"})
_PARTS: Final = _ALWAYS | {"body"}


def is_request(fields: Any) -> bool:
    """Tell whether what an output sent is an HTTP request with a body."""
    if not isinstance(fields, dict) or type(fields.get("headers")) is not dict:
        return False
    return fields.keys() - {"cut_at"} == _PARTS


def is_cut_off(sent: Any) -> bool:
    """Tell whether what an output sent is an HTTP request of whose body only a part was sent."""
    fields = sent.get("kwargs") if isinstance(sent, dict) else None
    return isinstance(fields, dict) and "cut_at" in fields and fields.keys() >= _ALWAYS


def request_differences(
    recorded: dict[str, Any], replayed: dict[str, Any], path: str
) -> Iterator[Difference]:
    """Yield where two requests differ; JSON bodies (by Content-Type) compare as structures."""
    for name in ("method", "url", "headers", "cut_at"):
        yield from differences(recorded.get(name), replayed.get(name), f"{path} {name}")
    are_json = is_json(recorded["headers"]) and is_json(replayed["headers"])
    yield from body_differences(
        recorded["body"], replayed["body"], f"{path} body", are_json=are_json
    )

"""Compares the HTTP requests an operation sent, in the shape in which interceptors record them.

That is the keyword arguments of an output: `{'method': ..., 'url': ..., 'headers': {name: values},
'body': bytes}`, without the body where it is empty.
"""

from collections.abc import Iterator
from typing import Any, Final

from playback_core.studio.diff import differences
from playback_core.studio.difference import Difference
from playback_core.studio.http_response import body_differences, is_json

_PARTS: Final = frozenset({"method", "url", "headers", "body"})


def is_request(fields: Any) -> bool:
    """Tell whether what an output sent is an HTTP request with a body."""
    return isinstance(fields, dict) and fields.keys() == _PARTS and type(fields["headers"]) is dict


def request_differences(
    recorded: dict[str, Any], replayed: dict[str, Any], path: str
) -> Iterator[Difference]:
    """Yield where two requests differ; JSON bodies (by Content-Type) compare as structures."""
    for name in ("method", "url", "headers"):
        yield from differences(recorded[name], replayed[name], f"{path} {name}")
    are_json = is_json(recorded["headers"]) and is_json(replayed["headers"])
    yield from body_differences(
        recorded["body"], replayed["body"], f"{path} body", are_json=are_json
    )

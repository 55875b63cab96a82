"""Compares HTTP responses, the shape of an operation's output that adapters record.

A response is `{'status': 200, 'headers': [[name, value], ...], 'body': bytes, ...}`.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from playback_core.content_codings import decoded
from playback_core.studio.diff import attribute_step, differences, rules_between, same
from playback_core.studio.difference import (
    Difference,
    extra,
    ignored,
    missing,
    taken_out,
    text_of,
)

DATE_RULE: Final = "the Date header is not compared"
LENGTH_RULE: Final = "Content-Length is not compared where bodies differ"
SET_RULE: Final = "the order within this header has no meaning"
EXPIRES_RULE: Final = "Expires of a cookie with Max-Age is not compared"
JSON_RULE: Final = "JSON bodies compare as structures"
CODING_RULE: Final = "bodies compare without their Content-Encoding"
ETAG_RULE: Final = "an ETag is not compared where rules take out all that differs in the body"

# RFC 9110 makes them sets; servers often write them in the order of a set in memory.
_SETS: Final = frozenset({"allow", "vary"})
_BODY: Final = "response body"
_COMPARED_APART: Final = frozenset({"status", "headers", "body"})


def is_response(value: Any) -> bool:
    """Tell whether an operation's output is a recorded HTTP response."""
    return isinstance(value, dict) and value.keys() >= _COMPARED_APART and _has_headers(value)


def is_server_error(value: Any) -> bool:
    """Tell whether an operation's output is a response with a 5xx status."""
    status = value["status"] if is_response(value) else None
    return isinstance(status, int) and 500 <= status <= 599


def response_differences(
    recorded: dict[str, Any], replayed: dict[str, Any]
) -> Iterator[Difference]:
    """Yield where two responses differ, and the differences that rules take out.

    Header names compare without case and in any order. A body is compared without its
    Content-Encoding, and a JSON body (by its Content-Type) as a structure.
    """
    yield from differences(recorded["status"], replayed["status"], "response status")
    headers, other_headers = _headers(recorded), _headers(replayed)
    are_json = is_json(headers) and is_json(other_headers)
    bodies = recorded["body"], replayed["body"]
    in_bodies = list(
        body_differences(*_plain(bodies, headers, other_headers), _BODY, are_json=are_json)
    )
    if not (in_bodies or same(*bodies)):
        in_bodies = [ignored(_BODY, CODING_RULE, text_of(bodies[0]), text_of(bodies[1]))]
    yield from in_bodies
    changes = _Changes(bool(in_bodies), any(each.counts for each in in_bodies))
    for name in dict.fromkeys([*headers, *other_headers]):
        for difference in _header_differences(
            name, headers.get(name, []), other_headers.get(name, [])
        ):
            rule = _rule_for(name, changes)
            yield difference if rule is None else taken_out(difference, rule)
    for name in [key for key in {**recorded, **replayed} if key not in _COMPARED_APART]:
        yield from _part_differences(name, recorded, replayed)


def _has_headers(value: dict[str, Any]) -> bool:
    headers = value["headers"]
    return isinstance(headers, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in headers
    )


def _headers(response: dict[str, Any]) -> dict[str, list[Any]]:
    by_name: dict[str, list[Any]] = {}
    for name, value in response["headers"]:
        by_name.setdefault(name.lower(), []).append(value)
    return by_name


def _header_differences(name: str, values: list[Any], others: list[Any]) -> Iterator[Difference]:
    path = f"response header {name}"
    if not (values and others):
        yield from _value_differences(path, values, others)
    elif name in _SETS:
        members, other_members = _members(values), _members(others)
        yield from _value_differences(path, members, other_members)
        if same(members, other_members) and not same(values, others):
            yield ignored(path, SET_RULE, text_of(values), text_of(others))
    elif name == "set-cookie":
        cookies, expiries = _without_expiry(values)
        other_cookies, other_expiries = _without_expiry(others)
        yield from _value_differences(path, cookies, other_cookies)
        if expiries != other_expiries:
            yield ignored(path, EXPIRES_RULE, text_of(expiries), text_of(other_expiries))
    else:
        yield from _value_differences(path, values, others)


def _members(values: list[Any]) -> list[Any]:
    if not all(isinstance(value, str) for value in values):
        return values
    return [", ".join(sorted({part.strip() for part in ",".join(values).split(",")}))]


def _without_expiry(cookies: list[Any]) -> tuple[list[Any], list[str]]:
    """Return cookies without the Expires of those with Max-Age, which goes before it (RFC 6265)."""
    kept, expiries = [], []
    for cookie in cookies:
        parts = cookie.split("; ") if isinstance(cookie, str) else []
        if any(part.lower().startswith("max-age=") for part in parts[1:]):
            dropped = [part for part in parts[1:] if part.lower().startswith("expires=")]
            expiries += dropped
            cookie = "; ".join(part for part in parts if part not in dropped)
        kept.append(cookie)
    return kept, expiries


def _value_differences(path: str, values: list[Any], others: list[Any]) -> Iterator[Difference]:
    if len(values) == len(others) == 1:
        yield from differences(values[0], others[0], path)
    elif not others:
        yield missing(path, values[0] if len(values) == 1 else values)
    elif not values:
        yield extra(path, others[0] if len(others) == 1 else others)
    else:
        yield from differences(values, others, path)


class _Changes(NamedTuple):
    """Whether the bodies of two responses differ, and whether that counts."""

    any: bool
    counts: bool


def _rule_for(name: str, changes: _Changes) -> str | None:
    if name == "date":
        return DATE_RULE
    if name == "content-length" and changes.any:
        return LENGTH_RULE
    # Of a response that has no other body, it is all that is known of one.
    return ETAG_RULE if name == "etag" and changes.any and not changes.counts else None


def _plain(
    bodies: tuple[Any, Any], headers: dict[str, list[Any]], others: dict[str, list[Any]]
) -> tuple[Any, Any]:
    """Return bodies without the coding that both have, where it can be taken off both."""
    coding, other = (each.get("content-encoding", []) for each in (headers, others))
    if coding != other or len(coding) != 1 or not all(type(each) is bytes for each in bodies):
        return bodies
    name = str(coding[0]).strip().lower()
    plain, other_plain = (decoded(name, body) for body in bodies)
    return bodies if plain is None or other_plain is None else (plain, other_plain)


def body_differences(
    recorded: Any, replayed: Any, path: str, *, are_json: bool
) -> Iterator[Difference]:
    """Yield where two bodies differ, as structures or as texts."""
    if same(recorded, replayed):
        return
    structure = _parsed(recorded) if are_json else None
    other = _parsed(replayed) if are_json else None
    if structure is None or other is None:
        yield from differences(*_as_texts(recorded, replayed), path)
        return
    counts = False
    for difference in differences(*structure, *other, f"{path} $", key_step=attribute_step):
        counts = counts or difference.counts
        yield difference
    if not counts and not rules_between(recorded, replayed):
        yield ignored(path, JSON_RULE, text_of(recorded), text_of(replayed))


def is_json(headers: dict[str, list[Any]]) -> bool:
    """Tell by its headers whether a message has a JSON body."""
    for value in headers.get("content-type", []):
        media_type = str(value).partition(";")[0].strip().lower()
        return media_type == "application/json" or media_type.endswith("+json")
    return False


def _parsed(body: Any) -> tuple[Any] | None:
    """Return the structure in a tuple; None where the text does not give exactly one."""
    if not isinstance(body, (str, bytes)):
        return None
    try:
        return (json.loads(body, object_pairs_hook=_without_duplicates),)
    except (ValueError, RecursionError):
        return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    structure = dict(pairs)
    if len(structure) != len(pairs):
        raise ValueError("a key comes twice: the structure does not say all the text does")
    return structure


def _as_texts(recorded: Any, replayed: Any) -> tuple[Any, Any]:
    if isinstance(recorded, bytes) and isinstance(replayed, bytes):
        try:
            return recorded.decode(), replayed.decode()
        except UnicodeDecodeError:
            pass
    return recorded, replayed


def _part_differences(
    name: str, recorded: dict[str, Any], replayed: dict[str, Any]
) -> Iterator[Difference]:
    path = f"response {name}"
    if name not in replayed:
        yield missing(path, recorded[name])
    elif name not in recorded:
        yield extra(path, replayed[name])
    else:
        yield from differences(recorded[name], replayed[name], path)

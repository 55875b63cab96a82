import gzip
import json
import zlib
from typing import Any

import pytest

from playback_core.studio.difference import Diff
from playback_core.studio.http_response import (
    CODING_RULE,
    DATE_RULE,
    ETAG_RULE,
    EXPIRES_RULE,
    JSON_RULE,
    LENGTH_RULE,
    SET_RULE,
    is_response,
    is_server_error,
    response_differences,
)

JSON = ["Content-Type", "application/json; charset=utf-8"]


def response(
    body: Any = b"", *headers: list[str], status: int = 200, **more: Any
) -> dict[str, Any]:
    return {"status": status, "headers": list(headers), "body": body, **more}


def compare(recorded: dict[str, Any], replayed: dict[str, Any]) -> Diff:
    return Diff.of(response_differences(recorded, replayed))


def found(recorded: dict[str, Any], replayed: dict[str, Any]) -> list[str]:
    return [str(difference) for difference in compare(recorded, replayed).found]


def rules(recorded: dict[str, Any], replayed: dict[str, Any]) -> list[str | None]:
    return [difference.rule for difference in compare(recorded, replayed).ignored]


def test_a_json_body_is_compared_as_a_structure() -> None:
    recorded = response(b'{"total": 10.5, "lines": []}', JSON)
    replayed = response(b'{"total": 10.49, "lines": []}', JSON)
    assert found(recorded, replayed) == ["response body $.total: 10.5 -> 10.49"]


def test_json_that_differs_as_text_only_is_ignored_and_listed() -> None:
    recorded = response(b'{"a": 1, "b": 2}', JSON)
    replayed = response(b'{"b":2,"a":1}', JSON)
    assert not found(recorded, replayed)
    assert rules(recorded, replayed) == [JSON_RULE]


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 2}', b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_one_json_structure_is_compared_as_text(body: bytes) -> None:
    assert found(response(b'{"a": 2}', JSON), response(body, JSON))


def test_json_is_recognised_by_the_suffix_of_its_type() -> None:
    problem = ["content-type", "application/problem+json"]
    replayed = response(b'{"a": 2}', problem)
    assert found(response(b'{"a": 1}', problem), replayed) == ["response body $.a: 1 -> 2"]


def test_numbers_in_json_keep_their_type() -> None:
    assert found(response(b'{"a": 1}', JSON), response(b'{"a": 1.0}', JSON))


def test_a_text_body_is_compared_by_lines() -> None:
    replayed = response(b"id,total\n1,10.49\n")
    assert found(response(b"id,total\n1,10.50\n"), replayed) == [
        'response body line 2: "1,10.50\\n" -> "1,10.49\\n"'
    ]


def test_a_binary_body_is_compared() -> None:
    assert found(response(b"\xff\x00"), response(b"\xff\x01"))


def test_names_of_headers_compare_without_case_and_in_any_order() -> None:
    recorded = response(b"", ["ETag", "1"], ["X-A", "2"])
    replayed = response(b"", ["x-a", "2"], ["etag", "1"])
    assert not compare(recorded, replayed).differences


def test_the_order_of_one_header_s_values_counts() -> None:
    recorded = response(b"", ["Link", "1"], ["Link", "2"])
    replayed = response(b"", ["Link", "2"], ["Link", "1"])
    assert found(recorded, replayed)


def test_a_header_that_came_or_went_is_named() -> None:
    assert found(response(b"", ["X-Old", "1"]), response(b"", ["X-New", "1"])) == [
        'response header x-old: missing, was "1"',
        'response header x-new: not recorded, now "1"',
    ]


def test_the_date_header_is_ignored_and_listed() -> None:
    recorded, replayed = response(b"", ["Date", "Mon"]), response(b"", ["date", "Tue"])
    assert not found(recorded, replayed)
    assert rules(recorded, replayed) == [DATE_RULE]


def test_the_length_counts_only_where_bodies_are_the_same() -> None:
    short, long = ["Content-Length", "1"], ["Content-Length", "2"]
    assert found(response(b"a", short), response(b"a", long))
    assert found(response(b"a", short), response(b"bb", long)) == ['response body: "a" -> "bb"']
    assert rules(response(b"a", short), response(b"bb", long)) == [LENGTH_RULE]


def test_what_an_adapter_adds_is_compared_too() -> None:
    recorded = response(b"", exception=None, session={"user": 1})
    replayed = response(b"", exception=None, session={"user": 2})
    assert found(recorded, replayed) == ["response session['user']: 1 -> 2"]
    assert found(response(b"", partial=True), response(b""))
    assert found(response(b""), response(b"", partial=True))


@pytest.mark.parametrize(
    "value",
    [None, {}, {"status": 200}, {"status": 200, "headers": [1], "body": b""}, json.dumps({})],
)
def test_other_values_are_no_responses(value: Any) -> None:
    assert not is_response(value)
    assert not is_server_error(value)


def test_only_5xx_is_a_server_error() -> None:
    assert is_server_error(response(status=503))
    assert not is_server_error(response(status=499))


def test_the_order_within_a_header_that_is_a_set_has_no_meaning() -> None:
    recorded = response(b"", ["Allow", "OPTIONS, GET, HEAD"], ["Vary", "Cookie, Accept"])
    replayed = response(b"", ["Allow", "GET, HEAD,OPTIONS"], ["Vary", "Accept"], ["Vary", "Cookie"])
    assert not found(recorded, replayed)
    assert rules(recorded, replayed) == [SET_RULE, SET_RULE]
    other = response(b"", ["Allow", "GET"], ["Vary", "Accept, Cookie"])
    assert found(recorded, other) == [
        'response header allow: "GET, HEAD, OPTIONS" -> "GET"',
    ]
    assert rules(recorded, other) == [SET_RULE]


def test_a_cookie_with_max_age_expires_when_that_says() -> None:
    def cookie(expires: str, age: str = "Max-Age=10; ", value: str = "a") -> dict[str, Any]:
        return response(b"", ["Set-Cookie", f"theme={value}; Expires={expires}; {age}Path=/"])

    assert not found(cookie("10:00:00"), cookie("10:00:01"))
    assert rules(cookie("10:00:00"), cookie("10:00:01")) == [EXPIRES_RULE]
    assert not rules(cookie("10:00:00"), cookie("10:00:00"))
    assert found(cookie("10:00:00", age=""), cookie("10:00:01", age=""))
    assert found(cookie("10:00:00"), cookie("10:00:01", age="max-age=11; "))
    assert found(cookie("10:00:00"), cookie("10:00:01", value="b"))
    assert rules(cookie("10:00:00"), cookie("10:00:01", value="b")) == [EXPIRES_RULE]


def test_values_of_these_headers_that_are_no_text_are_compared_as_they_are() -> None:
    assert found(response(b"", ["Allow", 1], ["Set-Cookie", 2]), response(b"", ["Allow", 2]))  # type: ignore[list-item]


GZIP = ["Content-Encoding", "gzip"]


def test_a_compressed_body_is_compared_as_what_it_says() -> None:
    recorded = response(gzip.compress(b'{"total": 10.5}'), JSON, GZIP)
    replayed = response(gzip.compress(b'{"total": 10.49}'), JSON, GZIP)
    assert found(recorded, replayed) == ["response body $.total: 10.5 -> 10.49"]


def test_bodies_that_are_only_compressed_otherwise_are_equal_and_listed() -> None:
    recorded = response(gzip.compress(b"tea" * 99, 9), GZIP, ["Content-Length", "30"])
    replayed = response(gzip.compress(b"tea" * 99, 0), GZIP, ["Content-Length", "320"])
    assert not found(recorded, replayed)
    assert rules(recorded, replayed) == [CODING_RULE, LENGTH_RULE]


def test_a_coding_that_changed_or_is_none_leaves_bodies_as_they_are() -> None:
    deflated = response(zlib.compress(b"tea"), ["Content-Encoding", "deflate"])
    assert len(found(response(gzip.compress(b"tea"), GZIP), deflated)) == 2
    assert found(response(b"tea", GZIP), response(b"milk", GZIP)) == [
        'response body: "tea" -> "milk"'
    ]


def test_an_etag_counts_but_where_rules_take_out_all_that_differs_in_the_body() -> None:
    tag, other = ["ETag", "a"], ["ETag", "b"]
    assert not found(response(b'{"a": 1}', JSON, tag), response(b'{"a":1}', JSON, other))
    assert rules(response(b'{"a": 1}', JSON, tag), response(b'{"a":1}', JSON, other)) == [
        *(JSON_RULE, ETAG_RULE)
    ]
    assert len(found(response(b"1", tag), response(b"2", other))) == 2
    assert len(found(response(b"1", tag), response(b"1", other))) == 1

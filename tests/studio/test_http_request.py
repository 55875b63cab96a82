"""HTTP requests that were sent compare by their parts, JSON bodies as structures."""

from typing import Any

import pytest

from playback_core import Output
from playback_core.studio import ComparatorResult, compare_outputs
from playback_core.studio.http_request import CUT_RULE


def sent(body: Any, kind: str | None = "application/json", **parts: Any) -> list[Output]:
    headers = {} if kind is None else {"content-type": [kind]}
    fields = {"method": "POST", "url": "http://a/", "headers": headers, "body": body, **parts}
    key = "output: http POST a #1.output"
    return [Output(key, {"args": [], "kwargs": fields})]


def compare(recorded: list[Output], replayed: list[Output]) -> ComparatorResult:
    result = [Output("output: _tape_recorder_operation #1.output", {"args": [1], "kwargs": {}})]
    return compare_outputs([*recorded, *result], [*replayed, *result])


def test_a_changed_value_of_a_json_body_is_named_by_its_path() -> None:
    recorded = sent(b'{"order": {"id": 7, "lines": [{"qty": 3}]}, "note": "x"}')
    replayed = sent(b'{"order": {"id": 7, "lines": [{"qty": 4}]}, "note": "x"}')
    told = "Different - output http POST a #1 body $.order.lines[0].qty: 3 -> 4"
    assert str(compare(recorded, replayed)) == told


def test_json_that_differs_as_text_only_is_equal_and_listed() -> None:
    verdict = compare(sent(b'{"a": 1, "b": 2}'), sent(b'{"b":2,"a":1}'))
    assert verdict.equality_status.name == "Equal"
    assert [each.rule for each in verdict.diff.ignored] == ["JSON bodies compare as structures"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/octet-stream"])
def test_other_bodies_compare_as_they_are(kind: str | None) -> None:
    verdict = compare(sent(b'{"a": 1, "b": 2}', kind), sent(b'{"b":2,"a":1}', kind))
    assert verdict.equality_status.name == "Different"


@pytest.mark.parametrize(
    ("part", "value"),
    [("method", "PUT"), ("url", "http://a/b"), ("headers", {"x": ["1"]})],
)
def test_each_other_part_counts(part: str, value: Any) -> None:
    verdict = compare(sent(b"{}"), sent(b"{}", **{part: value}))
    assert verdict.equality_status.name == "Different"
    assert f"#1 {part}" in str(verdict)


def test_a_body_that_is_gone_is_different() -> None:
    (output,) = sent(b"{}")
    fields = {name: value for name, value in output.value["kwargs"].items() if name != "body"}
    verdict = compare([output], [Output(output.key, {"args": [], "kwargs": fields})])
    assert "['body']: missing" in str(verdict)


def test_a_body_that_was_cut_off_in_both_runs_is_equal_as_far_as_it_was_sent_and_listed() -> None:
    verdict = compare(sent(b"beg", cut_at=3), sent(b"beg", cut_at=3))
    assert verdict.equality_status.name == "Equal"
    assert [each.rule for each in verdict.diff.ignored] == [CUT_RULE]


@pytest.mark.parametrize("replayed", [sent(b"beginning"), sent(b"bet", cut_at=3)])
def test_a_body_that_was_cut_off_elsewhere_or_has_begun_otherwise_is_different(
    replayed: list[Output],
) -> None:
    verdict = compare(sent(b"beg", cut_at=3), replayed)
    assert verdict.equality_status.name == "Different"

"""Pseudonyms in comparisons: of one key they compare exactly, of different keys by presence."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import Output, SQLiteTapeCassette, TapeRecorder
from playback_core.codec.redaction import Redactor
from playback_core.studio import (
    ComparatorResult,
    Comparison,
    EqualityStatus,
    Equalizer,
    compare_outputs,
    compare_values,
)

THEN, NOW = Redactor(key=b"of the recording"), Redactor(key=b"of the replay")
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"

NAMES = [f"user {number}" for number in range(80)]

HOLDERS = {
    "text": lambda redactor, secret: redactor.pseudonym(secret),
    "bytes": lambda redactor, secret: redactor.pseudonym(secret).encode(),
    "scheme": lambda redactor, secret: redactor.pseudonym(f"Bearer {secret}"),
    "cookies": lambda redactor, secret: (
        f"a={redactor.pseudonym(secret)}; b={redactor.pseudonym(secret + '2')}; theme=dark"
    ),
    "form": lambda redactor, secret: f"name=ann&password={redactor.pseudonym(secret)}".encode(),
    "JSON": lambda redactor, secret: json.dumps({"secret": redactor.pseudonym(secret), "n": 1}),
    "lines": lambda redactor, secret: f"hello\n{redactor.pseudonym(secret)}\nbye\n",
    "mapping": lambda redactor, secret: {"user": 1, "secret": redactor.pseudonym(secret)},
    "list": lambda redactor, secret: [1, redactor.pseudonym(secret), (redactor.pseudonym("x"),)],
    "set": lambda redactor, secret: {"a", redactor.pseudonym(secret)},
    "object": lambda redactor, secret: SimpleNamespace(token=redactor.pseudonym(secret)),
}
every_holder = pytest.mark.parametrize("held", HOLDERS.values(), ids=HOLDERS.keys())


def rules(diff: Any) -> set[str | None]:
    return {difference.rule for difference in diff.ignored}


@every_holder
@pytest.mark.parametrize("secret", ["hunter2", TOKEN])
def test_pseudonyms_of_different_keys_compare_by_presence(held: Any, secret: str) -> None:
    diff = compare_values(held(THEN, secret), held(NOW, secret))
    assert not diff.found
    assert rules(diff) == {"redacted"}


@pytest.mark.parametrize("number", range(8))
def test_sets_compare_by_presence_whatever_order_their_pseudonyms_have(number: int) -> None:
    def held(redactor: Redactor) -> Any:
        one, other = redactor.pseudonym(f"a{number}"), redactor.pseudonym(f"b{number}")
        return [{(one, 1), (other, 2)}, {"kept": {THEN.pseudonym("kept"), one}}]

    diff = compare_values(held(THEN), held(NOW))
    assert not diff.found
    assert len(diff.ignored) == 3


def test_a_cycle_of_another_shape_differs_beside_a_pseudonym() -> None:
    recorded: list[Any] = [THEN.pseudonym("x")]
    recorded.append(recorded)
    replayed: list[Any] = [NOW.pseudonym("x")]
    replayed.append([NOW.pseudonym("x"), replayed])
    assert compare_values(recorded, replayed).found


@every_holder
def test_pseudonyms_of_one_key_compare_exactly(held: Any) -> None:
    assert compare_values(held(THEN, "one"), held(THEN, "other")).found
    assert not compare_values(held(THEN, "one"), held(THEN, "one")).differences


@every_holder
def test_a_pseudonym_is_not_a_plain_text(held: Any) -> None:
    plain = SimpleNamespace(pseudonym=lambda secret: secret)
    assert compare_values(held(THEN, "one"), held(plain, "one")).found
    assert compare_values(held(plain, "one"), held(NOW, "one")).found


def test_the_key_of_a_pseudonym_is_told_in_every_process() -> None:
    assert NOW.pseudonym("a")[:8] == Redactor(key=b"of the replay").pseudonym("b")[:8]
    assert NOW.pseudonym("a")[:8] != THEN.pseudonym("a")[:8]


def test_only_the_differing_element_beside_pseudonyms_counts() -> None:
    recorded = [{"n": n, "secret": THEN.pseudonym(str(n))} for n in range(3)]
    replayed = [{"n": n, "secret": NOW.pseudonym(str(n))} for n in range(3)]
    diff = compare_values(recorded, ["new", *replayed])
    assert [str(difference) for difference in diff.found] == ['value[0]: not recorded, now "new"']
    assert len(diff.ignored) == 3


def test_one_pseudonym_of_the_same_key_makes_a_text_with_several_differ() -> None:
    kept = THEN.pseudonym("kept")
    recorded = f"a={kept}; b={THEN.pseudonym('b')}"
    assert not compare_values(recorded, f"a={kept}; b={NOW.pseudonym('b')}").found
    changed = f"a={THEN.pseudonym('changed')}; b={NOW.pseudonym('b')}"
    assert compare_values(recorded, changed).found


def test_text_around_a_pseudonym_counts() -> None:
    assert compare_values(f"a={THEN.pseudonym('x')}; Path=/", f"a={NOW.pseudonym('x')}").found
    assert compare_values(f"a={THEN.pseudonym('x')}", f"b={NOW.pseudonym('x')}").found
    assert compare_values(THEN.pseudonym("x"), NOW.pseudonym("x") * 2).found


def test_what_no_part_shows_still_counts_beside_a_pseudonym() -> None:
    class Tagged(list[Any]):
        tag = ""

    recorded, replayed = Tagged([THEN.pseudonym("x")]), Tagged([NOW.pseudonym("x")])
    assert not compare_values(recorded, replayed).found
    replayed.tag = "new"
    assert compare_values(recorded, replayed).found


values = st.recursive(
    st.booleans() | st.integers(0, 2) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_concealed_values_differ_by_presence_where_their_structure_does(
    one: Any, other: Any
) -> None:
    assert not compare_values(THEN.concealed(one), NOW.concealed(one)).found
    exactly = compare_values(THEN.concealed(one), THEN.concealed(other))
    by_presence = compare_values(THEN.concealed(one), NOW.concealed(other))
    assert bool(by_presence.found) <= bool(exactly.found)


# --- Outputs ---


def outputs(redactor: Redactor, *calls: str, cookie: str = "1") -> list[Output]:
    answer = {
        "status": 200,
        "headers": [
            ["Set-Cookie", f"a={redactor.pseudonym(cookie)}; Path=/"],
            ["Set-Cookie", f"b={redactor.pseudonym(cookie)}; Path=/"],
            ["Content-Type", "application/json"],
        ],
        "body": json.dumps({"secret": redactor.pseudonym("s"), "total": 1}).encode(),
    }
    sent = [
        Output(
            f"output: log in #{number}.output",
            {"args": [name, redactor.pseudonym(name)], "kwargs": {}},
        )
        for number, name in enumerate(calls, start=1)
    ]
    result = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    return [*sent, Output(result, {"args": [answer], "kwargs": {}})]


def compared(recorded: list[Output], replayed: list[Output]) -> Comparison:
    playback = SimpleNamespace(recorded_outputs=recorded, playback_outputs=replayed)
    equalizer = Equalizer(["an id"], lambda _: playback, lambda sent: sent, compare_outputs)
    (comparison,) = equalizer.run_comparison()
    return comparison


def test_an_equal_verdict_says_what_was_only_compared_by_presence() -> None:
    comparison = compared(outputs(THEN, "ann"), outputs(NOW, "ann"))
    verdict = comparison.comparator_status
    assert verdict.equality_status is EqualityStatus.Equal
    assert verdict.message == (
        "[ignored: compared by presence only: 4 redacted value(s);"
        " set PLAYBACK_REDACT_KEY to compare them]"
    )
    assert [difference.path for difference in verdict.diff.ignored] == [
        "response body $.secret",
        "response header set-cookie[0]",
        "response header set-cookie[1]",
        "output log in #1 args[1]",
    ]


def test_all_redacted_values_are_counted_where_not_all_are_listed() -> None:
    def answer(redactor: Redactor) -> list[Output]:
        *_, result = outputs(redactor)
        return [Output(result.key, {"args": [list(map(redactor.pseudonym, NAMES))], "kwargs": {}})]

    verdict = compared(answer(THEN), answer(NOW)).comparator_status
    assert f"by presence only: {len(NAMES)} redacted value(s)" in str(verdict.message)
    assert len(verdict.diff.ignored) < len(NAMES)


def test_another_layout_of_json_is_listed_beside_redacted_values() -> None:
    def answer(redactor: Redactor, *names: str) -> list[Output]:
        *_, result = outputs(redactor)
        (response,) = result.value["args"]
        fields = {name: redactor.pseudonym(name) for name in names}
        response["body"] = json.dumps(fields).encode()
        return [result]

    verdict = compare_outputs(answer(THEN, "a", "b"), answer(NOW, "b", "a"))
    assert verdict.equality_status is EqualityStatus.Equal
    assert rules(verdict.diff) == {"redacted", "JSON bodies compare as structures"}


def test_under_one_key_nothing_is_ignored_and_a_changed_secret_is_different() -> None:
    same = compared(outputs(THEN, "ann"), outputs(THEN, "ann"))
    assert str(same) == "Equal"
    other = compared(outputs(THEN, cookie="1"), outputs(THEN, cookie="2"))
    assert other.comparator_status.equality_status is EqualityStatus.Different


def test_a_call_that_is_new_does_not_make_the_others_differ() -> None:
    verdict = compare_outputs(outputs(THEN, "ann", "bob"), outputs(NOW, "eve", "ann", "bob"))
    (new,) = verdict.diff.found
    assert new.path == "output log in #1"
    assert "eve" in str(new.replayed)


def test_calls_that_changed_places_are_different() -> None:
    verdict = compare_outputs(outputs(THEN, "ann", "bob"), outputs(NOW, "bob", "ann"))
    assert [difference.kind.value for difference in verdict.diff.found] == ["moved"]


def test_arguments_of_an_exception_compare_by_presence() -> None:
    def raised(redactor: Redactor, text: str) -> list[Output]:
        error = ValueError(redactor.pseudonym("secret"), text)
        key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
        return [Output(key, {"args": [error], "kwargs": {}, "raised": True})]

    verdict = compare_outputs(raised(THEN, "a"), raised(NOW, "a"))
    assert verdict.equality_status is EqualityStatus.Equal
    assert [str(difference.rule) for difference in verdict.diff.ignored] == ["redacted"]
    verdict = compare_outputs(raised(THEN, "a"), raised(NOW, "b"))
    assert verdict.equality_status is EqualityStatus.Different


def test_what_patterns_match_under_different_keys_compares_by_presence(tmp_path: Path) -> None:
    def recorder_of(key: bytes) -> TapeRecorder:
        recorder = TapeRecorder(SQLiteTapeCassette(tmp_path / "playback.db"))
        recorder.redaction = Redactor(key=key, patterns=[r"/tok_\w+/"])
        return recorder

    def buying(recorder: TapeRecorder, note: str) -> Callable[[], str]:
        @recorder.operation(category="buy")
        def buy() -> str:
            return note

        return buy

    recorder = recorder_of(b"then")
    with recorder.enabled_recording():
        buying(recorder, "paid by tok_1")()
    now = recorder_of(b"now")
    (recording_id,) = now.readable_cassette().iter_recording_ids("buy")

    def verdict(note: str) -> ComparatorResult:
        playback = now.play(recording_id, lambda recording: buying(now, note)())
        return compare_outputs(playback.recorded_outputs, playback.playback_outputs)

    assert verdict("paid by tok_2").equality_status is EqualityStatus.Equal
    assert rules(verdict("paid by tok_2").diff) == {"redacted"}
    assert verdict("refused tok_1").equality_status is EqualityStatus.Different
    assert verdict("paid by nobody").equality_status is EqualityStatus.Different

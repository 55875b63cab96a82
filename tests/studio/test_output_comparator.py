from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from playback_core import Opaque, Output, TapeRecorder
from playback_core.studio import ComparatorResult, EqualityStatus, compare_outputs


def result(value: Any) -> Output:
    key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    return Output(key, {"args": [value], "kwargs": {}})


def sent(alias: str, *values: Any) -> list[Output]:
    return [
        Output(f"output: {alias} #{number}.output", {"args": [value], "kwargs": {}})
        for number, value in enumerate(values, start=1)
    ]


def raised(error: Exception) -> Output:
    return Output(result(error).key, {"args": [error], "kwargs": {}, "raised": True})


def status_of(verdict: ComparatorResult) -> str:
    return verdict.equality_status.name


def ignored_rules(verdict: ComparatorResult) -> list[str]:
    return [difference.rule for difference in verdict.diff.ignored]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=6), st.integers())
def test_the_same_outputs_are_equal(calls: list[tuple[str, int]], value: int) -> None:
    outputs = [*(o for alias, argument in calls for o in sent(alias, argument)), result(value)]
    verdict = compare_outputs(outputs, list(outputs))
    assert status_of(verdict) == "Equal"
    assert verdict.message is None


def test_a_changed_result_is_different() -> None:
    verdict = compare_outputs([result({"total": 10.5})], [result({"total": 10.49})])
    assert str(verdict) == "Different - result['total']: 10.5 -> 10.49"


def test_a_changed_argument_is_named_by_its_output() -> None:
    recorded = [*sent("orders.insert", {"total": 1}), result(None)]
    replayed = [*sent("orders.insert", {"total": 2}), result(None)]
    verdict = compare_outputs(recorded, replayed)
    assert str(verdict) == "Different - output orders.insert #1 args[0]['total']: 1 -> 2"


def test_an_output_no_longer_sent_is_different() -> None:
    verdict = compare_outputs([*sent("mail", "a"), result(1)], [result(1)])
    assert status_of(verdict) == "Different"
    assert verdict.message is not None
    assert verdict.message.startswith("output mail #1: missing")


def test_an_output_inserted_among_others_is_one_difference() -> None:
    recorded = [*sent("mail", "a", "b", "c"), result(1)]
    replayed = [*sent("mail", "a", "X", "b", "c"), result(1)]
    verdict = compare_outputs(recorded, replayed)
    assert [str(d).partition(",")[0] for d in verdict.diff.found] == [
        "output mail #2: not recorded"
    ]


def test_a_changed_order_is_different_and_called_so() -> None:
    one, other = sent("log", "a"), sent("mail", "b")
    verdict = compare_outputs([*one, *other, result(1)], [*other, *one, result(1)])
    assert status_of(verdict) == "Different"
    assert len(verdict.diff.found) == 1
    assert "moved from place" in str(verdict.message)


def test_outputs_a_data_handler_shaped_are_compared_whole() -> None:
    key = "output: file #1.output"
    verdict = compare_outputs([Output(key, "a"), result(1)], [Output(key, "b"), result(1)])
    assert verdict.message == 'output file #1: "a" -> "b"'


def test_raising_where_the_recording_returned_is_failed() -> None:
    verdict = compare_outputs([result(1)], [raised(ValueError("no"))])
    assert status_of(verdict) == "Failed"
    assert "ValueError" in str(verdict.message)


def test_returning_where_the_recording_raised_is_fixed() -> None:
    assert status_of(compare_outputs([raised(ValueError("no"))], [result(1)])) == "Fixed"


def test_an_exception_returned_is_not_one_raised() -> None:
    error = ValueError("no")
    assert status_of(compare_outputs([result(error)], [raised(error)])) == "Failed"
    verdict = compare_outputs([raised(error)], [result(error)])
    assert str(verdict) == 'Fixed - result was: "raised" -> "returned"'


def test_exceptions_of_one_type_and_arguments_are_equal() -> None:
    verdict = compare_outputs([result(ValueError("no"))], [result(ValueError("no"))])
    assert status_of(verdict) == "Equal"


def test_exceptions_of_another_type_or_other_arguments_are_different() -> None:
    for other in (ValueError("other"), KeyError("no")):
        verdict = compare_outputs([result(ValueError("no"))], [result(other)])
        assert status_of(verdict) == "Different"


def test_attributes_of_equal_exceptions_are_ignored_and_listed() -> None:
    recorded, replayed = ValueError("no"), ValueError("no")
    recorded.code = 1  # type: ignore[attr-defined]
    verdict = compare_outputs([result(recorded)], [result(replayed)])
    assert status_of(verdict) == "Equal"
    assert ignored_rules(verdict) == ["exceptions compare by type and arguments"]


def test_server_errors_count_as_raising() -> None:
    def response(status: int) -> Output:
        return result({"status": status, "headers": [], "body": b""})

    assert status_of(compare_outputs([response(200)], [response(500)])) == "Failed"
    assert status_of(compare_outputs([response(500)], [response(404)])) == "Fixed"
    assert status_of(compare_outputs([response(500)], [response(503)])) == "Different"
    assert status_of(compare_outputs([response(200)], [response(404)])) == "Different"


def test_no_outputs_on_either_side_verify_nothing() -> None:
    verdict = compare_outputs([], [])
    assert verdict.equality_status is EqualityStatus.EqualizerFailure
    assert "nothing verified" in str(verdict.message)


def test_a_result_on_one_side_only_is_different() -> None:
    assert status_of(compare_outputs([result(1)], [])) == "Different"
    assert status_of(compare_outputs([], [result(1)])) == "Different"


def test_outputs_without_any_result_are_compared_and_the_lack_is_listed() -> None:
    verdict = compare_outputs(sent("mail", "a"), sent("mail", "a"))
    assert status_of(verdict) == "Equal"
    assert ignored_rules(verdict) == ["neither run has a result to compare"]


def test_values_that_could_not_be_rebuilt_are_listed() -> None:
    opaque = Opaque("app.Session", "Session(1)")
    verdict = compare_outputs([result(opaque)], [result(opaque)])
    assert status_of(verdict) == "Equal"
    assert len(ignored_rules(verdict)) == 1


def test_many_differences_give_a_message_of_one_short_line() -> None:
    verdict = compare_outputs([result(["x" * 500] * 300)], [result(["y" * 500] * 300)])
    assert "\n" not in str(verdict)
    assert len(str(verdict)) < 1_000


def test_any_number_of_ignored_differences_is_still_equal() -> None:
    opaque = Opaque("app.Session", "Session(1)")
    outputs = [*sent("mail", *([opaque] * 80)), result(1)]
    verdict = compare_outputs(outputs, outputs)
    assert status_of(verdict) == "Equal"
    assert len(verdict.diff.ignored) + verdict.diff.more_ignored == 80
    assert verdict.diff.render().splitlines()[-1] == "… 30 more are ignored"


def test_a_difference_behind_many_ignored_ones_is_found() -> None:
    opaque = Opaque("app.Session", "Session(1)")
    calls = sent("mail", *([opaque] * 80))
    verdict = compare_outputs([*calls, *sent("log", 1)], [*calls, *sent("log", 2)])
    assert verdict.message == "output log #1 args[0]: 1 -> 2"


def test_outputs_with_keys_of_another_shape_are_compared() -> None:
    assert status_of(compare_outputs([Output("own", 1)], [Output("own", 2)])) == "Different"

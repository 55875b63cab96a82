import logging
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, Output, Playback, Recording, TapeRecorder
from playback_core.entry import EntryKind
from playback_core.errors import RecordingKeyError, SettingsError
from playback_core.studio import (
    ComparatorResult,
    CompareExecutionConfig,
    Comparison,
    EqualityStatus,
    Equalizer,
    compare_outputs,
)
from tests.studio.shop import Shop, everything, returned, same

KEEP = CompareExecutionConfig(keep_results_in_comparison=True)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def statuses(comparisons: Iterator[Comparison]) -> list[str]:
    return [comparison.comparator_status.equality_status.name for comparison in comparisons]


class Damaged(InMemoryTapeCassette):
    """Gives recordings whose outputs cannot be decoded."""

    def get_recording(self, recording_id: str) -> Recording:
        recording = super().get_recording(recording_id)
        for entry in recording.entries:
            if entry.kind is EntryKind.OUTPUT:
                entry.arguments = b"\xc1"
        return recording


def test_unchanged_code_is_equal(shop: Shop) -> None:
    ids = shop.record("tea", "milk")
    comparisons = list(Equalizer(ids, shop.play, returned, same, None, KEEP).run_comparison())
    assert [str(c) for c in comparisons] == ["Equal", "Equal"]
    assert [(c.expected, c.actual) for c in comparisons] == [(6, 6), (8, 8)]
    assert [c.recording_id for c in comparisons] == ids
    assert comparisons[0].playback.original_recording.id == ids[0]


def test_changed_code_is_different_and_results_are_not_kept_by_default(shop: Shop) -> None:
    ids = shop.record("tea")
    shop.factor = 3
    (comparison,) = Equalizer(ids, shop.play, returned, same).run_comparison()
    assert comparison.comparator_status.equality_status is EqualityStatus.Different
    assert (comparison.expected, comparison.actual) == (None, None)


def test_the_comparator_gets_the_comparison_data(shop: Shop) -> None:
    ids = shop.record("tea")

    def compare(recorded: int, replayed: int, category: str) -> ComparatorResult:
        return ComparatorResult(EqualityStatus.Equal, category)

    equalizer = Equalizer(ids, shop.play, returned, compare, lambda r: {"category": r.category})
    assert [str(c) for c in equalizer.run_comparison()] == ["Equal - order"]


def test_exceptions_as_results_are_marked(shop: Shop) -> None:
    ids = shop.record("tea")

    def fail() -> None:
        raise ValueError("sold out")

    shop.before_price = fail
    (comparison,) = Equalizer(ids, shop.play, returned, same, None, KEEP).run_comparison()
    assert (comparison.expected_is_exception, comparison.actual_is_exception) == (False, True)
    assert comparison.actual.args == ("sold out",)


def test_a_swallowed_miss_is_a_failure_that_names_the_nearest_call(shop: Shop) -> None:
    ids = shop.record("tea")

    def ask_and_swallow() -> None:
        try:
            shop.price("coffee")
        # What applications do, and what must not hide a miss.
        except Exception:  # noqa: BLE001
            return

    shop.before_price = ask_and_swallow
    (comparison,) = Equalizer(ids, shop.play, returned, same).run_comparison()
    verdict = comparison.comparator_status
    assert verdict.equality_status is EqualityStatus.EqualizerFailure
    assert "coffee" in str(verdict.message)
    assert "tea" in str(verdict.message)
    assert comparison.playback.playback_outputs == comparison.playback.recorded_outputs


def test_a_raised_miss_is_a_failure_that_names_the_nearest_call(shop: Shop) -> None:
    ids = shop.record("tea")
    shop.before_price = lambda: shop.price("coffee")
    (comparison,) = Equalizer(ids, shop.play, returned, same).run_comparison()
    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
    assert "coffee" in str(comparison)


def test_what_was_never_asked_for_or_substituted_is_listed_and_equal(shop: Shop) -> None:
    shop.before_price = lambda: shop.stock("tea")
    ids = shop.record("tea")
    shop.before_price = lambda: shop.discount("tea")
    (comparison,) = Equalizer(ids, shop.play, everything, compare_outputs).run_comparison()
    verdict = comparison.comparator_status
    assert verdict.equality_status is EqualityStatus.Equal
    assert "stock" in str(verdict.message)
    assert "discount" in str(verdict.message)
    assert {difference.path for difference in verdict.diff.ignored} == {"stock", "discount"}


def test_a_repeated_read_is_listed_beside_the_users_own_message(shop: Shop) -> None:
    ids = shop.record("tea")
    shop.before_price = lambda: shop.price("tea")

    def compare(recorded: int, replayed: int) -> ComparatorResult:
        return ComparatorResult(EqualityStatus.Equal, "both fine", diff="of my own")

    (comparison,) = Equalizer(ids, shop.play, returned, compare).run_comparison()
    assert str(comparison) == "Equal - both fine [ignored: repeated: 1 (price)]"
    assert comparison.comparator_status.diff == "of my own"


def test_an_output_no_longer_sent_is_different_by_all_outputs(shop: Shop) -> None:
    ids = shop.record("tea")
    shop.mail = lambda text: None
    (comparison,) = Equalizer(ids, shop.play, everything, compare_outputs).run_comparison()
    assert str(comparison).startswith("Different - output mail #1: missing")


def test_an_output_no_longer_sent_is_listed_where_only_results_are_compared(shop: Shop) -> None:
    ids = shop.record("tea")
    shop.mail = lambda text: None
    (comparison,) = Equalizer(ids, shop.play, returned, same).run_comparison()
    assert str(comparison) == "Equal - [ignored: recorded, never asked for: 1 (mail)]"


def test_a_recording_marked_as_not_replayable_is_not_verified(shop: Shop) -> None:
    recorder = shop.recorder
    mark: Any = recorder.operation(
        metadata_extractor=lambda: {TapeRecorder.NOT_REPLAYABLE: "the body was cut"}
    )(lambda: 1)
    with recorder.enabled_recording():
        mark()
    (recording_id,) = shop.cassette.get_all_recording_ids()
    equalizer = Equalizer(
        [recording_id], lambda i: recorder.play(i, lambda recording: mark()), returned, same
    )
    assert [str(c) for c in equalizer.run_comparison()] == [
        "EqualizerFailure - not verified: the body was cut"
    ]


def test_a_playback_without_outputs_verifies_nothing(shop: Shop) -> None:
    empty = SimpleNamespace(recorded_outputs=[], playback_outputs=[])
    equalizer = Equalizer(["a"], lambda recording_id: empty, lambda outputs: 1, same)
    (comparison,) = equalizer.run_comparison()
    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
    assert "nothing verified" in str(comparison)


@pytest.mark.parametrize("verdict", [None, True, False, 1, "Equal", object()])
def test_a_comparator_that_gives_no_verdict_is_a_failure(shop: Shop, verdict: Any) -> None:
    ids = shop.record("tea")
    equalizer = Equalizer(ids, shop.play, returned, lambda recorded, replayed: verdict)
    (comparison,) = equalizer.run_comparison()
    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
    assert "EqualityStatus" in str(comparison)


def test_a_result_takes_no_status_but_an_equality_status() -> None:
    with pytest.raises(SettingsError, match="EqualityStatus"):
        ComparatorResult(True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("player", "the replay failed: ZeroDivisionError"),
        ("result_extractor", "the result extractor, on the recorded outputs, failed"),
        ("comparison_data_extractor", "the comparison data extractor failed"),
        ("comparator", "the comparator failed"),
    ],
)
def test_a_failing_step_is_named_and_the_rest_go_on(shop: Shop, step: str, says: str) -> None:
    ids = shop.record("tea", "milk")
    steps: dict[str, Any] = {
        "player": shop.play,
        "result_extractor": returned,
        "comparison_data_extractor": lambda recording: {},
        "comparator": same,
    }
    working, calls = steps[step], []

    def fail_once(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("by accident")
        return working(*args, **kwargs)

    comparisons = list(Equalizer(ids, **{**steps, step: fail_once}).run_comparison())
    assert str(comparisons[0]).startswith(f"EqualizerFailure - {says}")
    assert "by accident" in str(comparisons[0])
    assert str(comparisons[1]) == "Equal"
    assert (comparisons[0].playback is None) == (step == "player")


def test_an_unknown_recording_is_a_failure_of_its_own(shop: Shop) -> None:
    ids = shop.record("tea")
    equalizer = Equalizer(["order/20260101/none", *ids], shop.play, returned, same)
    comparisons = list(equalizer.run_comparison())
    assert "No such recording" in str(comparisons[0])
    assert str(comparisons[1]) == "Equal"


def test_a_player_that_returns_nothing_is_told_what_to_return(shop: Shop) -> None:
    equalizer = Equalizer(["a"], lambda recording_id: None, returned, same)
    (comparison,) = equalizer.run_comparison()
    assert "the player returned NoneType" in str(comparison)


def test_a_replay_that_exits_does_not_stop_the_rest(shop: Shop) -> None:
    def play(recording_id: str) -> Any:
        raise SystemExit(1)

    comparisons = Equalizer(["a", "b"], play, returned, same).run_comparison()
    assert statuses(comparisons) == ["EqualizerFailure"] * 2


def test_keyboard_interrupt_stops_the_comparison(shop: Shop) -> None:
    def play(recording_id: str) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Equalizer(["a", "b"], play, returned, same).run_comparison())


def test_ids_that_stop_coming_are_one_failure_at_the_end(shop: Shop) -> None:
    (recording_id,) = shop.record("tea")

    def ids() -> Iterator[str]:
        yield recording_id
        raise OSError("disk gone")

    comparisons = list(Equalizer(ids(), shop.play, returned, same).run_comparison())
    assert [c.recording_id for c in comparisons] == [recording_id, None]
    assert str(comparisons[1]).startswith("EqualizerFailure - finding the recordings failed")


def test_recordings_are_played_when_asked_for(shop: Shop) -> None:
    ids = shop.record("tea", "milk")
    played: list[str] = []

    def play(recording_id: str) -> Playback:
        played.append(recording_id)
        return shop.play(recording_id)

    comparisons = Equalizer(ids, play, returned, same).run_comparison()
    next(comparisons)
    assert played == ids[:1]


def test_the_end_is_summarised_in_the_log(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    ids = shop.record("tea", "milk")
    with caplog.at_level(logging.INFO, logger="playback.studio"):
        list(Equalizer(ids, shop.play, returned, same).run_comparison())
    assert caplog.messages[-1].startswith("Compared 2 recordings: 2 Equal, 0 Fixed")


def test_predecessor_style_playbacks_are_compared(shop: Shop) -> None:
    output = Output("output: _tape_recorder_operation #1.output", {"args": [1], "kwargs": {}})
    own = SimpleNamespace(recorded_outputs=[output], playback_outputs=[output])
    assert statuses(Equalizer(["a"], lambda i: own, returned, same).run_comparison()) == ["Equal"]


def test_a_users_error_keeps_its_text_and_a_miss_its_sentence(shop: Shop) -> None:
    def play(recording_id: str) -> Any:
        raise RecordingKeyError("Not in recording x: y.")

    (comparison,) = Equalizer(["a"], play, returned, same).run_comparison()
    assert str(comparison) == "EqualizerFailure - Not in recording x: y."


@pytest.mark.parametrize(
    "wrong",
    [
        {"compare_process_recycle_rate": 0},
        {"compare_process_timeout": 0},
        {"compare_process_timeout": "long"},
        {"compare_process_start_method": "clone"},
    ],
)
def test_a_configuration_without_a_meaning_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        CompareExecutionConfig(**wrong)


def test_an_id_of_none_is_compared_and_does_not_end_the_rest(shop: Shop) -> None:
    ids: list[Any] = [None, *shop.record("tea")]
    comparisons = Equalizer(ids, shop.play, returned, same).run_comparison()
    assert statuses(comparisons) == ["EqualizerFailure", "Equal"]


def test_many_departures_are_counted(shop: Shop) -> None:
    shop.before_price = lambda: [shop.stock(str(n)) for n in range(60)]
    ids = shop.record("tea")
    shop.before_price = lambda: None
    (comparison,) = Equalizer(ids, shop.play, returned, same).run_comparison()
    assert str(comparison) == "Equal - [ignored: recorded, never asked for: 60 (stock, …)]"


def test_a_result_extractor_that_finds_nothing_is_a_failure(shop: Shop) -> None:
    ids = shop.record("tea")
    equalizer = Equalizer(ids, shop.play, lambda outputs: next(iter(())), same)
    (comparison,) = equalizer.run_comparison()
    assert "failed: StopIteration" in str(comparison)


def test_a_call_after_the_replay_has_ended_is_listed(shop: Shop) -> None:
    (recording_id,) = shop.record("tea")
    late = replace(shop.play(recording_id), late=["input 'stock'"])
    (comparison,) = Equalizer([recording_id], lambda i: late, returned, same).run_comparison()
    assert str(comparison) == "Equal - [ignored: made after the operation had ended: 1 (late call)]"
    assert "stock" in comparison.comparator_status.diff.render()
    assert comparison.comparator_status.equality_status is EqualityStatus.Equal


def test_recorded_outputs_that_cannot_be_decoded_fail_their_comparison(shop: Shop) -> None:
    shop.record("axe")
    damaged = Damaged()
    damaged.save_recording(shop.cassette.get_recording(shop.cassette.get_last_recording_id() or ""))
    shop.recorder.tape_cassette = damaged

    (comparison,) = Equalizer(
        damaged.get_all_recording_ids(), shop.play, everything, same
    ).run_comparison()

    assert comparison.comparator_status.equality_status is EqualityStatus.EqualizerFailure
    assert "damaged" in str(comparison)

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, SettingsError, TapeRecorder
from playback_core.studio import (
    NO_CATEGORY,
    CompareExecutionConfig,
    Comparison,
    DefaultTuner,
    EqualizerTuner,
    EqualizerTuning,
    PlaybackStudio,
    RecordingLookupProperties,
)

recorder = TapeRecorder()


class Apples:
    @recorder.operation()
    def execute(self) -> str:
        return "apple"


class Pears:
    @recorder.operation()
    def execute(self) -> str:
        return "pear"


@pytest.fixture(autouse=True)
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    cassette = InMemoryTapeCassette()
    monkeypatch.setattr(recorder, "tape_cassette", cassette)
    with recorder.enabled_recording():
        for operation in (Pears(), Apples(), Apples()):
            operation.execute()
    return cassette.get_all_recording_ids()


class CountingTuner(DefaultTuner):
    def __init__(self) -> None:
        super().__init__()
        self.tuned: list[str] = []

    def create_category_tuning(self, category: str) -> EqualizerTuning:
        self.tuned.append(category)
        return super().create_category_tuning(category)


class PickyTuner(DefaultTuner):
    def create_category_tuning(self, category: str) -> Any:
        if category == "None":
            return None
        if category != "Apples":
            raise LookupError(f"no tuning for {category}")
        return super().create_category_tuning(category)


def played(studio: PlaybackStudio) -> dict[str, list[str]]:
    return {c: [str(one) for one in comparisons] for c, comparisons in studio.play().items()}


def test_each_category_has_its_comparisons() -> None:
    studio = PlaybackStudio(["Pears", "Apples"], DefaultTuner(), recorder)
    assert played(studio) == {"Pears": ["Equal"], "Apples": ["Equal", "Equal"]}


def test_a_category_without_recordings_has_no_comparisons() -> None:
    assert played(PlaybackStudio(["Plums"], DefaultTuner(), recorder)) == {"Plums": []}


def test_nothing_is_done_before_it_is_asked_for() -> None:
    tuner = CountingTuner()
    comparisons = PlaybackStudio(["Apples", "Pears"], tuner, recorder).play()
    assert not tuner.tuned
    next(comparisons["Pears"])
    assert tuner.tuned == ["Pears"]


def test_given_ids_make_sorted_categories_and_keep_their_order(recordings: list[str]) -> None:
    apples = [i for i in recordings if i.startswith("Apples")]
    pears = [i for i in recordings if i.startswith("Pears")]
    ids = [*pears, apples[1], apples[0], apples[1]]
    studio = PlaybackStudio(["ignored"], DefaultTuner(), recorder, recording_ids=ids)
    comparisons = {c: [one.recording_id for one in i] for c, i in studio.play().items()}
    assert comparisons == {"Apples": [apples[1], apples[0]], "Pears": pears}
    assert list(comparisons) == ["Apples", "Pears"]


def test_ids_that_lead_nowhere_are_failures_beside_the_rest(recordings: list[str]) -> None:
    ids = ["nonsense", "Apples/20260101/none", recordings[0]]
    comparisons = played(PlaybackStudio(None, DefaultTuner(), recorder, recording_ids=ids))
    assert comparisons[NO_CATEGORY] == ["EqualizerFailure - Not a recording id: 'nonsense'."]
    assert comparisons["Apples"][0].startswith("EqualizerFailure - No such recording")
    assert comparisons["Apples"][1] == "Equal"


def test_a_tuner_that_fails_costs_one_failure_for_its_category() -> None:
    comparisons = PlaybackStudio(["Pears", "None", "Apples"], PickyTuner(), recorder).play()
    by_category: dict[str, list[Comparison]] = {c: list(i) for c, i in comparisons.items()}
    (of_pears,), (of_none,) = by_category["Pears"], by_category["None"]
    assert "no tuning for Pears" in str(of_pears)
    assert "returned None" in str(of_none)
    assert (of_pears.recording_id, of_none.recording_id) == (None, None)
    assert [str(one) for one in by_category["Apples"]] == ["Equal", "Equal"]


def test_the_limit_is_for_each_category() -> None:
    lookup = RecordingLookupProperties(datetime.now(UTC) - timedelta(days=1), limit=1)
    studio = PlaybackStudio(["Pears", "Apples"], DefaultTuner(), recorder, lookup)
    assert played(studio) == {"Pears": ["Equal"], "Apples": ["Equal"]}


def test_by_default_20_recordings_of_each_category_are_compared() -> None:
    with recorder.enabled_recording():
        for _ in range(25):
            Apples().execute()
    assert len(played(PlaybackStudio(["Apples"], DefaultTuner(), recorder))["Apples"]) == 20


def test_a_lookup_that_fails_costs_one_failure_for_its_category(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "tape_cassette", None)
    (comparison,) = PlaybackStudio(["Apples"], DefaultTuner(), recorder).play()["Apples"]
    assert comparison.recording_id is None
    assert "no cassette" in str(comparison)


def test_results_are_kept_if_configured() -> None:
    studio = PlaybackStudio(
        ["Pears"],
        DefaultTuner(),
        recorder,
        compare_execution_config=CompareExecutionConfig(keep_results_in_comparison=True),
    )
    (comparison,) = studio.play()["Pears"]
    assert comparison.expected == comparison.actual
    assert comparison.expected[0].value["args"] == ["pear"]


@pytest.mark.parametrize(
    "wrong", [{"categories": "Apples"}, {"categories": None}, {"recording_ids": "Apples/1/2"}]
)
def test_arguments_without_a_meaning_are_refused(wrong: dict[str, Any]) -> None:
    arguments = {"categories": ["Apples"], "recording_ids": None, **wrong}
    with pytest.raises(SettingsError):
        PlaybackStudio(equalizer_tuner=DefaultTuner(), tape_recorder=recorder, **arguments)


def test_a_users_tuner_may_be_any_equalizer_tuner() -> None:
    assert issubclass(DefaultTuner, EqualizerTuner)

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, SettingsError, TapeRecorder
from playback_core.studio import RecordingLookupProperties, find_matching_recording_ids
from playback_core.studio.lookup import Selection

HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def recorder() -> TapeRecorder:
    recorder = TapeRecorder(InMemoryTapeCassette())

    @recorder.operation(metadata_extractor=lambda n: {"n": n}, category="count")
    def count(n: int) -> int:
        if n == 3:
            raise KeyboardInterrupt
        return n

    with recorder.enabled_recording():
        for n in range(3):
            count(n)
        with pytest.raises(KeyboardInterrupt):
            count(3)
    return recorder


def found(recorder: TapeRecorder, lookup: RecordingLookupProperties) -> list[int]:
    ids = find_matching_recording_ids(recorder, "count", lookup)
    return [recorder.readable_cassette().get_recording_metadata(i)["n"] for i in ids]


def test_incomplete_recordings_are_left_out_unless_asked_for(recorder: TapeRecorder) -> None:
    assert found(recorder, RecordingLookupProperties(HOUR_AGO)) == [0, 1, 2]
    every = RecordingLookupProperties(HOUR_AGO, skip_incomplete=False)
    assert found(recorder, every) == [0, 1, 2, 3]


def test_a_selection_counts_the_incomplete_it_has_passed_over(recorder: TapeRecorder) -> None:
    whole = Selection.of(recorder, "count", RecordingLookupProperties(HOUR_AGO, limit=3))
    assert (len(whole.recording_ids), whole.incomplete, whole.is_cut) == (3, 1, False)
    part = Selection.of(recorder, "count", RecordingLookupProperties(HOUR_AGO, limit=2))
    assert (len(part.recording_ids), part.incomplete, part.is_cut) == (2, 0, True)
    every = RecordingLookupProperties(HOUR_AGO, skip_incomplete=False)
    assert Selection.of(recorder, "count", every).incomplete == 0


def test_metadata_limit_and_dates_filter(recorder: TapeRecorder) -> None:
    assert found(recorder, RecordingLookupProperties(HOUR_AGO, metadata={"n": [0, 2]})) == [0, 2]
    assert found(recorder, RecordingLookupProperties(HOUR_AGO, limit=2)) == [0, 1]
    assert found(recorder, RecordingLookupProperties(None, end_date=HOUR_AGO)) == []


def test_a_random_sample_has_the_given_size(recorder: TapeRecorder) -> None:
    sample = found(recorder, RecordingLookupProperties(HOUR_AGO, limit=2, random_sample=True))
    assert len(sample) == 2
    assert set(sample) <= {0, 1, 2}


def test_the_callers_metadata_is_not_changed(recorder: TapeRecorder) -> None:
    metadata: dict[str, Any] = {"n": 1}
    assert found(recorder, RecordingLookupProperties(HOUR_AGO, metadata=metadata)) == [1]
    assert metadata == {"n": 1}


def test_arguments_keep_their_positions() -> None:
    end = HOUR_AGO + timedelta(minutes=1)
    lookup = RecordingLookupProperties(HOUR_AGO, end, {"a": 1}, 3, True, False)
    assert (lookup.end_date, lookup.limit, lookup.skip_incomplete) == (end, 3, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_date": "yesterday"},
        {"end_date": HOUR_AGO - timedelta(days=1)},
        {"end_date": datetime(2000, 1, 1)},
        {"limit": 0},
        {"limit": True},
        {"metadata": ["a"]},
    ],
)
def test_values_without_a_meaning_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        RecordingLookupProperties(**{"start_date": HOUR_AGO, **wrong})

"""List, show, replay, compare, prune: what the commands of every front end do."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from playback_core.commands.family import family_of
from playback_core.commands.options import CompareOptions, ListOptions
from playback_core.errors import CodecError, DamagedRecordingError, NoSuchRecording, SettingsError
from playback_core.studio import (
    CompareExecutionConfig,
    Comparison,
    EqualizerTuner,
    PlaybackStudio,
)
from playback_core.studio.lookup import Selection
from playback_core.studio.summary import Comparisons, RecordingDetail, RecordingRow
from playback_core.tape_cassette import TapeCassette
from playback_core.tape_recorder import TapeRecorder


def list_recordings(cassette: TapeCassette, options: ListOptions) -> Iterator[RecordingRow]:
    """Yield a row for each recording, category by category, the newest first.

    A recording that can't be read has a row that says so. Raise SettingsError where a category has
    no recordings.
    """
    lookup = options.lookup()
    for category in stored_categories(cassette, options.categories):
        recording_ids = cassette.iter_recording_ids(
            category, start_date=lookup.start_date, metadata=lookup.metadata
        )
        for recording_id in reversed(deque(recording_ids, maxlen=options.limit)):
            try:
                metadata = cassette.get_recording_metadata(recording_id)
            except NoSuchRecording:
                continue  # pruned meanwhile
            except (DamagedRecordingError, CodecError) as error:
                yield RecordingRow(recording_id=recording_id, category=category, damaged=str(error))
            else:
                yield RecordingRow.of(recording_id, metadata)


def show_recording(cassette: TapeCassette, recording_id: str) -> RecordingDetail:
    """Return all there is in a recording, and the tree of recordings it is in.

    Raise NoSuchRecording or DamagedRecordingError.
    """
    recording = cassette.get_recording(recording_id)
    return RecordingDetail.of(recording, family_of(cassette, recording_id))


def replay_recording(
    recorder: TapeRecorder,
    recording_id: str,
    tuner: EqualizerTuner,
    execution: CompareExecutionConfig | None = None,
) -> Comparison:
    """Replay one recording and return its comparison, with the playback and both results.

    `execution` says in which process, and what the replay may reach; in this one unless given.
    Raise NoSuchRecording where there is none of this id.
    """
    recorder.readable_cassette().get_recording_metadata(recording_id)
    studio = PlaybackStudio(
        None,
        tuner,
        recorder,
        recording_ids=[recording_id],
        compare_execution_config=replace(
            execution or CompareExecutionConfig(), keep_results_in_comparison=True
        ),
    )
    (comparisons,) = studio.play().values()
    return next(comparisons)


def compare_recordings(
    recorder: TapeRecorder, tuner: EqualizerTuner, options: CompareOptions
) -> Comparisons:
    """Find the recordings to compare and return their comparisons, made while iterated.

    Raise NoSuchRecording for an id, SettingsError for a category, that is not stored.
    """
    cassette = recorder.readable_cassette()
    selections: dict[str, Selection] = {}
    recording_ids = list(dict.fromkeys(options.recording_ids))
    for recording_id in recording_ids:
        cassette.get_recording_metadata(recording_id)
    if not recording_ids:
        lookup = options.lookup()
        for category in stored_categories(cassette, options.categories):
            selections[category] = Selection.of(recorder, category, lookup)
            recording_ids += selections[category].recording_ids
    compared: dict[str, Iterator[Comparison]] = {}
    if recording_ids:
        studio = PlaybackStudio(
            None,
            tuner,
            recorder,
            recording_ids=recording_ids,
            compare_execution_config=options.execution,
        )
        compared = studio.play()
    without = {category: iter(()) for category in selections if category not in compared}
    return Comparisons({**compared, **without}, len(recording_ids), selections)


def prune_recordings(
    cassette: TapeCassette, older_than: datetime | None = None, *, max_bytes: int | None = None
) -> int:
    """Remove the recordings that started before a moment, and the oldest beyond a size.

    Return how many. Raise SettingsError where neither is given.
    """
    if older_than is None and max_bytes is None:
        raise SettingsError(
            "Nothing says what to remove; give --older-than 30d, --max-size 500MB, or both."
        )
    return cassette.prune(older_than, max_bytes=max_bytes)


def stored_categories(cassette: TapeCassette, named: tuple[str, ...]) -> list[str]:
    """Return the named categories, or all; raise SettingsError where one has no recordings."""
    if not named:
        return list(cassette.iter_categories())
    wanted = list(dict.fromkeys(named))
    try:
        stored = list(cassette.iter_categories())
    except SettingsError:
        return wanted  # this cassette cannot tell
    for category in wanted:
        if category not in stored:
            shown = ", ".join(stored[:10]) + (", …" if len(stored) > 10 else "")
            raise SettingsError(
                f"No recordings of category {category!r}; there are"
                f" {f'those of {shown}' if stored else 'none at all in this cassette'}."
            )
    return wanted

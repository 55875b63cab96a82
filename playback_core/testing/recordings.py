"""What the contract saves, and how it says that an error is due; it needs no pytest."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from playback_core.recording import Recording
from playback_core.recording_filter import epoch_nanoseconds
from playback_core.recording_id import new_recording_id
from playback_core.tape_cassette import TapeCassette

DAY: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def save_new(
    cassette: TapeCassette,
    category: str = "Operation",
    *,
    started_at: datetime | None = None,
    **metadata: Any,
) -> str:
    """Save a small recording and return its id."""
    recording = new_recording(cassette, category, started_at)
    recording.set_data("key", {"value": 1})
    recording.add_metadata(metadata)
    cassette.save_recording(recording)
    return recording.id


def new_recording(
    cassette: TapeCassette, category: str, started_at: datetime | None = None
) -> Recording:
    """Make an empty recording that starts at a moment, now with None."""
    if started_at is None:
        return cassette.create_new_recording(category)
    # An id tells the start it was made for, and a cassette may find recordings by it.
    nanoseconds = epoch_nanoseconds(started_at)
    return Recording(new_recording_id(category, nanoseconds), started_at=nanoseconds)


@contextmanager
def raises(expected: type[Exception]) -> Iterator[list[Exception]]:
    """Catch an error that has to come; AssertionError where it does not."""
    caught: list[Exception] = []
    try:
        yield caught
    except expected as error:
        caught.append(error)
    if not caught:
        raise AssertionError(f"{expected.__name__} was not raised")

"""What the contract saves, and how it says that an error is due; it needs no pytest."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from playback_core.recording_filter import epoch_nanoseconds
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
    recording = cassette.create_new_recording(category)
    if started_at is not None:
        recording.started_at = epoch_nanoseconds(started_at)
    recording.set_data("key", {"value": 1})
    recording.add_metadata(metadata)
    cassette.save_recording(recording)
    return recording.id


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

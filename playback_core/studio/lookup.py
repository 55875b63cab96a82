"""Finds the recordings of a category that are worth comparing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from playback_core.errors import SettingsError
from playback_core.metadata import INCOMPLETE_RECORDING
from playback_core.recording_filter import epoch_nanoseconds
from playback_core.tape_recorder import TapeRecorder


@dataclass(frozen=True)
class RecordingLookupProperties:
    """Which recordings of a category to take.

    Dates are those of the operation's start, both inclusive; a naive one means UTC, None leaves
    that end open. `metadata` is a filter as in `TapeCassette.match_against_recorded_metadata`.
    The oldest `limit` recordings are taken, or as many at random with `random_sample`.
    `skip_incomplete` leaves out operations that KeyboardInterrupt or the like ended. Raise
    SettingsError where a value has no meaning.
    """

    start_date: datetime | None
    end_date: datetime | None = None
    metadata: Mapping[str, Any] | None = None
    limit: int | None = None
    random_sample: bool = False
    skip_incomplete: bool = True

    def __post_init__(self) -> None:
        for name in ("start_date", "end_date"):
            moment = getattr(self, name)
            if moment is not None and not isinstance(moment, datetime):
                raise SettingsError(f"{name} must be a datetime or None, not {moment!r}.")
        if (
            self.start_date is not None
            and self.end_date is not None
            and epoch_nanoseconds(self.end_date) < epoch_nanoseconds(self.start_date)
        ):
            raise SettingsError(
                f"end_date {self.end_date} lies before start_date {self.start_date}."
            )
        if self.metadata is not None and not isinstance(self.metadata, Mapping):
            raise SettingsError(f"metadata must be a mapping or None, not {self.metadata!r}.")
        if self.limit is not None and (type(self.limit) is not int or self.limit < 1):
            raise SettingsError(f"limit must be 1 or more, or None for all, not {self.limit!r}.")


def find_matching_recording_ids(
    tape_recorder: TapeRecorder, category: str, lookup_properties: RecordingLookupProperties
) -> Iterator[str]:
    """Return an iterator of the ids that match, oldest first unless sampled at random.

    What an asynchronous cassette still holds is stored first.
    """
    metadata = dict(lookup_properties.metadata or {})
    if lookup_properties.skip_incomplete:
        # None: recordings of before the name existed do not have it.
        metadata[INCOMPLETE_RECORDING] = [False, None]
    return tape_recorder.readable_cassette().iter_recording_ids(
        category,
        start_date=lookup_properties.start_date,
        end_date=lookup_properties.end_date,
        metadata=metadata,
        limit=lookup_properties.limit,
        random_results=lookup_properties.random_sample,
    )

"""Finds the recordings of a category that are worth comparing, and counts those it leaves out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from playback_core.errors import SettingsError
from playback_core.metadata import INCOMPLETE_RECORDING
from playback_core.recording_filter import epoch_nanoseconds
from playback_core.recording_id import start_of
from playback_core.tape_recorder import TapeRecorder

_MAX_NAMED: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which recordings of a category a lookup takes, and what it leaves out.

    `incomplete` is how many it passed over as incomplete on its way to the last one that it takes,
    or to the end; `is_cut` says that there are more than its limit.
    """

    recording_ids: list[str]
    incomplete: int = 0
    is_cut: bool = False

    @classmethod
    def of(
        cls, tape_recorder: TapeRecorder, category: str, lookup: RecordingLookupProperties
    ) -> Self:
        """Look up, oldest first."""
        limit = lookup.limit
        one_more = replace(lookup, limit=None if limit is None else limit + 1)
        found = list(find_matching_recording_ids(tape_recorder, category, one_more))
        is_cut = limit is not None and len(found) > limit
        taken = found[:limit]
        passed = lookup
        if is_cut and (last := start_of(taken[-1])) is not None:
            passed = replace(lookup, end_date=_EPOCH + timedelta(microseconds=last // 1000))
        return cls(
            recording_ids=taken,
            incomplete=_count_incomplete(tape_recorder, category, passed),
            is_cut=is_cut,
        )


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


def left_out_note(selections: Mapping[str, Selection]) -> str:
    """Say what lookups of several categories left out, as the end of a sentence; may be empty."""
    found = selections.items()
    incomplete = sum(selection.incomplete for _, selection in found)
    cut = [category for category, selection in found if selection.is_cut]
    empty = [category for category, selection in found if not selection.recording_ids]
    reasons = [
        f"{incomplete} incomplete" if incomplete else "",
        f"more than the limit of {_named(cut)}" if cut else "",
        f"all of {_named(empty)}" if 0 < len(empty) < len(found) else "",
    ]
    left_out = ", ".join(filter(None, reasons))
    return f"; left out: {left_out}" if left_out else ""


def _named(categories: list[str]) -> str:
    more = len(categories) - _MAX_NAMED
    shown = ", ".join(categories[:_MAX_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _count_incomplete(
    tape_recorder: TapeRecorder, category: str, lookup: RecordingLookupProperties
) -> int:
    if not lookup.skip_incomplete:
        return 0
    # Of what is damaged nothing is known: it is compared, and fails.
    found = tape_recorder.readable_cassette().iter_recordings_metadata(
        category,
        start_date=lookup.start_date,
        end_date=lookup.end_date,
        metadata={**(lookup.metadata or {}), INCOMPLETE_RECORDING: True},
    )
    return sum(1 for _ in found)

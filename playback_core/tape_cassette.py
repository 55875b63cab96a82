"""TapeCassette: the contract every storage of recordings keeps."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, ClassVar, Final, NamedTuple, Self

from playback_core.errors import DamagedRecordingError, NoSuchRecording, SettingsError
from playback_core.recording import Recording
from playback_core.recording_filter import RecordingFilter, matches_metadata, nanoseconds
from playback_core.recording_id import category_of

_logger: Final = logging.getLogger("playback")


class StoredRecording(NamedTuple):
    """What a cassette knows of a recording without reading it.

    `started_at` is nanoseconds since the epoch, `size` how many bytes it takes.
    """

    id: str
    started_at: int
    size: int


class TapeCassette(ABC):
    """Stores recordings and finds them again.

    A backend implements `_save_recording`, `get_recording` and `_matching`; with
    `delete_recording` and `_stored_recordings` it can be pruned and lists its categories. It may
    make the other methods cheaper. `playback_core.testing` has the contract test. `is_local` says
    that reading needs no network, so that a process that compares may do without.
    """

    is_local: ClassVar[bool] = False

    def create_new_recording(self, category: str) -> Recording:
        """Return an empty recording of a category, to be saved or aborted."""
        return Recording.new(category)

    def save_recording(self, recording: Recording) -> None:
        """Store a recording and close it."""
        try:
            self._save_recording(recording)
        finally:
            recording.close()

    def abort_recording(self, recording: Recording) -> None:
        """Drop a recording that will not be saved."""
        recording.close()

    def _readable_metadata(self, recording_ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        for recording_id in recording_ids:
            try:
                recorded = self.get_recording_metadata(recording_id)
            except NoSuchRecording:
                continue
            except DamagedRecordingError as error:
                _logger.warning("Left out of a list: %s", error)
            else:
                yield recorded

    @abstractmethod
    def _save_recording(self, recording: Recording) -> None:
        """Store a recording; raise CassetteError where it can't be."""

    def _save_recordings(
        self, recordings: Sequence[Recording]
    ) -> list[tuple[Recording, Exception]]:
        """Store several recordings; return those that can't be, each with its error.

        The background writer calls this. A backend to which one batch is cheaper than many saves
        overrides it.
        """
        failures: list[tuple[Recording, Exception]] = []
        for recording in recordings:
            try:
                self._save_recording(recording)
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recording
                failures.append((recording, error))
        return failures

    @abstractmethod
    def get_recording(self, recording_id: str) -> Recording:
        """Return a stored recording; raise NoSuchRecording or DamagedRecordingError."""

    def iter_recording_ids(
        self,
        category: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
        random_results: bool = False,
    ) -> Iterator[str]:
        """Return an iterator of the ids that match, oldest first or in random order.

        Dates are inclusive and compare with the operation's start; a naive one means UTC.
        `metadata` is a filter as in `match_against_recorded_metadata`. Raise SettingsError, now and
        not later, where an argument has no meaning.
        """
        wanted = RecordingFilter.of(category, start_date, end_date, metadata, limit, random_results)
        return islice(self._matching(wanted), wanted.limit)

    @abstractmethod
    def _matching(self, wanted: RecordingFilter) -> Iterator[str]:
        """Return an iterator of the ids that match, in the order the filter asks for.

        Only the first `limit` are taken, so nothing need be counted. A recording whose metadata is
        damaged matches whatever the filter: reading it then says that it is damaged.
        """

    def iter_categories(self) -> Iterator[str]:
        """Yield the categories that have recordings, sorted."""
        return iter(sorted({category_of(stored.id) for stored in self._stored_recordings()}))

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        """Return a stored recording's metadata; raise NoSuchRecording or DamagedRecordingError."""
        return self.get_recording(recording_id).get_metadata()

    def iter_recordings_metadata(
        self,
        category: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Return an iterator of the metadata of the recordings that match, oldest first.

        One that is damaged is left out, with a line in the log that names it; so is one that was
        deleted meanwhile, without.
        """
        found = self.iter_recording_ids(category, start_date, end_date, metadata, limit)
        return self._readable_metadata(found)

    def extract_recording_category(self, recording_id: str) -> str:
        """Return the category in an id; raise SettingsError where it is not one."""
        return category_of(recording_id)

    def delete_recording(self, recording_id: str) -> None:
        """Remove a recording; raise NoSuchRecording."""
        raise SettingsError(f"{type(self).__name__} cannot delete recordings.")

    def prune(self, older_than: datetime | None = None, *, max_bytes: int | None = None) -> int:
        """Remove the recordings that started before a date, then the oldest beyond a size.

        Return how many. A naive date means UTC. Raise SettingsError where neither is given.
        """
        if older_than is None and max_bytes is None:
            raise SettingsError("Nothing says what to remove; give older_than, max_bytes or both.")
        if max_bytes is not None and (type(max_bytes) is not int or max_bytes < 0):
            raise SettingsError(f"max_bytes is {max_bytes!r}; it must be a number of bytes from 0.")
        before = None if older_than is None else nanoseconds("older_than", older_than)
        return self._prune(before, max_bytes)

    def _prune(self, before: int | None, max_bytes: int | None) -> int:
        """Remove what started before a time, then the oldest until the rest takes no more.

        `before` is nanoseconds since the epoch; None of either sets no bound. A backend that can
        remove many at once overrides it.
        """
        removed = 0
        for stored in expired(self._stored_recordings(), before, max_bytes):
            # Somebody else removed it meanwhile.
            with suppress(NoSuchRecording):
                self.delete_recording(stored.id)
                removed += 1
        return removed

    def _stored_recordings(self) -> Iterable[StoredRecording]:
        """Return what is known of all recordings, of any category and in any order."""
        raise SettingsError(
            f"{type(self).__name__} cannot list what it holds; name the category, or give the class"
            " a _stored_recordings()."
        )

    def readable(self) -> "TapeCassette":
        """Return the cassette to read from: this one, or the one it writes to."""
        return self

    def close(self) -> None:  # noqa: B027 - a backend that holds nothing has nothing to do
        """Release what the cassette holds; safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @staticmethod
    def match_against_recorded_metadata(
        filter_by_metadata: Mapping[str, Any], recording_metadata: Mapping[str, Any]
    ) -> bool:
        """Tell whether recorded metadata passes a filter.

        Values are equal, or: a list means any of its members; a string is a glob pattern;
        `{'operator': '<', 'value': 3}` compares, with = < <= > >=. An absent key matches only None.
        A pair that can't be compared does not match; an unknown operator raises SettingsError.
        """
        return matches_metadata(filter_by_metadata, recording_metadata)


def expired(
    stored: Iterable[StoredRecording], before: int | None, max_bytes: int | None
) -> list[StoredRecording]:
    """Return which recordings a prune removes, the oldest first; None sets no bound."""
    oldest_first = sorted(stored, key=lambda recording: recording.started_at)
    removed = []
    kept_bytes = 0
    for recording in reversed(oldest_first):
        kept_bytes += recording.size
        is_old = before is not None and recording.started_at < before
        if is_old or (max_bytes is not None and kept_bytes > max_bytes):
            removed.append(recording)
    return removed[::-1]

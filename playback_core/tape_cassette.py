"""TapeCassette: the contract every storage of recordings keeps."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt
from types import TracebackType
from typing import Any, Final, Self

from playback_core.errors import SettingsError
from playback_core.recording import Recording
from playback_core.recording_id import category_of

_Compare = Callable[[Any, Any], Any]

_OPERATORS: Final[dict[str, _Compare]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


class TapeCassette(ABC):
    """Stores recordings and finds them again.

    A backend implements `_save_recording`, `get_recording` and `iter_recording_ids`; it may make
    the other methods cheaper. `playback_core.testing` has the contract test.
    """

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

    @abstractmethod
    def iter_recording_ids(
        self,
        category: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
        random_results: bool = False,
    ) -> Iterator[str]:
        """Yield the ids that match, oldest first or, with `random_results`, in random order.

        Dates are inclusive and compare with the operation's start; a naive one means UTC.
        `metadata` is a filter as in `match_against_recorded_metadata`.
        """

    def iter_categories(self) -> Iterator[str]:
        """Yield the categories that have recordings, sorted."""
        raise SettingsError(
            f"{type(self).__name__} cannot list its categories; name the category, or give the"
            " class an iter_categories()."
        )

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        """Return a stored recording's metadata; raise NoSuchRecording."""
        return self.get_recording(recording_id).get_metadata()

    def iter_recordings_metadata(
        self,
        category: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the metadata of the recordings that match, oldest first."""
        for recording_id in self.iter_recording_ids(
            category, start_date, end_date, metadata, limit
        ):
            yield self.get_recording_metadata(recording_id)

    def extract_recording_category(self, recording_id: str) -> str:
        """Return the category in an id; raise SettingsError where it is not one."""
        return category_of(recording_id)

    def delete_recording(self, recording_id: str) -> None:
        """Remove a recording; raise NoSuchRecording."""
        raise SettingsError(f"{type(self).__name__} cannot delete recordings.")

    def prune(self, older_than: datetime) -> int:
        """Remove the recordings that started before a date; return how many."""
        removed = 0
        last = older_than - timedelta(microseconds=1)
        for category in list(self.iter_categories()):
            for recording_id in list(self.iter_recording_ids(category, end_date=last)):
                self.delete_recording(recording_id)
                removed += 1
        return removed

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
        return all(
            _matches(wanted, recording_metadata.get(name))
            for name, wanted in filter_by_metadata.items()
        )


def epoch_nanoseconds(moment: datetime) -> int:
    """Return nanoseconds since the epoch; a naive moment means UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    whole = aware.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000_000 + aware.microsecond * 1_000


def check_metadata_filter(filter_by_metadata: Mapping[str, Any]) -> None:
    """Raise SettingsError for an unknown operator, also where matching may not come to it."""
    for wanted in filter_by_metadata.values():
        _check_wanted(wanted)


def _check_wanted(wanted: Any) -> None:
    if isinstance(wanted, (list, tuple)):
        for one in wanted:
            _check_wanted(one)
    elif _is_comparison(wanted):
        _operator(wanted["operator"])


def _matches(wanted: Any, recorded: Any) -> bool:
    if isinstance(wanted, (list, tuple)):
        return any(_matches(one, recorded) for one in wanted)
    if _is_comparison(wanted):
        compare, value = _operator(wanted["operator"]), wanted["value"]
        return (recorded is not None or value is None) and _holds(compare, recorded, value)
    if recorded is None or wanted is None:
        return recorded is wanted
    if isinstance(wanted, str):
        return isinstance(recorded, str) and fnmatchcase(recorded, wanted)
    return _holds(eq, recorded, wanted)


def _is_comparison(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and wanted.keys() == {"operator", "value"}


def _operator(name: Any) -> _Compare:
    compare = _OPERATORS.get(name) if isinstance(name, str) else None
    if compare is None:
        raise SettingsError(
            f"Unknown operator {name!r} in a metadata filter; choose from {' '.join(_OPERATORS)}."
        )
    return compare


def _holds(compare: _Compare, recorded: Any, wanted: Any) -> bool:
    try:
        return bool(compare(recorded, wanted))
    except Exception:  # noqa: BLE001 - whatever a recorded value refuses by: it does not match
        return False

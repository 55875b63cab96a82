"""RecordingFilter: which recordings are asked for, checked once and the same for every cassette."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt
from random import Random
from sys import maxsize
from typing import Any, Final, Self, TypeVar

from playback_core.errors import SettingsError

_T = TypeVar("_T")
_Compare = Callable[[Any, Any], Any]

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1

_OPERATORS: Final[dict[str, _Compare]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingFilter:
    """What `TapeCassette.iter_recording_ids` was asked for, checked.

    `earliest` and `latest` are inclusive bounds of a recording's `started_at`, in nanoseconds since
    the epoch, within 64 bits. `metadata` is a filter as in `matches_metadata`. At most `limit`
    recordings are wanted, all with None; in random order with `random_results`.
    """

    category: str
    earliest: int
    latest: int
    metadata: Mapping[Any, Any]
    limit: int | None
    random_results: bool

    @classmethod
    def of(
        cls,
        category: str,
        start_date: datetime | None,
        end_date: datetime | None,
        metadata: Mapping[str, Any] | None,
        limit: int | None,
        random_results: bool,
    ) -> Self:
        """Check the arguments; raise SettingsError naming the one that is wrong."""
        if not isinstance(category, str):
            raise SettingsError(f"category is {category!r}; it must be a text.")
        if limit is not None and not (isinstance(limit, int) and 0 <= limit <= maxsize):
            raise SettingsError(
                f"limit is {limit!r}; it must be a number from 0 to {maxsize}, or None for all."
            )
        return cls(
            category=category,
            earliest=EARLIEST if start_date is None else nanoseconds("start_date", start_date),
            latest=LATEST if end_date is None else nanoseconds("end_date", end_date),
            metadata=_checked_filter(metadata),
            limit=limit,
            random_results=random_results,
        )

    def covers(self, started_at: int) -> bool:
        """Tell whether a start lies between the dates."""
        return self.earliest <= started_at <= self.latest

    def accepts(self, metadata: Mapping[Any, Any]) -> bool:
        """Tell whether recorded metadata passes the filter."""
        return matches_metadata(self.metadata, metadata)

    def arranged(self, oldest_first: list[_T]) -> list[_T]:
        """Return candidates in the order asked for."""
        if self.random_results:
            # A generator of its own: the application's `random` may be seeded.
            Random().shuffle(oldest_first)
        return oldest_first


def matches_metadata(wanted: Mapping[Any, Any], recorded: Mapping[Any, Any]) -> bool:
    """Tell whether recorded metadata has, under each name of a filter, a value that matches.

    Values are equal, or: a list means any of its members; a string is a glob pattern;
    `{'operator': '<', 'value': 3}` compares, with = < <= > >=. An absent key matches only None.
    A pair that can't be compared does not match; an unknown operator raises SettingsError.
    """
    return all(_matches(value, recorded.get(name)) for name, value in wanted.items())


def nanoseconds(name: str, moment: datetime) -> int:
    """Return nanoseconds since the epoch within 64 bits; raise SettingsError for no datetime."""
    if not isinstance(moment, datetime):
        raise SettingsError(f"{name} is {moment!r}; it must be a datetime, a naive one means UTC.")
    return min(max(epoch_nanoseconds(moment), EARLIEST), LATEST)


def epoch_nanoseconds(moment: datetime) -> int:
    """Return nanoseconds since the epoch; a naive moment means UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    whole = aware.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000_000 + aware.microsecond * 1_000


def _checked_filter(metadata: Mapping[str, Any] | None) -> Mapping[Any, Any]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise SettingsError(f"metadata is {metadata!r}; it must map names to wanted values.")
    # Also where matching would not come to it.
    for wanted in metadata.values():
        _check_wanted(wanted)
    return dict(metadata)


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

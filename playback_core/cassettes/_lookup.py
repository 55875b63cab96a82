"""Lookup: which recordings are asked for, checked once and the same for every cassette."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from random import Random
from sys import maxsize
from typing import Any, Final, Self, TypeVar

from playback_core.errors import SettingsError
from playback_core.tape_cassette import (
    TapeCassette,
    check_metadata_filter,
    epoch_nanoseconds,
)

_T = TypeVar("_T")

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """The arguments of `iter_recording_ids`, checked.

    `earliest` and `latest` are inclusive, in nanoseconds since the epoch, within 64 bits.
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
        return TapeCassette.match_against_recorded_metadata(self.metadata, metadata)

    def arranged(self, oldest_first: list[_T]) -> list[_T]:
        """Return candidates in the order asked for."""
        if self.random_results:
            # A generator of its own: the application's `random` may be seeded.
            Random().shuffle(oldest_first)
        return oldest_first

    def limited(self, found: Iterable[_T]) -> Iterator[_T]:
        """Yield no more than `limit`, and look no further than that."""
        return islice(found, self.limit)


def nanoseconds(name: str, moment: datetime) -> int:
    """Return nanoseconds since the epoch within 64 bits; raise SettingsError for no datetime."""
    if not isinstance(moment, datetime):
        raise SettingsError(f"{name} is {moment!r}; it must be a datetime, a naive one means UTC.")
    return min(max(epoch_nanoseconds(moment), EARLIEST), LATEST)


def _checked_filter(metadata: Mapping[str, Any] | None) -> Mapping[Any, Any]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise SettingsError(f"metadata is {metadata!r}; it must map names to wanted values.")
    check_metadata_filter(metadata)
    return dict(metadata)

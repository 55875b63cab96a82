"""Options of the commands, and how texts of a command line become their values."""

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from playback_core.errors import SettingsError
from playback_core.settings.values import size_in_bytes
from playback_core.studio import CompareExecutionConfig, RecordingLookupProperties

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE: Final = re.compile(r"(\d+)([mhdw])")
_DEFAULT_LIMIT: Final = 20
_DEDICATED: Final = CompareExecutionConfig(
    compare_in_dedicated_process=True,
    compare_process_start_method="fork",
    compare_process_recycle_rate=100,
)
# Elsewhere than on Linux the system's own libraries may not survive one.
_FORKS_SAFELY: Final = sys.platform == "linux"
_MAX_DIGITS: Final = 18


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Which recordings to list: the newest `limit` of each category, all with None."""

    categories: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int | None = _DEFAULT_LIMIT
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self.lookup()

    def lookup(self) -> RecordingLookupProperties:
        """Return the lookup, without the limit, which counts from the newest."""
        RecordingLookupProperties(None, limit=self.limit)
        return RecordingLookupProperties(self.since, metadata=self.metadata, skip_incomplete=False)


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Which recordings to compare.

    Either `recording_ids`, or of each category (of all, if none is named) the oldest `limit` since
    `since`, by default 20 of the last 7 days. `execution` says in which processes. Raise
    SettingsError where both are given.
    """

    categories: tuple[str, ...] = ()
    recording_ids: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int | None = _DEFAULT_LIMIT
    metadata: Mapping[str, Any] | None = None
    execution: CompareExecutionConfig = field(default_factory=CompareExecutionConfig)

    def __post_init__(self) -> None:
        _refuse_both(self.categories, self.recording_ids)
        self.lookup()

    def lookup(self) -> RecordingLookupProperties:
        """Return the lookup for each category."""
        since = self.since or datetime.now(UTC) - timedelta(days=7)
        return RecordingLookupProperties(since, metadata=self.metadata, limit=self.limit)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Which recordings to export.

    Either `recording_ids`, or those of each category (of all, if none is named) that started from
    `since` to `until`. Raise SettingsError where both are given.
    """

    categories: tuple[str, ...] = ()
    recording_ids: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _refuse_both(self.categories, self.recording_ids)
        self.lookup()

    def lookup(self) -> RecordingLookupProperties:
        """Return the lookup for each category."""
        return RecordingLookupProperties(
            self.since, self.until, metadata=self.metadata, skip_incomplete=False
        )


def parse_count(text: str) -> int:
    """Return a number of 1 or more; raise SettingsError for anything else."""
    if not (text.strip().isdecimal() and len(text) <= _MAX_DIGITS and int(text) > 0):
        raise SettingsError(f"Not a number of recordings: {text!r}; write 1 or more.")
    return int(text)


def parse_seconds(text: str) -> float:
    """Return a number of seconds above 0; raise SettingsError for anything else."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise SettingsError(f"Not a number of seconds: {text!r}; write more than 0.")
    return seconds


def execution(
    dedicated: bool, in_process: bool, recycle: int | None, timeout: float | None
) -> CompareExecutionConfig:
    """Return in which processes to compare; raise SettingsError for options without a use.

    Dedicated ones where a fork is safe, unless told otherwise: they are sealed tighter, and a crash
    costs one comparison. They are forks, as only this process knows how the application was loaded.
    """
    if dedicated and in_process:
        raise SettingsError("Give --dedicated-process or --in-process, not both.")
    if in_process or not (dedicated or _FORKS_SAFELY):
        if (recycle, timeout) != (None, None):
            raise SettingsError("--recycle and --process-timeout are for dedicated processes.")
        return CompareExecutionConfig()
    given: dict[str, Any] = {
        "compare_process_recycle_rate": recycle,
        "compare_process_timeout": timeout,
    }
    return replace(
        _DEDICATED, **{name: value for name, value in given.items() if value is not None}
    )


def parse_since(text: str, now: datetime | None = None) -> datetime:
    """Return the moment that `7d`, `12h`, `30m` or `2w` ago was, or that an ISO date names.

    A date without a zone means UTC. Raise SettingsError for anything else.
    """
    now = now or datetime.now(UTC)
    age = _AGE.fullmatch(text.strip())
    try:
        if age is not None:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise SettingsError(
            f"Not a time: {text!r}; write an age (30m, 12h, 7d, 2w) or a date (2026-01-31)."
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def parse_size(text: str) -> int:
    """Return the bytes that `500MB`, `1.5 GiB` or a number is; raise SettingsError for another."""
    try:
        return size_in_bytes(text)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"Not a size: {text!r}; write a number of bytes, or 512k, 500MB, 2GiB."
        ) from None


def parse_metadata(pairs: Iterable[str]) -> dict[str, Any]:
    """Return the metadata filter that `name=value` texts make.

    A value that is JSON is taken as such (`n=3`, `plan=["gold", "trial"]` for any of both), any
    other as text. Raise SettingsError where a text is no pair or a name comes twice.
    """
    metadata: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not (name and separator):
            raise SettingsError(f"Not a metadata filter: {pair!r}; write name=value.")
        if name in metadata:
            raise SettingsError(
                f"Metadata {name!r} is given twice; for any of several values write"
                f' {name}=["one", "other"].'
            )
        metadata[name] = _json_or_text(value)
    return metadata


def _refuse_both(categories: tuple[str, ...], recording_ids: tuple[str, ...]) -> None:
    if categories and recording_ids:
        raise SettingsError("Give categories or recording ids, not both.")


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")

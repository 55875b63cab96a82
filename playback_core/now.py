"""Now: moments within encoded values that lie in their own run's time, or a round time from it.

Two runs of one operation say different times and mean the same. What stands for such a moment
names its form and its distance from the run, so that another zone, another day, or another way to
write it is still another value.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple

from playback_core.codec.kinds.moments import Datetime
from playback_core.codec.leaf_texts import TextWalk

_SECOND: Final = 10**9
_MINUTE: Final = 60 * _SECOND
_HOUR_MINUTES: Final = 60
_HALF_HOUR_MINUTES: Final = 30
_MOST_FRACTIONS: Final = 100
_FARTHEST_MINUTES: Final = 400 * 24 * 60
# A run's own clocks agree to less than this.
_TOLERANCE: Final = 50_000_000
# Those of one process, which fractions of a second are told by, are cut to milliseconds at most.
_FINE_TOLERANCE: Final = 5_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATETIME: Final = Datetime()
# (the smallest number of this unit, the unit in nanoseconds, its name)
_UNITS: Final = (
    (10**17, 1, "ns"),
    (10**14, 1_000, "us"),
    (10**11, 1_000_000, "ms"),
    (0, _SECOND, "s"),
)
_LEAST: Final = 10**8
_MOST: Final = 10**19

_COLON: Final = rb"(?::|%3A)"


@cache
def _moment() -> re.Pattern[bytes]:
    # Made when a replay first needs it: it takes milliseconds.
    return re.compile(
        rb"(?<![0-9A-Za-z.])(?:(?P<iso>(?:\d{4}-\d\d-\d\d[T ]\d\d%(colon)s\d\d%(colon)s\d\d"
        rb"|\d{8}T\d{6})(?:[.,](?P<fraction>\d{1,9}))?"
        rb"(?P<zone> ?(?:Z|UTC|GMT)| ?(?:[+-]|%%2B)\d\d(?:%(colon)s)?\d\d)?)"
        rb"|(?P<mail>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (?:\d\d[ -][A-Z][a-z]{2}[ -]\d{4}"
        rb" \d\d:\d\d:\d\d(?P<mail_zone> (?:GMT|UTC|[+-]\d{4}))"
        rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}))"
        rb"|(?P<number>\d{10}(?:\.(?P<part>\d{1,9}))?|\d{13}|\d{16}|\d{19}))(?![0-9A-Za-z])"
        % {b"colon": _COLON}
    )


class Window(NamedTuple):
    """The time of a run: from and to, nanoseconds since the epoch."""

    start: int
    end: int


class Windows(NamedTuple):
    """When the recorded run was, when its replay was by its virtual clock, and when really.

    Not everything in a replay tells the virtual clock.
    """

    recorded: Window
    virtual: Window
    real: Window

    def recorded_form(self, blob: bytes) -> bytes:
        """Return an encoded value of the recording with its moments named."""
        return _named(blob, (self.recorded,))

    def replayed_form(self, blob: bytes) -> bytes:
        """Return an encoded value of the replay with its moments named."""
        return _named(blob, (self.virtual, self.real))

    def same(self, recorded: bytes, replayed: bytes) -> bool:
        """Tell whether two encoded values differ in nothing but moments that mean the same."""
        return self.recorded_form(recorded) == self.replayed_form(replayed)


def recorded_window(started_at: int, duration: Any, recorded_at: Any) -> Window:
    """Return the time of a recorded run, from when its recording began and from its metadata."""
    seconds = duration if type(duration) is float and 0 <= duration < _MOST else 0.0
    lasted = int(seconds * _SECOND)
    ended = _of_iso(recorded_at) if type(recorded_at) is str else None
    end = started_at + lasted if ended is None else _instant(ended)
    # It may have run for a while before its recording was made, which was while it ran.
    began = max(end, started_at) - lasted
    return Window(min(started_at, began), max(started_at + lasted, end))


def _named(blob: bytes, windows: tuple[Window, ...]) -> bytes:
    walk = _MomentWalk(windows)
    named = walk.through(blob)
    return blob if walk.merged else named


class _MomentWalk(TextWalk):
    def __init__(self, windows: tuple[Window, ...]) -> None:
        super().__init__(self._in_text, set())
        self._windows = windows

    def _in_text(self, text: bytes) -> bytes:
        return _moment().sub(self._matched, text)

    def _matched(self, match: re.Match[bytes]) -> bytes:
        told = _told_by(match)
        name = None if told is None else self._name(*told)
        return match[0] if name is None else name.encode()

    def _leaf(self, part: Any, waiting: list[Any]) -> Any:
        if type(part) is int or type(part) is float:
            told = _number(part, type(part).__name__)
            name = None if told is None else self._name(*told)
            self.changed = self.changed or name is not None
            return part if name is None else name
        return super()._leaf(part, waiting)

    def _payload(self, code: int, payload: bytes) -> bytes:
        if code != _DATETIME.code:
            return super()._payload(code, payload)
        moment = _DATETIME.unpack(payload)
        resolution = 1_000 if moment.microsecond else _SECOND
        form = f"datetime {payload[:2]!r} {moment.tzinfo} {moment.utcoffset()}"
        name = self._name(_instant(moment), resolution, form)
        if name is None:
            return payload
        self.changed = True
        return name.encode()

    def _name(self, instant: int, resolution: int, form: str) -> str | None:
        distance = _distance_from(self._windows, instant, resolution)
        if distance is None:
            return None
        return f"\0now {distance:+d} ns, {form} {resolution}\0"


def _distance_from(windows: tuple[Window, ...], instant: int, resolution: int) -> int | None:
    if any(start <= instant <= end for start, end in _spans(windows, _TOLERANCE + resolution)):
        return 0
    for distances, tolerance in ((_DISTANCES, _TOLERANCE), (_FRACTIONS, _FINE_TOLERANCE)):
        for start, end in _spans(windows, tolerance + resolution):
            for unit, is_round in distances:
                steps = round((instant - (start + end) // 2) / unit)
                is_certain = end - start <= unit // 2 and is_round(abs(steps))
                if is_certain and start <= instant - steps * unit <= end:
                    return steps * unit
    return None


def _spans(windows: tuple[Window, ...], slack: int) -> list[tuple[int, int]]:
    return [(window.start - slack, window.end + slack) for window in windows]


def _is_round_minute(minutes: int) -> bool:
    return minutes <= _HOUR_MINUTES or (
        minutes <= _FARTHEST_MINUTES and minutes % _HALF_HOUR_MINUTES == 0
    )


def _is_round_second(seconds: int) -> bool:
    return seconds <= _HOUR_MINUTES * _MINUTE // _SECOND


_DISTANCES: Final = ((_MINUTE, _is_round_minute), (_SECOND, _is_round_second))


def _is_near(steps: int) -> bool:
    return steps <= _MOST_FRACTIONS


# From the coarse to the fine: a half is two quarters, whether the run was short or very short.
_FRACTIONS: Final = ((_SECOND // 4, _is_near), (_SECOND // 10, _is_near))


def _number(number: float, form: str) -> tuple[int, int, str] | None:
    if not _LEAST <= number < _MOST:
        return None
    unit, name = _unit_of(number)
    resolution = unit if type(number) is int else min(unit, 1_000)
    return int(number * unit), resolution, f"{form} {name}"


def _unit_of(number: float) -> tuple[int, str]:
    return next(each[1:] for each in _UNITS if number >= each[0])


def _told_by(match: re.Match[bytes]) -> tuple[int, int, str] | None:
    text = match[0].decode("ascii")
    if match["number"] is not None:
        return _of_number(text, match["part"] is not None)
    moment = _of_iso(text) if match["iso"] is not None else _of_mail(text)
    if moment is None:
        return None
    zone = (match["zone"] or match["mail_zone"] or b"").decode("ascii")
    written = text.removesuffix(zone)
    form = re.sub("[A-Z][a-z]{2}", "Aaa", re.sub(r"\d", "9", written)) + zone
    digits = len(match["fraction"] or b"")
    return _instant(moment), 10 ** (9 - digits), form


def _of_number(text: str, has_fraction: bool) -> tuple[int, int, str]:
    whole, _, fraction = text.partition(".")
    unit, name = _unit_of(int(whole))
    nanoseconds = int(whole) * unit + int(fraction.ljust(9, "0") if fraction else 0)
    return nanoseconds, 1_000 if has_fraction else unit, f"text {name} {has_fraction}"


def _of_iso(text: str) -> datetime | None:
    plain = text.replace("%3A", ":").replace("%2B", "+").replace(",", ".")
    for name in ("UTC", "GMT"):
        plain = plain.replace(name, "Z")
    date, _, rest = plain.partition(" ")
    try:
        return datetime.fromisoformat(f"{date} {rest.replace(' ', '')}".strip())
    except ValueError:
        return None


def _of_mail(text: str) -> datetime | None:
    # It imports sockets, which most replays do without.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _instant(moment: datetime) -> int:
    # One without a zone as if it were UTC: of another zone it is as many hours off in both runs.
    aware = moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000

"""Moments that lie in their own run's time, in whatever form they are written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec import encode_key
from playback_core.now import Window, Windows, recorded_window

SECOND = 10**9
STARTED = datetime(2026, 1, 31, 10, 0, 0, 500_000, tzinfo=UTC)
BEGAN = int(STARTED.timestamp() * 1_000) * 1_000_000
REPLAYED = BEGAN + 87 * 86_400 * SECOND + 12_345 * SECOND
WINDOWS = Windows(
    recorded=Window(BEGAN, BEGAN + 20_000_000),
    virtual=Window(BEGAN, BEGAN + 20_000_000),
    real=Window(REPLAYED, REPLAYED + 90_000_000),
)
BEFORE = STARTED + timedelta(milliseconds=3, microseconds=1)
AFTER = STARTED + timedelta(milliseconds=12, microseconds=7)
REAL = datetime.fromtimestamp(REPLAYED / SECOND, UTC) + timedelta(milliseconds=5)
EAST = timezone(timedelta(hours=2))

FORMS: dict[str, Callable[[datetime], Any]] = {
    "datetime": lambda moment: moment,
    "naive": lambda moment: moment.replace(tzinfo=None),
    "in a zone": lambda moment: moment.astimezone(EAST),
    "iso": datetime.isoformat,
    "iso in a zone": lambda moment: moment.astimezone(EAST).isoformat(),
    "iso naive": lambda moment: moment.replace(tzinfo=None).isoformat(),
    "iso with Z": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z",
    "str": str,
    "compact": lambda moment: f"{moment:%Y%m%dT%H%M%SZ}",
    "http": lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S} GMT",
    "cookie": lambda moment: f"a=b; Expires={moment:%a, %d-%b-%Y %H:%M:%S} GMT; Path=/",
    "ctime": lambda moment: f"{moment:%a %b %d %H:%M:%S %Y}",
    "seconds": lambda moment: moment.timestamp(),
    "whole seconds": lambda moment: int(moment.timestamp()),
    "milliseconds": lambda moment: int(moment.timestamp() * 1_000),
    "microseconds": lambda moment: int(moment.timestamp() * 1_000_000),
    "nanoseconds": lambda moment: int(moment.timestamp() * 1_000_000) * 1_000,
    "text of seconds": lambda moment: f"?at={moment.timestamp()}&x=1",
    "url": lambda moment: f"?at={moment:%Y-%m-%dT%H%%3A%M%%3A%S.%f%%2B0000}&x=1",
    "bytes": lambda moment: f'{{"at": "{moment.isoformat()}"}}'.encode(),
    "nested": lambda moment: {"rows": [(1, moment, {"at": moment.isoformat()})]},
    "in an hour": lambda moment: moment + timedelta(hours=1),
    "in 30 days": lambda moment: (moment + timedelta(days=30)).isoformat(),
    "a minute ago": lambda moment: moment - timedelta(minutes=1),
    "in 45 seconds": lambda moment: moment + timedelta(seconds=45),
    "in half a second": lambda moment: moment + timedelta(seconds=0.5),
    "two and a quarter seconds ago": lambda moment: (moment - timedelta(seconds=2.25)).isoformat(),
    "90 seconds ago": lambda moment: (moment - timedelta(seconds=90)).isoformat(),
}


def is_same(recorded: Any, replayed: Any) -> bool:
    return WINDOWS.same(encode_key(recorded), encode_key(replayed))


@pytest.mark.parametrize("form", FORMS)
def test_now_is_now_in_any_form(form: str) -> None:
    write = FORMS[form]
    assert is_same(write(BEFORE), write(AFTER))
    assert is_same(write(BEFORE), write(REAL))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "off",
    [
        timedelta(days=1),
        timedelta(days=-1),
        timedelta(hours=1),
        timedelta(hours=-2),
        timedelta(minutes=10),
        timedelta(seconds=5),
    ],
)
def test_another_moment_is_another(form: str, off: timedelta) -> None:
    write = FORMS[form]
    assert not is_same(write(BEFORE), write(AFTER + off))
    assert not is_same(write(BEFORE + off), write(AFTER))


@pytest.mark.parametrize(
    ("recorded", "replayed"),
    [
        (BEFORE, AFTER.astimezone(EAST)),
        (BEFORE, AFTER.replace(tzinfo=EAST)),
        (BEFORE, AFTER.replace(tzinfo=None)),
        (BEFORE.replace(tzinfo=None), AFTER.astimezone(EAST).replace(tzinfo=None)),
        (BEFORE.isoformat(), AFTER.astimezone(EAST).isoformat()),
        (BEFORE.isoformat(), str(AFTER)),
        (BEFORE.isoformat(), AFTER.isoformat(timespec="milliseconds")),
        (BEFORE.timestamp(), int(AFTER.timestamp())),
        (int(BEFORE.timestamp()), int(AFTER.timestamp() * 1_000)),
        (BEFORE.timestamp(), str(AFTER.timestamp())),
        (BEFORE, AFTER.isoformat()),
        ([BEFORE, 1], [AFTER, 2]),
        (f"{BEFORE} a", f"{AFTER} b"),
    ],
)
def test_another_zone_or_form_is_another_value(recorded: Any, replayed: Any) -> None:
    assert not is_same(recorded, replayed)


@pytest.mark.parametrize(
    "value",
    [
        "2026-13-45T99:99:99",
        "Sat, 99 Jan 2026 10:00:00 GMT",
        1e300,
        -1,
        float("nan"),
        10**25,
        b"\xff\xfe",
        "abc1769853600503def",
        {BEFORE.isoformat(): 1, AFTER.isoformat(): 2},
    ],
)
def test_what_is_no_moment_stays_what_it_is(value: Any) -> None:
    assert WINDOWS.recorded_form(encode_key(value)) == encode_key(value)


@given(st.integers(10**8, 10**19), st.integers(1, 10**6))
def test_numbers_far_from_the_run_count(number: int, more: int) -> None:
    far = 401 * 86_400
    of_second = number
    while of_second >= 10**11:
        of_second //= 1_000
    if all(abs(of_second - run // SECOND) > far for run in (BEGAN, REPLAYED)):
        assert not is_same(number, number + more)


def test_a_run_of_hours_makes_no_other_moment_now() -> None:
    hours = Window(BEGAN, BEGAN + 2 * 3_600 * SECOND)
    windows = Windows(hours, hours, WINDOWS.real)

    def same(recorded: datetime, replayed: datetime) -> bool:
        return windows.same(encode_key(recorded), encode_key(replayed))

    assert same(BEFORE, AFTER + timedelta(minutes=90))
    assert not same(BEFORE + timedelta(hours=5), AFTER + timedelta(hours=5))


def test_whole_seconds_from_now_are_told_of_a_short_run_alone() -> None:
    second = Window(BEGAN, BEGAN + SECOND)
    later = (BEFORE + timedelta(seconds=45), AFTER + timedelta(seconds=45))
    assert is_same(*later)
    assert not Windows(second, second, second).same(*map(encode_key, later))
    assert not is_same(later[0], later[1] + timedelta(seconds=1))
    assert not is_same(*(each + timedelta(hours=2, seconds=1) for each in later))


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.7, 1.5, -0.2])
def test_fractions_of_a_second_from_now_are_told_of_a_very_short_run_alone(fraction: float) -> None:
    offset = timedelta(seconds=fraction)
    recorded, replayed = encode_key(BEFORE + offset), encode_key(AFTER + offset)
    assert is_same(BEFORE + offset, AFTER + offset)
    for changed in (0.05, -0.07, 0.1, 0.25, 0.5, 1):
        assert not is_same(BEFORE + offset, AFTER + offset + timedelta(seconds=changed))
    longer = Window(BEGAN, BEGAN + SECOND // 4)
    if abs(fraction) > 0.25:
        assert not Windows(longer, longer, longer).same(recorded, replayed)


def test_whole_seconds_tell_no_fraction() -> None:
    for write in (FORMS["whole seconds"], FORMS["http"]):
        far = BEFORE + timedelta(seconds=30.5)
        assert WINDOWS.recorded_form(encode_key(write(far))) == encode_key(write(far))


def test_the_time_of_a_run_is_read_from_its_metadata() -> None:
    assert recorded_window(BEGAN, 2.0, "2026-01-31 10:00:02.0") == Window(
        BEGAN - SECOND // 2, BEGAN + 2 * SECOND
    )
    assert recorded_window(BEGAN, 2.0, None) == Window(BEGAN, BEGAN + 2 * SECOND)


@pytest.mark.parametrize("duration", [None, "long", float("nan"), -3.0, 1e300])
@pytest.mark.parametrize("recorded_at", [None, 5, "once upon a time"])
def test_odd_metadata_gives_the_start(duration: Any, recorded_at: Any) -> None:
    assert recorded_window(BEGAN, duration, recorded_at) == Window(BEGAN, BEGAN)

"""The rule `clock` in replays and comparisons: it is listed and counted, and hides nothing else."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from playback_core import InMemoryTapeCassette, Playback, TapeRecorder
from playback_core import clock as clock_module
from playback_core.studio import (
    EqualityStatus,
    Equalizer,
    compare_outputs,
)
from playback_core.studio.comparison import Comparison
from playback_core.studio.summary import Comparisons

ALIKE = timedelta(0)


class Clockwork:
    """An operation that tells the time in many places; `off` is how wrong the changed code is."""

    def __init__(self) -> None:
        self.cassette = InMemoryTapeCassette()
        self.recorder = recorder = TapeRecorder(self.cassette)
        self.off = ALIKE
        self.zone: timezone | None = None
        self.body: Callable[[Clockwork], Any] = lambda clockwork: None
        self.rows = recorder.intercept_input("rows")(lambda since: ["row"])
        self.save = recorder.intercept_output("save")(lambda **row: None)
        self.mail = recorder.intercept_output("mail")(lambda **row: None)
        self.execute = recorder.operation(category="clockwork")(lambda: self.body(self))

    def now(self) -> datetime:
        moment = datetime.now(UTC) + self.off
        return moment if self.zone is None else moment.astimezone(self.zone)

    def record(self, body: Callable[["Clockwork"], Any]) -> None:
        self.body = body
        with self.recorder.enabled_recording():
            self.execute()

    def play(self, recording_id: str) -> Playback:
        return self.recorder.play(recording_id, lambda recording: self.execute())

    def compare(self) -> Comparison:
        ids = [self.cassette.get_last_recording_id() or ""]
        (found,) = Equalizer(iter(ids), self.play, list, compare_outputs).run_comparison()
        return found


@pytest.fixture
def clockwork() -> Any:
    yield Clockwork()
    clock_module.uninstall()


def waiting(clockwork: Clockwork) -> datetime:
    # So that the virtual clock, which does not know of it, is behind.
    deadline = time.perf_counter_ns() + 3_000_000
    while time.perf_counter_ns() < deadline:
        pass
    return clockwork.now()


BODIES: dict[str, Callable[[Clockwork], Any]] = {
    "result": lambda clockwork: {"created_at": waiting(clockwork)},
    "text": lambda clockwork: f"<p>made {waiting(clockwork)}</p>\n<p>two</p>",
    "output": lambda clockwork: clockwork.save(name="tea", created_at=waiting(clockwork)),
    "key": lambda clockwork: clockwork.rows(waiting(clockwork)),
    "expiry": lambda clockwork: [(waiting(clockwork) + timedelta(days=14)).isoformat()],
    "member": lambda clockwork: {waiting(clockwork)},
}


@pytest.mark.parametrize("place", BODIES)
def test_now_is_equal_and_listed(clockwork: Clockwork, place: str) -> None:
    clockwork.record(BODIES[place])
    clockwork.off = timedelta(microseconds=-700)
    found = clockwork.compare()

    assert found.comparator_status.equality_status is EqualityStatus.Equal
    assert "clock: 1 (" in (found.comparator_status.message or "")


@pytest.mark.parametrize("place", BODIES)
@pytest.mark.parametrize(
    ("off", "zone"),
    [
        (timedelta(days=1), None),
        (timedelta(days=-1), None),
        (timedelta(hours=1), None),
        (timedelta(minutes=-1), None),
        (ALIKE, timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_a_wrong_date_hour_or_zone_shows(
    clockwork: Clockwork, place: str, off: timedelta, zone: timezone | None
) -> None:
    clockwork.record(BODIES[place])
    clockwork.off, clockwork.zone = off, zone

    assert clockwork.compare().comparator_status.equality_status is not EqualityStatus.Equal


def test_outputs_that_change_places_are_seen_to_though_their_moments_differ(
    clockwork: Clockwork,
) -> None:
    is_changed = False

    def both(clockwork: Clockwork) -> None:
        first, second = clockwork.save, clockwork.mail
        if is_changed:
            first, second = second, first
        first(at=waiting(clockwork))
        second(at=waiting(clockwork))

    clockwork.record(both)
    assert clockwork.compare().comparator_status.equality_status is EqualityStatus.Equal
    is_changed = True
    status = clockwork.compare().comparator_status
    assert status.equality_status is EqualityStatus.Different
    assert "moved" in (status.message or "")


def test_a_key_of_now_gets_the_answer_of_its_own_call(clockwork: Clockwork) -> None:
    answers = iter("ab")
    clockwork.rows = clockwork.recorder.intercept_input("rows")(lambda since: next(answers))

    def ask(clockwork: Clockwork) -> list[str]:
        day_ago = clockwork.rows(waiting(clockwork) - timedelta(days=1))
        return [day_ago, clockwork.rows(waiting(clockwork))]

    clockwork.record(ask)
    playback = clockwork.play(clockwork.cassette.get_last_recording_id() or "")
    assert playback.playback_outputs[-1].value["args"] == [["a", "b"]]
    assert [each.how for each in playback.moved] == ["clock", "clock"]
    assert playback.missed == []


def test_without_a_virtual_clock_no_moment_is_taken_as_now() -> None:
    clockwork = Clockwork()
    recorder = TapeRecorder(clockwork.cassette, clock=False)
    clockwork.recorder = recorder
    clockwork.execute = recorder.operation(category="clockwork")(lambda: datetime.now(UTC))
    clockwork.record(BODIES["result"])
    assert clockwork.compare().comparator_status.equality_status is EqualityStatus.Different


def test_a_report_counts_what_the_rule_took_out(clockwork: Clockwork) -> None:
    clockwork.record(lambda clockwork: [waiting(clockwork), 1, waiting(clockwork)])
    comparisons = Comparisons({"clockwork": iter([clockwork.compare()])}, total=1)
    (row,) = comparisons
    assert row.status is EqualityStatus.Equal
    counted = "1 compared: 1 Equal; taken as now by the rule clock: 2"
    assert comparisons.counted().startswith(counted)


def test_made_up_random_numbers_are_listed(clockwork: Clockwork) -> None:
    more = 0

    def draw(clockwork: Clockwork) -> str:
        return min(secrets.token_hex(4) for _ in range(1 + more))[:0]

    clockwork.record(draw)
    more = 2
    status = clockwork.compare().comparator_status
    assert status.equality_status is EqualityStatus.Equal
    assert "random numbers made up: 1 (urandom)" in (status.message or "")

"""The share of operations there is CPU for, and the thread that tells it."""

import gc
import threading
import time
from collections.abc import Callable, Sequence
from weakref import ref

from hypothesis import given
from hypothesis import strategies as st

from playback_core import TapeRecorder, pressure
from playback_core.pressure import LATE_SECONDS, LEAST_SHARE, Pressure, start_probe
from playback_core.session import current

lateness = st.floats(-1, 10, allow_nan=False)


def after(wakeups: Sequence[float]) -> Pressure:
    pressed = Pressure()
    for each in wakeups:
        pressed.take(each)
    return pressed


@given(st.lists(lateness, max_size=600))
def test_the_share_stays_between_a_hundredth_and_all(wakeups: list[float]) -> None:
    pressed = Pressure()
    for each in wakeups:
        pressed.take(each)
        assert LEAST_SHARE <= pressed.share <= 1


@given(st.lists(lateness, max_size=600))
def test_whatever_was_everything_is_recorded_again_after_ten_seconds_of_calm(
    wakeups: list[float],
) -> None:
    pressed = after(wakeups)
    for _ in range(int(11 / pressure.PERIOD_SECONDS)):
        pressed.take(0)
    assert pressed.share == 1


def test_the_share_is_halved_every_half_second_in_which_wake_ups_are_late() -> None:
    pressed = Pressure()
    shares = []
    for _ in range(200):
        if pressed.take(LATE_SECONDS):
            shares.append(pressed.share)
    assert shares[:6] == [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]
    assert set(shares[6:]) == {LEAST_SHARE}


def test_a_share_between_calm_and_pressed_stays() -> None:
    pressed = after([1.0] * 60)
    assert pressed.share == 0.25
    for _ in range(20):
        for each in (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0):
            pressed.take(each)
    # The window was full of late wake-ups when the first of these were decided on.
    assert pressed.share == 0.125


def test_a_single_stall_is_no_pressure() -> None:
    assert after([0.0] * 100 + [30.0] + [0.0] * 100).share == 1


class Taking:
    def __init__(self, enough: int) -> None:
        self.taken: list[tuple[float, object, bool]] = []
        self.is_enough = threading.Event()
        self._enough = enough

    def take(self, late: float) -> bool:
        self.taken.append((late, current(), threading.current_thread().daemon))
        if len(self.taken) < self._enough:
            return True
        self.is_enough.set()
        return False


def probes() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "playback-probe"]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_probe_measures_outside_of_any_operation_until_it_is_told_enough(
    recorder: TapeRecorder,
) -> None:
    taking = Taking(3)
    with recorder.start_recording("first", {}):
        start_probe(taking.take)
    assert taking.is_enough.wait(20)
    assert len(taking.taken) == 3
    for late, branch, is_daemon in taking.taken:
        assert late > -0.001
        assert branch is None
        assert is_daemon
    until(lambda: not probes())


def test_the_probe_ends_with_what_it_measures_for() -> None:
    taking = Taking(1_000_000)
    start_probe(taking.take)
    gone = ref(taking)
    del taking
    until(lambda: gc.collect() >= 0 and gone() is None and not probes())

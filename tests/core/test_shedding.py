"""Operations that are left out while the process is short of CPU."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playback_core import InMemoryTapeCassette, SettingsError, TapeRecorder, pressure
from playback_core import shedding as shedding_module
from playback_core.session import current
from tests.probe import ProbeByHand
from tests.servers import inherited_environment

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shedding(recorder: TapeRecorder, probe: ProbeByHand) -> TapeRecorder:
    """A recorder in a process that is short of CPU."""
    recorder.when_busy = "shed"
    with recorder.start_recording("first", {}):
        pass
    probe.press()
    return recorder


@contextmanager
def switching_after(seconds: float) -> Iterator[None]:
    """Let a thread that computes keep the interpreter for so long from others who want it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_everything_is_recorded_unless_it_is_said(
    recorder: TapeRecorder, probe: ProbeByHand
) -> None:
    with recorder.start_recording("block", {}):
        pass
    assert recorder.when_busy == "record"
    assert probe.started == 0


def test_a_wrong_choice_is_refused_with_the_choices(recorder: TapeRecorder) -> None:
    with pytest.raises(SettingsError, match=r"when_busy is 'drop'; .*'record' or 'shed'"):
        recorder.when_busy = "drop"


def test_with_cpu_to_spare_everything_is_recorded(
    recorder: TapeRecorder, probe: ProbeByHand
) -> None:
    recorder.when_busy = "shed"
    for _ in range(100):
        with recorder.start_recording("block", {}):
            probe.wake_up(10, late=False)
    assert recorder.counters == {"recorded": 100}
    assert (probe.started, probe.running) == (1, 1)


def test_a_shed_operation_runs_with_nothing_of_it_recorded(
    shedding: TapeRecorder, cassette: InMemoryTapeCassette
) -> None:
    read = shedding.intercept_input("read")(lambda: [1])
    send = shedding.intercept_output("send")(lambda sent: sent)

    @shedding.operation()
    def inner() -> int:
        return send(read()[0]) + 1

    @shedding.operation(separate=True)
    def separate() -> int:
        return inner() + 1

    seen: list[tuple[bool, str | None, bool]] = []

    @shedding.operation()
    def execute() -> int:
        shedding.force_sample_recording()
        shedding.record_data("key", 1)
        shedding.discard_recording()
        state = (shedding.in_recording_mode, shedding.current_recording_id)
        seen.append((*state, shedding.is_recording_sample_forced))
        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()
        return separate() + 1

    assert execute() == 4
    assert seen == [(False, None, False)]
    assert list(cassette.iter_categories()) == ["first"]
    assert shedding.counters == {"recorded": 1, "shed": 1}
    assert current() is None


def test_an_exception_leaves_it_and_the_next_one_is_decided_anew(shedding: TapeRecorder) -> None:
    @shedding.operation()
    def fail() -> None:
        raise KeyError("own")

    for _ in range(2):
        with pytest.raises(KeyError, match="own"):
            fail()
        assert current() is None
    assert shedding.counters == {"recorded": 1, "shed": 2}


def test_coroutines_and_generators_are_shed_to_their_end(shedding: TapeRecorder) -> None:
    read = shedding.intercept_input("read")(lambda number: number)

    @shedding.operation()
    def numbers() -> Iterator[int]:
        for number in range(3):
            yield read(number)

    @shedding.operation()
    async def later() -> int:
        first, second = await asyncio.gather(*(asyncio.to_thread(read, each) for each in (1, 2)))
        return int(first + second)

    assert list(numbers()) == [0, 1, 2]
    assert asyncio.run(later()) == 3
    assert shedding.counters == {"recorded": 1, "shed": 2}


def test_what_outlives_a_shed_operation_begins_operations_of_its_own(
    shedding: TapeRecorder,
) -> None:
    is_over = threading.Event()

    @shedding.operation()
    def late() -> None:
        """Do nothing."""

    def outlive() -> None:
        is_over.wait(20)
        late()

    with shedding.start_recording("block", {}):
        thread = threading.Thread(target=outlive)
        thread.start()
    is_over.set()
    thread.join()
    assert shedding.counters == {"recorded": 1, "shed": 2}


def test_what_is_within_a_recorded_operation_is_never_shed(
    recorder: TapeRecorder, probe: ProbeByHand, cassette: InMemoryTapeCassette
) -> None:
    recorder.when_busy = "shed"
    span = recorder.operation(category="span")(lambda: 1)
    separate = recorder.operation(category="separate", separate=True)(lambda: 2)

    @recorder.operation(category="outer")
    def outer() -> int:
        probe.press()
        return span() + separate()

    assert outer() == 3
    assert recorder.counters == {"recorded": 2}
    (outer_id,) = cassette.iter_recording_ids("outer")
    assert any("span" in key for key in cassette.get_recording(outer_id).get_all_keys())


def test_a_replay_is_never_shed(
    shedding: TapeRecorder, probe: ProbeByHand, cassette: InMemoryTapeCassette
) -> None:
    read = shedding.intercept_input("read")(iter([1, 2]).__next__)
    execute = shedding.operation(category="replayed")(lambda: read())
    probe.wake_up(2_000, late=False)
    execute()
    probe.press()
    (recording_id,) = cassette.iter_recording_ids("replayed")
    started = probe.started
    for _ in range(20):
        playback = shedding.play(recording_id, lambda _: execute())
        assert playback.playback_outputs == playback.recorded_outputs
    assert probe.started == started
    assert "shed" not in shedding.counters


def test_operations_of_many_threads_are_recorded_or_counted(
    recorder: TapeRecorder, probe: ProbeByHand
) -> None:
    recorder.when_busy = "shed"
    execute = recorder.operation(category="counted")(lambda: None)

    def work() -> None:
        for _ in range(250):
            execute()

    execute()
    probe.wake_up(60, late=True)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counters = recorder.counters
    assert counters["recorded"] + counters["shed"] == 2_001
    # A quarter of 2,000: the seed is that of the recorder, the order of the threads is not.
    assert 400 < counters["recorded"] < 600
    assert probe.started == 1


def test_the_log_says_once_that_shedding_begins_and_once_that_it_has_ended(
    recorder: TapeRecorder, probe: ProbeByHand, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.when_busy = "shed"
    execute = recorder.operation(category="told")(lambda: None)
    with caplog.at_level(logging.WARNING, "playback"):
        execute()
        probe.press()
        for _ in range(7):
            execute()
        # Pressure that comes back at once is the same one.
        for is_late in (False, False, True, False):
            probe.wake_up(300, late=is_late)
            execute()
        (begun,) = lines(caplog)
        for _ in range(100):
            execute()
            probe.wake_up(30, late=False)
    shed = recorder.counters["shed"]
    assert "short of CPU: of its last wake-ups 100% were 1 ms late or more" in begun
    assert "50% of the operations are recorded" in begun
    _, ended = lines(caplog)
    assert "CPU to spare again" in ended
    assert f" {shed} were shed" in ended
    assert shed >= 7
    execute()
    assert recorder.counters["shed"] == shed


PROCESS = """
from playback_core import InMemoryTapeCassette, TapeRecorder
from tests.probe import ProbeByHand

recorder = TapeRecorder(InMemoryTapeCassette())
recorder.when_busy = "shed"
recorder.enable_recording()
execute = recorder.operation(category="told")(lambda: None)
probe = ProbeByHand().put()
execute()
probe.press()
for _ in range(3):
    execute()
"""


def test_the_log_says_how_many_were_shed_where_the_process_ends_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS],
        env=inherited_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    begun, ended = done.stderr.splitlines()
    assert "short of CPU" in begun
    assert ended == (
        "This process ends. While the process was short of CPU, 3 were shed (WHEN_BUSY)."
    )


def test_the_probe_ends_where_no_operation_begins_and_the_next_one_starts_it_again(
    shedding: TapeRecorder, probe: ProbeByHand, caplog: pytest.LogCaptureFixture
) -> None:
    shedding.disable_recording()
    with caplog.at_level(logging.WARNING, "playback"):
        probe.wake_up(1_000, late=True)
    assert probe.running == 0
    (line,) = lines(caplog)
    assert "No operation has begun for ten seconds: every operation is recorded" in line
    assert " 0 were shed" in line
    shedding.enable_recording()
    with shedding.start_recording("again", {}):
        pass
    assert (probe.started, probe.running) == (2, 1)
    assert shedding.counters == {"recorded": 2}


def test_a_forked_child_counts_its_own_and_measures_anew(
    shedding: TapeRecorder, probe: ProbeByHand
) -> None:
    execute = shedding.operation(category="forked")(lambda: None)
    execute()
    assert shedding.counters == {"recorded": 1, "shed": 1}
    child = os.fork()
    if child == 0:
        status = 9
        try:
            probe.forget()
            execute()
            is_recorded = shedding.counters == {"recorded": 1}
            probe.press()
            execute()
            is_shed = shedding.counters == {"recorded": 1, "shed": 1}
            status = 10 * is_recorded + is_shed + 100 * (probe.started == 2)
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 111
    assert shedding.counters == {"recorded": 1, "shed": 1}


def test_where_no_thread_can_be_started_everything_is_recorded_and_that_is_said_once(
    recorder: TapeRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    recorder.when_busy = "shed"
    execute = recorder.operation(category="refused")(lambda: None)
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "playback"):
        patched.setattr(threading.Thread, "start", refuse)
        execute()
        execute()
    assert recorder.counters == {"recorded": 2}
    (line,) = lines(caplog)
    assert "WHEN_BUSY" in line
    assert "can't start new thread; every operation is recorded" in line


def test_threads_that_keep_the_interpreter_have_operations_shed_until_they_end(
    recorder: TapeRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # The real probe, which wakes up more often than it does: the test is to be quick.
    monkeypatch.setattr(pressure, "PERIOD_SECONDS", 0.001)
    monkeypatch.setattr(shedding_module, "_OVER_AFTER", 1)
    recorder.when_busy = "shed"
    execute = recorder.operation(category="busy")(lambda: None)
    begun = 0

    def until(is_so: Callable[[], bool]) -> None:
        nonlocal begun
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline
            execute()
            begun += 1
            time.sleep(0.0001)

    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1_000))

    threads = [threading.Thread(target=compute) for _ in range(2)]
    with switching_after(0.002), caplog.at_level(logging.WARNING, "playback"):
        for thread in threads:
            thread.start()
        until(lambda: recorder.counters.get("shed", 0) >= 1)
        stop.set()
        for thread in threads:
            thread.join()
        # The machine may be busy with other things than this process.
        monkeypatch.setattr(pressure, "LATE_SECONDS", 3600)
        until(lambda: any("CPU to spare again" in line for line in lines(caplog)))
    counters = recorder.counters
    assert counters["recorded"] + counters["shed"] == begun
    begun_line, ended_line = lines(caplog)
    assert "short of CPU" in begun_line
    assert f" {counters['shed']} were shed" in ended_line

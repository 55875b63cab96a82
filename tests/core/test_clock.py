"""The clock and random numbers: recorded as they are, given again, and virtual beyond that."""

import asyncio
import copy
import datetime as datetime_module
import gc
import hashlib
import inspect
import os
import pickle
import random
import secrets
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from time import time as time_by_name
from time import time_ns as real_time_ns
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playback_core import (
    DamagedRecordingError,
    InMemoryTapeCassette,
    Playback,
    Recording,
    SettingsError,
    TapeRecorder,
)
from playback_core import clock as clock_module
from playback_core.codec.redaction import Redactor
from playback_core.metadata import CLOCK_READS, RANDOM_READS
from playback_core.reads import RecordedReads

Replay = Callable[[Callable[[], Any]], Playback]

DAY = 86_400


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that moves the date of this process, below what the recorder wraps."""

    def move(days: float) -> None:
        clock_module.uninstall()
        real, real_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: real() + days * DAY)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(days * DAY * 10**9))

    return move


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    clock_module.uninstall()


def result_of(playback: Playback) -> Any:
    return playback.playback_outputs[-1].value["args"][0]


def utcnow() -> datetime:
    with warnings.catch_warnings():
        # Python warns of it from 3.12 on; applications call it all the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        return datetime.utcnow()


READS = {
    "time.time": lambda: time.time(),
    "time.time_ns": lambda: time.time_ns(),
    "time.perf_counter": lambda: time.perf_counter(),
    "time.perf_counter_ns": lambda: time.perf_counter_ns(),
    "date.today": lambda: date.today(),
    "datetime.today": lambda: datetime.today(),
    "uuid4": uuid.uuid4,
    "uuid1": lambda: uuid.uuid1(),
    "os.urandom": lambda: os.urandom(7),
    "secrets.token_hex": lambda: secrets.token_hex(5),
    "secrets.choice": lambda: secrets.choice(range(10**9)),
    "secrets.randbelow": lambda: secrets.randbelow(10**9),
    "SystemRandom.random": random.SystemRandom().random,
    "SystemRandom.shuffle": lambda: shuffled(random.SystemRandom().shuffle),
    "random.random": lambda: random.random(),
    "random.getrandbits": lambda: random.getrandbits(99),
    "random.randint": random.randint,
    "random.uniform": random.uniform,
    "random.choice": random.choice,
    "random.choices": random.choices,
    "random.sample": random.sample,
    "random.shuffle": lambda: shuffled(random.shuffle),
    "random.gauss": lambda mu, sigma: random.gauss(mu, sigma),
    "random.normalvariate": random.normalvariate,
    "random.betavariate": random.betavariate,
    "random.randbytes": random.randbytes,
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "random.randint": (1, 10**9),
    "random.uniform": (1, 2),
    "random.choice": (range(10**9),),
    "random.choices": (range(10**9),),
    "random.sample": (range(10**9), 3),
    "random.gauss": (0.0, 2.0),
    "random.normalvariate": (0.0, 2.0),
    "random.betavariate": (1.0, 2.0),
    "random.randbytes": (9,),
}


def shuffled(shuffle: Callable[[list[int]], None]) -> list[int]:
    cards = list(range(52))
    shuffle(cards)
    return cards


@pytest.mark.parametrize("read", READS)
def test_what_is_read_is_read_again(
    recorder: TapeRecorder, replay: Replay, days_later: Callable[[float], None], read: str
) -> None:
    @recorder.operation()
    def execute() -> list[Any]:
        return [READS[read](*ARGUMENTS.get(read, ())) for _ in range(5)]

    recorded = execute()
    days_later(90)
    playback = replay(execute)

    assert result_of(playback) == recorded
    assert playback.made_up == {}


def test_a_read_takes_nothing_from_a_read_of_another_sort(
    recorder: TapeRecorder, replay: Replay
) -> None:
    is_changed = False

    @recorder.operation()
    def execute() -> tuple[Any, ...]:
        if is_changed:
            secrets.token_bytes(3)
            random.getrandbits(3)
            time.time_ns()
        return uuid.uuid4(), random.getrandbits(64), time.time()

    recorded = execute()
    is_changed = True
    playback = replay(execute)

    assert result_of(playback) == recorded
    assert playback.made_up == {"urandom": 1, "getrandbits": 1}


def test_half_of_a_pair_that_an_earlier_call_left_makes_no_difference(
    recorder: TapeRecorder, replay: Replay
) -> None:
    @recorder.operation()
    def execute() -> list[float]:
        return [random.gauss(), random.random(), random.gauss(1, 2), random.random()]

    random.gauss()
    recorded = execute()
    random.seed(4)
    assert result_of(replay(execute)) == recorded


def test_random_numbers_beyond_the_recording_are_the_same_in_each_replay(
    recorder: TapeRecorder, replay: Replay
) -> None:
    numbers = 0

    @recorder.operation()
    def execute() -> list[Any]:
        more = [(random.random(), uuid.uuid4(), random.gauss(0, 1)) for _ in range(numbers)]
        return [*more, *(uuid.uuid1() for _ in range(numbers))]

    execute()
    numbers = 3
    first, second = replay(execute), replay(execute)

    assert result_of(first) == result_of(second)
    assert len(set(map(str, result_of(first)))) == 6
    assert all(each.version == 1 for each in result_of(first)[3:])
    assert first.made_up == {"random": 3, "urandom": 3, "gauss": 3, "uuid1": 3}


def test_random_bytes_are_sealed_under_a_key_that_lasts(
    recorder: TapeRecorder, replay: Replay, last_recording: Callable[[], Recording]
) -> None:
    @recorder.operation()
    def execute() -> list[Any]:
        return [random.random(), hashlib.sha256(secrets.token_bytes(21)).hexdigest()]

    recorder.redaction = Redactor(key=b"key")
    recorded = execute()
    (reads,) = [each for each in last_recording().entries if each.alias == RANDOM_READS]
    stored = reads.decoded_result()

    assert stored.keys() == {"random()", "sealed"}
    assert len(stored["sealed"][0]) > 21
    assert result_of(replay(execute)) == recorded


@pytest.mark.parametrize(
    "redaction", [None, Redactor(key=b"another"), Redactor(key=b"key", lasting=False)]
)
def test_what_another_key_seals_is_made_up_and_listed(
    recorder: TapeRecorder, replay: Replay, redaction: Redactor | None
) -> None:
    @recorder.operation()
    def execute() -> list[Any]:
        return [random.random(), hashlib.sha256(os.urandom(16)).hexdigest()]

    recorder.redaction = Redactor(key=b"key")
    recorded = execute()
    recorder.redaction = redaction
    playback = replay(execute)

    assert result_of(playback)[0] == recorded[0]
    assert result_of(playback)[1] != recorded[1]
    assert playback.made_up == {"urandom (sealed under another REDACT_KEY)": 1}


def test_random_bytes_that_look_like_a_secret_are_the_same_in_a_replay(
    recorder: TapeRecorder, replay: Replay
) -> None:
    @recorder.operation()
    def execute() -> int:
        return sum(os.urandom(64))

    recorder.redaction = Redactor(key=b"key", patterns=["/[A-Z]/"], lasting=False)
    recorded = execute()

    assert result_of(replay(execute)) == recorded


def test_the_date_of_a_replay_is_that_of_the_recording(
    recorder: TapeRecorder, replay: Replay, days_later: Callable[[float], None]
) -> None:
    @recorder.operation()
    def execute() -> list[Any]:
        return []

    @recorder.operation()
    def tell() -> list[datetime]:
        return [
            datetime.now(UTC),
            datetime.now().astimezone(),
            datetime_module.datetime.now(tz=UTC),
            utcnow().replace(tzinfo=UTC),
            datetime.today().astimezone(),
            datetime.fromtimestamp(time.time(), UTC),
            datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC),
            datetime.fromtimestamp(time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9, UTC),
            datetime.fromtimestamp(time_by_name(), UTC),
            datetime(*time.gmtime()[:6], tzinfo=UTC),
            datetime(*time.localtime()[:6]).astimezone(),
            datetime.strptime(time.ctime(), "%c").astimezone(),
            datetime.strptime(time.asctime(), "%c").astimezone(),
            datetime.strptime(time.strftime("%c"), "%c").astimezone(),
        ]

    execute()
    days_later(90)
    told = result_of(replay(tell))

    real = datetime.now(UTC)
    assert all(abs(each - real) < timedelta(minutes=5) for each in told)
    assert datetime.fromtimestamp(time.time(), UTC) - real > timedelta(days=89)


def test_a_replay_of_an_old_recording_runs_at_its_date(cassette: InMemoryTapeCassette) -> None:
    recorder = TapeRecorder(cassette)
    recorder.enable_recording()
    born = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)

    @recorder.operation()
    def execute() -> datetime:
        return datetime.now(UTC)

    execute()
    made = cassette.get_recording(cassette.get_last_recording_id() or "")
    entries = [entry for entry in made.entries if entry.alias != CLOCK_READS]
    old = Recording(
        made.id,
        started_at=int(born.timestamp()) * 10**9,
        entries=entries,
        metadata=made.get_metadata(),
    )
    cassette.save_recording(old)

    now = result_of(recorder.play(made.id, lambda recording: execute()))
    assert timedelta(0) < now - born < timedelta(seconds=1)


def test_moments_are_what_they_always_are_while_the_clock_is_virtual(
    recorder: TapeRecorder, replay: Replay
) -> None:
    class Moment(datetime):
        pass

    @recorder.operation()
    def execute() -> list[Any]:
        here, there = datetime.now(), Moment.now()
        return [type(here) is datetime, type(there) is Moment, datetime.now() - here, there]

    kept = datetime.now
    assert execute()[:2] == [True, True]
    assert result_of(replay(execute))[:2] == [True, True]
    assert datetime_module.datetime is datetime
    assert isinstance(kept(), datetime)
    with pytest.raises(TypeError):
        datetime.now("no zone")  # type: ignore[arg-type]


def test_the_clock_goes_on_with_each_read_and_with_what_was_recorded(
    recorder: TapeRecorder, replay: Replay
) -> None:
    @recorder.intercept_input("slow")
    def slow() -> None:
        time.sleep(0.05)

    @recorder.operation()
    def execute() -> list[datetime]:
        before = [datetime.now(UTC), datetime.now(UTC)]
        slow()
        return [*before, datetime.now(UTC)]

    execute()
    first, second, after = result_of(replay(execute))
    assert second - first == timedelta(microseconds=1)
    assert after - second >= timedelta(seconds=0.05)


def test_sleeping_takes_no_time_and_lets_time_go_by(recorder: TapeRecorder, replay: Replay) -> None:
    hours = 0

    @recorder.operation()
    def execute() -> list[float]:
        before = [datetime.now(UTC).timestamp(), time.monotonic(), time.monotonic_ns() / 1e9]
        time.sleep(hours * 3_600)
        after = [datetime.now(UTC).timestamp(), time.monotonic(), time.monotonic_ns() / 1e9]
        return [a - b for a, b in zip(after, before, strict=True)]

    execute()
    hours = 5
    assert result_of(replay(execute)) == pytest.approx([5 * 3_600] * 3, abs=1)


@pytest.mark.parametrize("duration", [-1, float("nan"), "long"])
def test_sleeping_refuses_what_it_always_refuses(
    recorder: TapeRecorder, replay: Replay, duration: Any
) -> None:
    @recorder.operation()
    def execute() -> bool:
        with pytest.raises((ValueError, TypeError)):
            time.sleep(duration)
        return True

    execute()
    assert result_of(replay(execute)) is True


def test_other_threads_timers_and_callers_have_the_real_clock(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette
) -> None:
    at_work, done = threading.Event(), threading.Event()
    told: list[datetime] = []

    def watch() -> None:
        at_work.wait(10)
        told.append(datetime.now(UTC))
        done.set()

    @recorder.operation()
    async def execute() -> str:
        time.sleep(1_000)  # noqa: ASYNC251 - it takes no time in a replay
        at_work.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, done.wait, 10)
        try:
            await asyncio.wait_for(asyncio.sleep(30), 0.01)
        except TimeoutError:
            return "timed out"
        return "slept"

    def recorded_sleep(seconds: float) -> None:
        """Stand for the sleep that the recorded code had no need of."""

    sleep, time.sleep = time.sleep, recorded_sleep
    try:
        asyncio.run(execute())
    finally:
        time.sleep = sleep
    at_work.clear()
    done.clear()
    watcher = threading.Thread(target=watch)
    watcher.start()

    async def play(recording: Recording) -> None:
        assert abs(datetime.now(UTC) - datetime.fromtimestamp(real_time_ns() / 1e9, UTC)) < (
            timedelta(seconds=60)
        )
        await execute()

    playback = recorder.play(cassette.get_last_recording_id() or "", play)
    watcher.join()
    assert result_of(playback) == "timed out"
    assert all(abs(each - datetime.now(UTC)) < timedelta(seconds=60) for each in told)


def test_waiting_in_a_task_is_real_and_lets_its_time_go_by(
    recorder: TapeRecorder, replay: Replay
) -> None:
    @recorder.operation()
    async def execute() -> tuple[list[int], bool]:
        order: list[int] = []

        async def work(number: int) -> None:
            await asyncio.sleep(number / 100)
            order.append(number)

        before = datetime.now(UTC)
        await asyncio.gather(work(2), work(1))
        await asyncio.sleep(0.02)
        return order, datetime.now(UTC) - before >= timedelta(seconds=0.02)

    assert asyncio.run(execute()) == ([1, 2], True)
    assert result_of(replay(lambda: asyncio.run(execute()))) == ([1, 2], True)


def test_a_call_that_runs_for_real_has_the_real_clock(
    recorder: TapeRecorder, replay: Replay
) -> None:
    is_changed = False

    @recorder.intercept_input("signed", run_intercepted_when_missing=True)
    def signed(what: str) -> datetime:
        return datetime.now(UTC)

    @recorder.operation()
    def execute() -> list[datetime]:
        time.sleep(is_changed * 10_000)
        return [signed("new") if is_changed else signed("old"), datetime.now(UTC)]

    execute()
    is_changed = True
    real, virtual = result_of(replay(execute))
    assert virtual - real > timedelta(seconds=9_000)


def test_nothing_is_kept_of_reads_within_an_interception(
    recorder: TapeRecorder, last_recording: Callable[[], Recording]
) -> None:
    @recorder.intercept_input("signed")
    def signed() -> str:
        return f"{time.time()}{uuid.uuid4()}"

    @recorder.operation()
    def execute() -> str:
        return signed()

    execute()
    assert not {CLOCK_READS, RANDOM_READS} & {entry.alias for entry in last_recording().entries}


def test_threads_and_tasks_read_what_they_read(recorder: TapeRecorder, replay: Replay) -> None:
    def work(number: int) -> list[Any]:
        return [(time.time_ns(), random.random(), uuid.uuid4()) for _ in range(20)]

    async def task(number: int) -> list[Any]:
        got = []
        for _ in range(5):
            await asyncio.sleep(0)
            got.append((time.time(), random.getrandbits(32)))
        return got

    async def tasks() -> list[Any]:
        return await asyncio.gather(*map(task, range(4)))

    @recorder.operation()
    def execute() -> list[Any]:
        with ThreadPoolExecutor(4) as pool:
            threads = list(pool.map(work, range(6)))
        return [*threads, *asyncio.run(tasks())]

    recorded = execute()
    playback = replay(execute)
    assert result_of(playback) == recorded
    assert playback.made_up == {}


@given(
    st.lists(st.lists(st.sampled_from(["time", "now", "draw"]), max_size=5), max_size=4),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_whatever_the_interleaving_each_branch_reads_the_same(
    branches: list[list[str]], order: random.Random
) -> None:
    cassette = InMemoryTapeCassette()
    recorder = TapeRecorder(cassette)
    read = {"time": time_of, "now": now, "draw": draw}

    async def branch(reads: list[str], delays: list[int]) -> list[Any]:
        got = []
        for name, delay in zip(reads, delays, strict=True):
            for _ in range(delay):
                await asyncio.sleep(0)
            got.append(read[name]())
        return got

    # Drawn before: whoever draws them reads the clock.
    runs = iter([[[order.randrange(4) for _ in reads] for reads in branches] for _ in range(3)])

    @recorder.operation()
    async def execute() -> list[Any]:
        return await asyncio.gather(*map(branch, branches, next(runs)))

    # Hypothesis reads the clock in the middle of it when garbage is collected.
    gc.disable()
    try:
        with recorder.enabled_recording():
            recorded = asyncio.run(execute())
        recording_id = cassette.get_last_recording_id() or ""
        results = [
            result_of(recorder.play(recording_id, lambda recording: asyncio.run(execute())))
            for _ in range(2)
        ]
    finally:
        gc.enable()
    assert results[0] == results[1]
    for reads, before, after in zip(branches, recorded, results[0], strict=True):
        kept = [index for index, name in enumerate(reads) if name != "now"]
        assert [after[index] for index in kept] == [before[index] for index in kept]


def time_of() -> float:
    return time.time()


def now() -> datetime:
    return datetime.now(UTC)


def draw() -> float:
    return random.random()


def test_a_million_reads_take_a_bounded_part_of_a_recording(
    recorder: TapeRecorder, replay: Replay, last_recording: Callable[[], Recording]
) -> None:
    @recorder.operation()
    def execute() -> list[float]:
        first = [time.time() for _ in range(1_000)]
        for _ in range(300_000):
            time.time()
        return first

    recorded = execute()
    assert result_of(replay(execute)) == recorded
    (kept,) = [entry for entry in last_recording().entries if entry.alias == CLOCK_READS]
    assert len(kept.result or b"") < 2 * 1024**2
    assert len(kept.decoded_result()["time"]) < 200_000


def test_a_thread_that_outlives_its_operation_adds_nothing(
    recorder: TapeRecorder, replay: Replay
) -> None:
    ended, read = threading.Event(), threading.Event()

    def outlive() -> None:
        ended.wait(10)
        time.time()
        read.set()

    @recorder.operation()
    def execute() -> float:
        threading.Thread(target=outlive).start()
        return time.time()

    recorded = execute()
    ended.set()
    assert read.wait(10)
    assert result_of(replay(execute)) == recorded


def test_damaged_reads_are_named_before_anything_runs(cassette: InMemoryTapeCassette) -> None:
    recorder = TapeRecorder(cassette)
    damaged = Recording.new("damaged")
    damaged.set_data(CLOCK_READS, {"time": "long ago"})
    cassette.save_recording(damaged)
    with pytest.raises(DamagedRecordingError, match=damaged.id):
        recorder.play(damaged.id, lambda recording: pytest.fail("it runs"))


def test_a_clock_can_be_left_alone(cassette: InMemoryTapeCassette) -> None:
    before = time.time, time.sleep, random.random, datetime.__dict__["now"]
    recorder = TapeRecorder(cassette, clock=False)

    @recorder.operation()
    def execute() -> float:
        return time.time()

    with recorder.enabled_recording():
        recorded = execute()
    playback = recorder.play(cassette.get_last_recording_id() or "", lambda _: execute())
    assert result_of(playback) > recorded
    assert before == (time.time, time.sleep, random.random, datetime.__dict__["now"])


def test_the_option_is_a_flag() -> None:
    with pytest.raises(SettingsError, match="clock is 'yes'"):
        TapeRecorder(clock="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize("virtual", [False, True])
def test_a_wrapped_builtin_is_no_method_where_a_class_has_it(
    recorder: TapeRecorder, virtual: bool
) -> None:
    if virtual:
        clock_module.install_virtual()

    class Timer:
        now, elapsed, wait = time.time, time.perf_counter, time.sleep
        noise, roll, bits = os.urandom, random.random, random.getrandbits

    timer = Timer()
    timer.wait(0)
    assert abs(timer.now() - time.time()) < 60
    assert timer.elapsed() <= time.perf_counter()
    assert len(timer.noise(3)) == 3
    assert 0 <= timer.roll() < 1
    assert timer.bits(4) < 16


def test_wrapped_functions_are_copied_and_pickled_as_they_always_are(
    recorder: TapeRecorder,
) -> None:
    for function in (time.time, time.perf_counter_ns, uuid.uuid1):
        assert copy.deepcopy(function) is function
        assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(os.urandom) is os.urandom
    assert len(pickle.loads(pickle.dumps(os.urandom))(3)) == 3
    assert 0 <= pickle.loads(pickle.dumps(random.random))() < 1
    assert time.time.__name__ == "time"
    assert inspect.isfunction(uuid.uuid1)


def test_branches_that_read_nothing_take_nothing() -> None:
    reads = RecordedReads()
    kept = type(reads.branch(()))
    before = sum(type(each) is kept for each in gc.get_objects())
    for ordinal in range(1_000):
        branch = reads.branch((ordinal,))
    gc.collect()
    assert sum(type(each) is kept for each in gc.get_objects()) <= before + 1
    del branch


def test_a_process_that_only_records_keeps_the_type_datetime_and_the_ways_to_wait() -> None:
    code = """
import asyncio, time
from datetime import datetime
kept = lambda: (datetime.__dict__["now"], datetime.__dict__["utcnow"], time.monotonic, time.sleep)
before = [*kept(), asyncio.sleep]
from playback_core import InMemoryTapeCassette, TapeRecorder
recorder = TapeRecorder(InMemoryTapeCassette())
with recorder.enabled_recording():
    recorder.operation(category="op")(datetime.now)()
assert [*kept(), asyncio.sleep] == before
recorder.play(recorder.tape_cassette.get_last_recording_id(), lambda recording: None)
assert not any(a is b for a, b in zip([*kept(), asyncio.sleep], before))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_installing_is_idempotent_and_uninstalling_mirrors_it(
    recorder: TapeRecorder, replay: Replay
) -> None:
    clock_module.uninstall()
    module = sys.modules[__name__]
    originals = (time.time, time.monotonic, asyncio.sleep, os.urandom, datetime.__dict__["now"])
    by_name = module.__dict__["time_by_name"]
    clock_module.install_virtual()
    clock_module.install_virtual()
    assert module.__dict__["time_by_name"] is not by_name
    assert time.time is not originals[0]
    assert time.time.__name__ == "time"

    clock_module.uninstall()
    now = (time.time, time.monotonic, asyncio.sleep, os.urandom, datetime.__dict__["now"])
    assert now == originals
    assert module.__dict__["time_by_name"] is by_name
    assert "random" not in vars(random._inst)  # type: ignore[attr-defined]


def test_what_somebody_else_has_wrapped_since_is_left_to_them(
    recorder: TapeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = time.time
    monkeypatch.setattr(time, "time", lambda: ours())
    theirs = time.time
    clock_module.uninstall()
    assert time.time is theirs
    assert time.time() > 0

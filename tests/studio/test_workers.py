"""Dedicated processes: verdicts as in process, and that the end of one costs one comparison."""

import contextlib
import ctypes
import faulthandler
import gc
import io
import multiprocessing
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    InMemoryTapeCassette,
    Opaque,
    Output,
    Playback,
    Recording,
    SandboxOptions,
    SettingsError,
    SQLiteTapeCassette,
    TapeRecorder,
)
from playback_core.codec import encode
from playback_core.commands import CompareOptions, compare_recordings
from playback_core.studio import (
    ComparatorResult,
    CompareExecutionConfig,
    Comparison,
    EqualityStatus,
    Equalizer,
    EqualizerTuner,
    EqualizerTuning,
    PlaybackStudio,
    compare_outputs,
)
from playback_core.studio.reports import JsonReport, PlainReport
from playback_core.studio.summary import Comparisons
from playback_core.studio.workers.pipe import write_frame
from tests.patience import PATIENCE
from tests.studio import importable_shop
from tests.studio.shop import Shop, everything, returned, same

ROOT = Path(__file__).resolve().parents[2]
FORK = ctypes.PyDLL(None).fork  # past what a replay refuses

Steps = dict[str, Any]


def seal_of_a_process() -> str:
    ask = "from playback_core import *; from playback_core.sandbox import *;"
    code = f"{ask} print(seal_process(SandboxOptions()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip()


def dedicated(**options: Any) -> CompareExecutionConfig:
    options = {"compare_process_start_method": "fork", **options}
    return CompareExecutionConfig(compare_in_dedicated_process=True, **options)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def recorded(shop: Shop, *names: str) -> list[str]:
    """Record orders and return their ids in that order."""
    return [(shop.record(name), shop.cassette.get_last_recording_id())[1] or "" for name in names]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    # One whose end its parent has not asked about runs no more, either.
    return status.rpartition(")")[2].split()[0] in ("Z", "X")


class TestVerdictsAreThoseOfComparingInProcess:
    @dataclass
    class Pear:
        size: int

    @staticmethod
    def unchanged(shop: Shop) -> Steps:
        return {}

    @staticmethod
    def changed(shop: Shop) -> Steps:
        shop.factor = 3
        return {"result_extractor": everything, "comparator": compare_outputs}

    @staticmethod
    def raised(shop: Shop) -> Steps:
        def fail() -> None:
            raise ValueError("sold out")

        shop.before_price = fail
        return {}

    @staticmethod
    def swallowed_miss(shop: Shop) -> Steps:
        def ask() -> None:
            with contextlib.suppress(Exception):
                shop.price("coffee")

        shop.before_price = ask
        return {}

    @staticmethod
    def raised_miss(shop: Shop) -> Steps:
        shop.before_price = lambda: shop.price("coffee")
        return {}

    @staticmethod
    def substituted_and_never_asked_for(shop: Shop) -> Steps:
        shop.before_price = lambda: shop.discount("tea")
        shop.mail = lambda text: None
        return {}

    @staticmethod
    def repeated(shop: Shop) -> Steps:
        shop.before_price = lambda: [shop.price("tea") for _ in range(3)]
        return {"comparator": lambda one, other: ComparatorResult(EqualityStatus.Equal, "ä\ud800")}

    @staticmethod
    def diff_of_its_own(shop: Shop) -> Steps:
        diff = {"pear": TestVerdictsAreThoseOfComparingInProcess.Pear(3), 1: {2.5, b"x"}}
        verdict = ComparatorResult(EqualityStatus.Different, None, diff)
        return {"comparator": lambda recorded, replayed, **data: verdict}

    @staticmethod
    def comparison_data(shop: Shop) -> Steps:
        def compare(recorded: Any, replayed: Any, category: str) -> ComparatorResult:
            return ComparatorResult(EqualityStatus.Fixed, category)

        return {"comparator": compare, "comparison_data_extractor": lambda r: {"category": "a"}}

    @staticmethod
    def failing_comparator(shop: Shop) -> Steps:
        return {"comparator": lambda recorded, replayed: 1 / 0}

    @staticmethod
    def comparator_without_verdict(shop: Shop) -> Steps:
        return {"comparator": lambda recorded, replayed: None}

    @staticmethod
    def failing_extractor(shop: Shop) -> Steps:
        return {"result_extractor": lambda outputs: next(iter(()))}

    @staticmethod
    def exits(shop: Shop) -> Steps:
        return {"player": lambda recording_id: sys.exit(3)}

    @staticmethod
    def no_playback(shop: Shop) -> Steps:
        return {"player": lambda recording_id: None}

    @staticmethod
    def playback_of_another_type(shop: Shop) -> Steps:
        output = Output("output: _tape_recorder_operation #1.output", {"args": [1], "kwargs": {}})
        own = SimpleNamespace(recorded_outputs=[output], playback_outputs=[output])
        return {"player": lambda recording_id: own}

    @staticmethod
    def nothing_verified(shop: Shop) -> Steps:
        empty = SimpleNamespace(recorded_outputs=[], playback_outputs=[])
        return {"player": lambda recording_id: empty}

    SCENARIOS = (
        unchanged,
        changed,
        raised,
        swallowed_miss,
        raised_miss,
        substituted_and_never_asked_for,
        repeated,
        diff_of_its_own,
        comparison_data,
        failing_comparator,
        comparator_without_verdict,
        failing_extractor,
        exits,
        no_playback,
        playback_of_another_type,
        nothing_verified,
    )

    @pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
    def test_reports_and_playbacks_are_the_same(
        self, shop: Shop, scenario: Callable[[Shop], Steps]
    ) -> None:
        shop.before_price = lambda: shop.stock("tea")
        ids: list[Any] = [*recorded(shop, "tea"), "order/20260101/none", None]
        shop.before_price = lambda: None
        steps = {"player": shop.play, "result_extractor": returned, "comparator": same}
        steps.update(scenario(shop))
        own, apart = (
            list(Equalizer(ids, **steps, compare_execution_config=config).run_comparison())
            for config in (
                CompareExecutionConfig(keep_results_in_comparison=True),
                dedicated(keep_results_in_comparison=True),
            )
        )
        assert [facts(one) for one in apart] == [facts(one) for one in own]
        assert reports(apart) == reports(own)

    def test_results_and_the_playback_stay_in_the_process_by_default(self, shop: Shop) -> None:
        ids = recorded(shop, "tea")
        (one,) = Equalizer(ids, shop.play, returned, same, None, dedicated()).run_comparison()
        assert str(one) == "Equal"
        assert (one.expected, one.actual, one.playback) == (None, None, None)


def facts(comparison: Comparison) -> list[Any]:
    playback = comparison.playback
    found = [
        comparison.recording_id,
        str(comparison),
        repr(comparison.comparator_status),
        repr(comparison.expected),
        repr(comparison.actual),
        comparison.expected_is_exception,
        comparison.actual_is_exception,
        repr(getattr(playback, "recorded_outputs", None)),
        repr(getattr(playback, "playback_outputs", None)),
    ]
    if isinstance(playback, Playback):
        entries = (playback.original_recording.entries, playback.consumed, playback.never_consumed)
        found += [
            playback.original_recording.id,
            playback.original_recording.get_metadata(),
            playback.recorded_duration,
            [[(e.kind, e.alias, e.branch, e.arguments, e.result) for e in of] for of in entries],
            [playback.missed, playback.substituted, playback.repeated, playback.moved],
            [playback.late, playback.outside],
        ]
    return found


def reports(comparisons: list[Comparison]) -> list[str]:
    texts = []
    for report in (JsonReport, PlainReport):
        out = io.StringIO()
        report(out).comparisons(Comparisons({"order": iter(comparisons)}, len(comparisons)))
        # How tight a replay is sealed is what differs.
        texts.append(out.getvalue().replace("full", "python"))
    return texts


def kills(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


MALFORMED = "sent what is no comparison"
NO_VERDICT = [encode("Equal"), encode([1, 1]), False, False, encode([None, None]), None]


def reads_address_zero() -> None:
    # pytest's, whose report of this would stand among the tests'.
    faulthandler.disable()
    ctypes.string_at(0)


def hangs() -> None:
    select.select([], [], [], 600)


def hangs_in_c_deaf_to_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Called so, it keeps the interpreter locked.
    ctypes.PyDLL(None).sleep(600)


def pipes() -> dict[int, int]:
    """Return the inode of the pipe behind each descriptor that is one."""
    found = {}
    for fd in range(3, 256):
        with contextlib.suppress(OSError):
            status = os.fstat(fd)
            if stat.S_ISFIFO(status.st_mode):
                found[fd] = status.st_ino
    return found


# Of the test run, which shall not have garbage in it.
PIPES_BEFORE = set(pipes().values())


def writes_to_every_pipe(write: Callable[[int], Any]) -> Callable[[], None]:
    def writes() -> None:
        for fd, inode in pipes().items():
            if inode not in PIPES_BEFORE:
                with contextlib.suppress(OSError):
                    write(fd)

    return writes


def closes_every_pipe_and_goes_on() -> None:
    for fd in pipes():
        os.close(fd)
    select.select([], [], [], 600)


def crashes_with_a_fork_left_behind() -> None:
    if FORK() == 0:
        select.select([], [], [], 600)
    os._exit(3)


def interrupts() -> None:
    raise KeyboardInterrupt


def compared(
    shop: Shop, does: Callable[[], Any], config: CompareExecutionConfig
) -> list[Comparison]:
    """Compare orders of tea, crash and milk; the replay of crash does something else first."""
    ids = recorded(shop, "tea", "crash", "milk")

    def play(recording_id: str) -> Playback:
        shop.before_price = does if recording_id == ids[1] else lambda: None
        return shop.play(recording_id)

    comparisons = list(Equalizer(ids, play, returned, same, None, config).run_comparison())
    assert [comparison.recording_id for comparison in comparisons] == ids
    assert [str(comparison) for comparison in comparisons[::2]] == ["Equal", "Equal"]
    return comparisons


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (lambda: os._exit(3), "ended with exit code 3, without a result"),
        (lambda: os._exit(0), "ended with exit code 0, without a result"),
        (reads_address_zero, "was ended by SIGSEGV"),
        (kills(signal.SIGKILL), "was killed by SIGKILL, as the system does where memory runs out"),
        (kills(signal.SIGRTMIN + 5), "was ended by signal"),
        (crashes_with_a_fork_left_behind, "ended with exit code 3, without a result"),
        (writes_to_every_pipe(lambda fd: os.write(fd, b"x" * 100)), MALFORMED),
        (writes_to_every_pipe(lambda fd: write_frame(fd, b"\xc1garbage")), MALFORMED),
        (writes_to_every_pipe(lambda fd: write_frame(fd, encode([b"no comparison"]))), MALFORMED),
        (writes_to_every_pipe(lambda fd: write_frame(fd, encode(NO_VERDICT))), MALFORMED),
        (closes_every_pipe_and_goes_on, "closed the pipe that results leave by"),
    ],
)
def test_a_crash_costs_one_comparison(shop: Shop, does: Callable[[], None], says: str) -> None:
    _, crashed, _ = compared(shop, does, dedicated())
    beginning = f"EqualizerFailure - Comparing recording {crashed.recording_id}: its process {says}"
    assert str(crashed).startswith(beginning)
    assert (crashed.playback, crashed.expected, crashed.actual) == (None, None, None)


# For the comparisons beside the one that hangs to be made in time on a busy machine.
ENOUGH_SECONDS = 3


def test_a_hang_costs_one_comparison_and_shows_where(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    _, hung, _ = compared(shop, hangs, dedicated(compare_process_timeout=ENOUGH_SECONDS))
    says = f"Comparing recording {hung.recording_id}: its process did not come to an end within 3 s"
    assert says in str(hung)
    assert "in hangs" in capfd.readouterr().err


def test_a_hang_in_c_costs_one_comparison_and_names_the_start_method_to_try_beside_threads(
    shop: Shop,
) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        config = dedicated(compare_process_timeout=ENOUGH_SECONDS)
        _, hung, _ = compared(shop, hangs_in_c_deaf_to_sigterm, config)
    finally:
        done.set()
        thread.join()
    assert "did not come to an end within 3 s" in str(hung)
    assert "compare_process_start_method='spawn'" in str(hung)


def test_an_interrupt_from_replayed_code_costs_one_comparison(shop: Shop) -> None:
    _, interrupted, _ = compared(shop, interrupts, dedicated())
    assert str(interrupted) == "EqualizerFailure - the replay failed: KeyboardInterrupt"


def test_what_cannot_be_stored_arrives_as_an_opaque(shop: Shop) -> None:
    class Local:
        def __reduce__(self) -> str:
            raise TypeError("not to be pickled")

    def extract(outputs: list[Output]) -> Any:
        return [Local(), threading.Lock(), (number for number in ()), lambda: 1]

    def compare(recorded: Any, replayed: Any) -> ComparatorResult:
        return ComparatorResult(EqualityStatus.Equal, "fine", diff=recorded)

    config = dedicated(keep_results_in_comparison=True)
    (found,) = Equalizer(
        recorded(shop, "tea"), shop.play, extract, compare, None, config
    ).run_comparison()
    assert str(found) == "Equal - fine"
    assert [type(value) for value in found.actual] == [Opaque] * 4
    assert "Local" in repr(found.comparator_status.diff[0])


def test_a_result_over_the_limits_costs_one_comparison(shop: Shop) -> None:
    ids = recorded(shop, "tea", "milk")

    def extract(outputs: list[Output]) -> Any:
        total = returned(outputs)
        return bytes(257 * 1024 * 1024) if total == 6 else total

    config = dedicated(keep_results_in_comparison=True)
    found = list(Equalizer(ids, shop.play, extract, same, None, config).run_comparison())
    assert "what comparing came to cannot be sent" in str(found[0])
    assert (str(found[1]), found[1].actual) == ("Equal", 8)


def test_a_large_result_arrives(shop: Shop) -> None:
    large = os.urandom(3_000_000)
    config = dedicated(keep_results_in_comparison=True)
    (found,) = Equalizer(
        recorded(shop, "tea"), shop.play, lambda outputs: large, same, None, config
    ).run_comparison()
    assert found.actual == large


def process_ids(shop: Shop, count: int, config: CompareExecutionConfig) -> Iterator[int]:
    """Yield the process of each comparison."""

    def compare(recorded: Any, replayed: Any) -> ComparatorResult:
        return ComparatorResult(EqualityStatus.Equal, diff=os.getpid())

    ids = recorded(shop, *["tea"] * count)
    for one in Equalizer(ids, shop.play, returned, compare, None, config).run_comparison():
        assert one.comparator_status.equality_status is EqualityStatus.Equal
        yield one.comparator_status.diff


def test_a_process_is_replaced_after_its_share(shop: Shop) -> None:
    config = dedicated(compare_process_recycle_rate=2)
    one, same_one, other, same_other, third = process_ids(shop, 5, config)
    assert (one, other) == (same_one, same_other)
    assert len({one, other, third, os.getpid()}) == 4
    assert all(map(is_gone, (one, other, third)))


@pytest.mark.parametrize("rate", [1, 3])
def test_every_recording_is_compared_whatever_the_share(shop: Shop, rate: int) -> None:
    found = list(process_ids(shop, 4, dedicated(compare_process_recycle_rate=rate)))
    assert len(found) == 4
    assert len(set(found)) == -(-4 // rate)


@pytest.mark.parametrize("stop", ["close", "drop"])
def test_a_consumer_that_stops_early_leaves_no_process(shop: Shop, stop: str) -> None:
    comparisons = process_ids(shop, 3, dedicated())
    pid = next(comparisons)
    assert not is_gone(pid)
    if stop == "close":
        comparisons.close()  # type: ignore[attr-defined]
    del comparisons
    gc.collect()
    assert is_gone(pid)


def test_one_recording_more_than_asked_for_is_taken(shop: Shop) -> None:
    taken = []

    def ids() -> Iterator[str]:
        for recording_id in recorded(shop, "tea", "milk", "bread", "jam"):
            taken.append(recording_id)
            yield recording_id

    comparisons = Equalizer(ids(), shop.play, returned, same, None, dedicated()).run_comparison()
    assert not taken
    next(comparisons)
    assert len(taken) == 2
    comparisons.close()  # type: ignore[attr-defined]


def test_ids_that_stop_coming_are_one_failure_at_the_end(shop: Shop) -> None:
    def ids() -> Iterator[str]:
        yield from recorded(shop, "tea")
        raise OSError("disk gone")

    config = dedicated()
    found = list(Equalizer(ids(), shop.play, returned, same, None, config).run_comparison())
    assert str(found[0]) == "Equal"
    assert str(found[1]).startswith("EqualizerFailure - finding the recordings failed")
    assert [c.recording_id is None for c in found] == [False, True]


def test_two_runs_at_once_do_not_keep_each_others_processes(shop: Shop) -> None:
    first, second = (process_ids(shop, 2, dedicated()) for _ in range(2))
    pids = [next(first), next(second)]
    assert len([*first, *second]) == 2
    assert all(map(is_gone, pids))


def test_what_replayed_code_started_ends_with_its_process(shop: Shop) -> None:
    started: Any = None

    def compare(recorded: Any, replayed: Any) -> ComparatorResult:
        child = subprocess.Popen(["sleep", "600"]).pid
        forked = os.fork()
        if forked == 0:
            select.select([], [], [], 600)
        return ComparatorResult(EqualityStatus.Equal, diff=[child, forked])

    ids = recorded(shop, "tea")
    (found,) = Equalizer(ids, shop.play, returned, compare, None, dedicated()).run_comparison()
    started = found.comparator_status.diff
    assert len(started) == 2
    assert all(eventually(lambda pid=pid: is_gone(pid)) for pid in started)


def test_what_replayed_code_prints_goes_to_stderr(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    def compare(recorded: Any, replayed: Any) -> EqualityStatus:
        print("from print")
        os.write(1, b"from C\n")
        subprocess.run(["echo", "from another program"], check=True)
        return EqualityStatus.Equal

    ids = recorded(shop, "tea")
    list(Equalizer(ids, shop.play, returned, compare, None, dedicated()).run_comparison())
    out, err = capfd.readouterr()
    assert out == ""
    assert "from print\n" in err
    assert "from C\n" in err
    assert "from another program\n" in err


class OrderTuner(EqualizerTuner):
    def create_category_tuning(self, category: str) -> EqualizerTuning:
        return EqualizerTuning(
            importable_shop.order_again, importable_shop.everything, importable_shop.same
        )


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "playback.db"
    importable_shop.recorder.tape_cassette = None


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_studio_compares_by_every_start_method_behind_a_background_writer(
    file: Path, method: str
) -> None:
    recorder = importable_shop.recorder
    with AsyncRecordOnlyTapeCassette(SQLiteTapeCassette(file), flush_interval=30) as cassette:
        recorder.tape_cassette = cassette
        importable_shop.record("tea", "broken", "who")
        config = dedicated(compare_process_start_method=method)
        studio = PlaybackStudio(["order"], OrderTuner(), recorder, compare_execution_config=config)
        verdicts = [str(one) for one in studio.play()["order"]]
        # The recorded process is not the one that replays.
        assert verdicts == ["Equal", "Equal", "Different"]


class TestTheSeal:
    @pytest.mark.parametrize(
        ("is_local", "allowed", "sealed"),
        [(True, [], seal_of_a_process()), (False, [], "python"), (True, ["192.0.2.1"], "python")],
    )
    def test_a_process_leaves_the_network_that_it_needs_for_nothing(
        self, shop: Shop, is_local: bool, allowed: list[str], sealed: str
    ) -> None:
        (one,) = self.compared(shop, is_local, sandbox=SandboxOptions.parse(allowed))
        assert (str(one), one.sealed) == ("Equal", sealed)

    def test_it_may_be_left_off(self, shop: Shop) -> None:
        (one,) = self.compared(shop, True, sandbox=None)
        assert (str(one), one.sealed) == ("Equal", "off")
        counted = Comparisons({"order": iter([one])}, 1)
        list(counted)
        assert counted.counted() == "1 compared: 1 Equal; sealed: off"

    def test_several_kinds_are_counted(self, shop: Shop) -> None:
        found = [*self.compared(shop, False, sandbox=None), *self.compared(shop, False)]
        counted = Comparisons({"order": iter(found)}, len(found))
        list(counted)
        assert counted.counted().endswith("; sealed: off (1), python (2)")

    def compared(self, shop: Shop, is_local: bool, **options: Any) -> list[Comparison]:
        class Cassette(InMemoryTapeCassette):
            pass

        Cassette.is_local = is_local
        shop.cassette.__class__ = Cassette
        recorded(shop, "tea")
        ids = shop.cassette.get_all_recording_ids()
        studio = PlaybackStudio(
            None,
            ShopTuner(shop),
            shop.recorder,
            recording_ids=ids,
            compare_execution_config=dedicated(**options),
        )
        return list(studio.play()["order"])


class ShopTuner(EqualizerTuner):
    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def create_category_tuning(self, category: str) -> EqualizerTuning:
        def again(recording: Recording) -> None:
            self.shop.order(*recording.get_data(TapeRecorder.OPERATION_REQUEST)["args"])

        return EqualizerTuning(again, returned, same)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("player", lambda recording_id: None),
        ("result_extractor", lambda outputs: outputs),
        ("comparator", lambda recorded, replayed: EqualityStatus.Equal),
        ("comparison_data_extractor", lambda recording: {}),
    ],
)
def test_a_function_that_cannot_be_sent_is_one_error_before_the_first_comparison(
    name: str, part: Any, method: str
) -> None:
    steps: Steps = {
        "player": importable_shop.order_again,
        "result_extractor": importable_shop.everything,
        "comparator": importable_shop.same,
        name: part,
    }
    config = dedicated(compare_process_start_method=method)
    comparisons = Equalizer(["a"], **steps, compare_execution_config=config).run_comparison()
    with pytest.raises(SettingsError, match=f"The {name.replace('_', ' ')} cannot be sent"):
        next(comparisons)
    assert list(comparisons) == []


def test_a_cassette_in_memory_cannot_be_sent() -> None:
    recorder = TapeRecorder(InMemoryTapeCassette())
    steps = (importable_shop.everything, importable_shop.same)
    config = dedicated(compare_process_start_method="spawn")
    equalizer = Equalizer(["a"], recorder.play, *steps, None, config)
    with pytest.raises(SettingsError, match="is in the memory of its process; store in a file"):
        next(equalizer.run_comparison())


def test_a_function_that_only_this_process_has_is_one_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    module: Any = types.ModuleType("only_here")
    exec("def same(recorded, replayed): pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    steps: Any = (importable_shop.order_again, importable_shop.everything, module.same)
    config = dedicated(compare_process_start_method="spawn")
    equalizer = Equalizer(["a", "b"], *steps, None, config)
    with pytest.raises(SettingsError, match=r"while it started, .* ended with exit code 1"):
        list(equalizer.run_comparison())
    assert "No module named 'only_here'" in capfd.readouterr().err


def test_a_process_that_cannot_be_started_again_costs_one_comparison(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "no more processes")

    ids = recorded(shop, "tea", "milk", "jam")
    config = dedicated(compare_process_recycle_rate=1)
    comparisons = Equalizer(ids, shop.play, returned, same, None, config).run_comparison()
    found = [next(comparisons)]
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", refuse)
        found.append(next(comparisons))
    found += comparisons
    assert [str(found[0]), str(found[2])] == ["Equal", "Equal"]
    assert f"Recording {ids[1]} was not compared: no dedicated process" in str(found[1])
    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(SettingsError, match="Nothing was compared: no dedicated process"):
        next(Equalizer(ids, shop.play, returned, same, None, config).run_comparison())


def test_the_default_start_method_is_that_of_python(shop: Shop) -> None:
    default = multiprocessing.get_start_method(allow_none=True)
    method = default or multiprocessing.get_all_start_methods()[0]
    config = CompareExecutionConfig(compare_in_dedicated_process=True)
    comparisons = Equalizer(
        recorded(shop, "tea"), shop.play, returned, same, None, config
    ).run_comparison()
    if method == "fork":
        assert [str(one) for one in comparisons] == ["Equal"]
    else:
        with pytest.raises(SettingsError, match=method):
            next(comparisons)
    assert multiprocessing.get_start_method(allow_none=True) == default


def test_the_compare_command_takes_the_execution(shop: Shop) -> None:
    class Tuner(EqualizerTuner):
        def create_category_tuning(self, category: str) -> EqualizerTuning:
            return EqualizerTuning(
                lambda recording: shop.order("tea"),
                returned,
                lambda recorded, replayed: ComparatorResult(EqualityStatus.Equal, str(os.getpid())),
            )

    recorded(shop, "tea")
    options = CompareOptions(execution=dedicated())
    (row,) = compare_recordings(shop.recorder, Tuner(), options)
    assert row.status is EqualityStatus.Equal
    assert int(row.message or "") != os.getpid()


SCRIPT = """
import os, select, signal, sys
from playback_core.studio import *
def play(recording_id):
    if recording_id == "hang":
        print(os.getpid(), file=open(sys.argv[1], "w"), flush=True)
        HANG
    sys.exit(3)
config = CompareExecutionConfig(
    compare_in_dedicated_process=True, compare_process_start_method="fork"
)
ids = ["one", "two", "hang", "three"]
comparisons = Equalizer(ids, play, list, max, None, config).run_comparison()
"""
CONSUME = """
try:
    for number, comparison in enumerate(comparisons, 1):
        print(number, comparison, flush=True)
except KeyboardInterrupt:
    print(f"interrupted after {number}")
"""
SLEEP = "select.select([], [], [], 600)"
LOCKED = (
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); import ctypes; ctypes.PyDLL(None).sleep(600)"
)


@contextlib.contextmanager
def script(text: str, *arguments: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def hanging_pid(file: Path) -> int:
    assert eventually(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


def test_ctrl_c_ends_the_processes_and_keeps_what_was_done(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with script(SCRIPT.replace("HANG", SLEEP) + CONSUME, file) as process:
        assert process.stdout is not None
        assert [process.stdout.readline()[:1] for _ in range(2)] == ["1", "2"]
        pid = hanging_pid(file)
        # As a terminal sends it: to all of the foreground.
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (0, "interrupted after 2\n")
        assert is_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="F_SETSIG is of Linux")
@pytest.mark.parametrize("hang", [SLEEP, LOCKED])
def test_a_studio_that_is_killed_leaves_no_process(tmp_path: Path, hang: str) -> None:
    file = tmp_path / "pid"
    with script(SCRIPT.replace("HANG", hang) + CONSUME, file) as process:
        pid = hanging_pid(file)
        assert not is_gone(pid)
        process.kill()
        assert eventually(lambda: is_gone(pid))


def test_the_end_of_the_interpreter_ends_a_process_still_in_use(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    ending = "next(comparisons); next(comparisons)\nwhile not os.path.exists(sys.argv[1]): pass"
    with script(SCRIPT.replace("HANG", SLEEP) + ending, file) as process:
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert is_gone(hanging_pid(file))

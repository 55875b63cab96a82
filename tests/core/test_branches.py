"""Branches: whatever order threads and tasks come in, each is replayed as it was recorded.

One branch runs at a time, and a random source says which is next: one order is recorded, another
one is replayed, and both can be had again.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playback_core import (
    EntryKind,
    InMemoryTapeCassette,
    Playback,
    TapeRecorder,
    TapeRecorderException,
)
from playback_core.studio import EqualityStatus, compare_outputs

Load = Callable[[], Any]
Tree = list[Any]
Wake = Callable[[], None]

PATIENCE = 30.0


class Line:
    """One branch of execution, as the turns know it."""

    def __init__(self) -> None:
        self.ended = False
        self.joining: list[Wake] = []


class Turns:
    """Lets one branch go on at a time, by a random source."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._waiting: list[Wake] = []

    def admit(self) -> tuple[Line, threading.Event]:
        """Return a new line, and what is set when it is its turn for the first time."""
        event = threading.Event()
        self._waiting.append(event.set)
        return Line(), event

    def admit_task(self) -> tuple[Line, asyncio.Event]:
        event = asyncio.Event()
        self._waiting.append(_waking(event))
        return Line(), event

    def take(self) -> None:
        """Let others go on first, perhaps."""
        event = threading.Event()
        self._waiting.append(event.set)
        self._next()
        assert event.wait(PATIENCE)

    async def take_in_task(self) -> None:
        event = asyncio.Event()
        self._waiting.append(_waking(event))
        self._next()
        await event.wait()

    def join(self, line: Line) -> None:
        """Go on after a line has ended."""
        if not line.ended:
            event = threading.Event()
            line.joining.append(event.set)
            self._next()
            assert event.wait(PATIENCE)

    async def join_in_task(self, line: Line) -> None:
        if not line.ended:
            event = asyncio.Event()
            line.joining.append(_waking(event))
            self._next()
            await event.wait()

    def end(self, line: Line) -> None:
        """End a line: who waits for it may go on."""
        line.ended = True
        self._waiting += line.joining
        self._next()

    def _next(self) -> None:
        self._waiting.pop(self._random.randrange(len(self._waiting)))()


# Not `asyncio.wait_for`: on 3.11 it makes a task, hence a branch, and how often is up to the order.
def _waking(event: asyncio.Event) -> Wake:
    loop = asyncio.get_running_loop()
    return lambda: loop.call_soon_threadsafe(event.set) and None


class Application:
    """Runs a tree of calls and branches; every call is answered with a number of its own."""

    def __init__(self) -> None:
        self.cassette = InMemoryTapeCassette()
        self.recorder = recorder = TapeRecorder(self.cassette)
        self.real = iter(range(100_000))
        self.turns = Turns(0)
        self.calls = {
            name: declare(name[-1])(lambda value: next(self.real))
            for name, declare in {
                "read a": recorder.intercept_input,
                "read b": recorder.intercept_input,
                "send x": recorder.intercept_output,
                "send y": recorder.intercept_output,
            }.items()
        }
        self.span = recorder.operation(category="span")(self.run)
        self.span_in_task = recorder.operation(category="span")(self.run_in_task)
        self.execute = recorder.operation(category="all")(self.run)
        self.execute_in_task = recorder.operation(category="all")(self.run_in_task)

    def run(self, tree: Tree) -> list[Any]:
        results: list[Any] = []
        lines = []
        with ThreadPoolExecutor(16) as pool:
            for what, argument in tree:
                self.turns.take()
                if what == "span":
                    results.append(self.span(argument))
                elif what in self.calls:
                    results.append(self.calls[what](argument))
                else:
                    lines.append(self._begin(argument, results, pool if what == "pool" else None))
            for line in lines:
                self.turns.join(line)
        return results

    def _begin(self, tree: Tree, results: list[Any], pool: ThreadPoolExecutor | None) -> Line:
        line, event = self.turns.admit()
        place = len(results)
        results.append(None)

        def run() -> None:
            assert event.wait(PATIENCE)
            try:
                results[place] = self.run(tree)
            finally:
                self.turns.end(line)

        if pool is not None:
            pool.submit(run)
        else:
            threading.Thread(target=run).start()
        return line

    async def run_in_task(self, tree: Tree) -> list[Any]:
        results: list[Any] = []
        lines = []
        for what, argument in tree:
            await self.turns.take_in_task()
            if what == "span":
                results.append(await self.span_in_task(argument))
            elif what in self.calls:
                results.append(self.calls[what](argument))
            elif what == "pool":
                results.append(await asyncio.to_thread(self.run, argument))
            else:
                lines.append(self._begin_task(argument, results, gathered=what == "thread"))
        for line, task in lines:
            await self.turns.join_in_task(line)
            await task
        return results

    def _begin_task(
        self, tree: Tree, results: list[Any], *, gathered: bool
    ) -> tuple[Line, Awaitable[Any]]:
        line, event = self.turns.admit_task()
        place = len(results)
        results.append(None)

        async def run() -> None:
            await event.wait()
            try:
                results[place] = await self.run_in_task(tree)
            finally:
                self.turns.end(line)

        return line, asyncio.gather(run()) if gathered else asyncio.create_task(run())

    def record(self, tree: Tree, seed: int, *, in_task: bool) -> None:
        self.turns = Turns(seed)
        with self.recorder.enabled_recording():
            if in_task:
                asyncio.run(self.execute_in_task(tree))
            else:
                self.execute(tree)

    def replay(self, tree: Tree, seed: int, *, in_task: bool) -> Playback:
        self.turns = Turns(seed)
        recording_id = self.cassette.get_last_recording_id()
        assert recording_id is not None
        run = self.execute_in_task if in_task else self.execute
        return self.recorder.play(recording_id, lambda _: run(tree))


calls = st.tuples(st.sampled_from(["read a", "read b", "send x", "send y"]), st.integers(0, 1))
trees = st.recursive(
    st.lists(calls, max_size=4),
    lambda inner: st.lists(
        calls | st.tuples(st.sampled_from(["thread", "task", "pool", "span"]), inner), max_size=4
    ),
    max_leaves=10,
)
seeds = st.integers(0, 1_000)


def assert_equal(playback: Playback) -> None:
    verdict = compare_outputs(playback.recorded_outputs, playback.playback_outputs)
    assert verdict.equality_status is EqualityStatus.Equal, verdict
    assert verdict.diff.ignored == ()
    assert (playback.missed, playback.moved, playback.repeated) == ([], [], [])
    assert (playback.never_consumed, playback.late) == ([], [])


@pytest.mark.parametrize("in_task", [False, True], ids=["threads", "tasks"])
@given(tree=trees, recorded=seeds, replayed=seeds)
def test_any_interleaving_recorded_replays_equal_in_any_other(
    in_task: bool, tree: Tree, recorded: int, replayed: int
) -> None:
    application = Application()
    application.record(tree, recorded, in_task=in_task)
    application.real = iter([])
    assert_equal(application.replay(tree, replayed, in_task=in_task))


def in_order(tree: Tree) -> Tree:
    """Return the calls of a tree without its branches, one after the other."""
    flat: Tree = []
    for what, argument in tree:
        flat += in_order(argument) if isinstance(argument, list) else [(what, argument)]
    return flat


@given(tree=trees, seed=seeds)
@settings(max_examples=60)
def test_calls_that_leave_their_branch_are_answered_and_listed(tree: Tree, seed: int) -> None:
    application = Application()
    application.record(tree, seed, in_task=False)
    application.real = iter([])
    playback = application.replay(in_order(tree), seed, in_task=False)

    assert (playback.missed, playback.repeated, playback.never_consumed) == ([], [], [])
    assert {each.how for each in playback.moved} <= {"moved branch"}
    recorded = Counter(
        entry.alias
        for entry in playback.evidence.entries
        if entry.branch and entry.kind is not EntryKind.SPAN
    )
    assert sum(recorded.values()) >= len(playback.moved)
    assert bool(playback.moved) == bool(recorded)


@pytest.mark.parametrize("kind", ["intercept_input", "intercept_output", "generator"])
def test_what_comes_after_the_end_is_counted_and_never_appended(
    recorder: TapeRecorder, last_recording: Load, kind: str
) -> None:
    ended, threads, refused = threading.Event(), [], []

    def numbers() -> Any:
        yield 1

    if kind == "generator":
        call = recorder.intercept_input("call")(numbers)
    else:
        call = getattr(recorder, kind)("call")(lambda: 1)

    def work() -> None:
        ended.wait(PATIENCE)
        try:
            list(call()) if kind == "generator" else call()
        except TapeRecorderException as error:
            refused.append(error)

    @recorder.operation(category="all")
    def execute() -> None:
        ended.clear()
        threads.append(threading.Thread(target=work))
        threads[-1].start()

    def let_go() -> None:
        ended.set()
        threads[-1].join()

    execute()
    let_go()
    assert recorder.counters == {"recorded": 1, "late": 1}
    assert "call" not in [entry.alias for entry in last_recording().entries]

    playback = recorder.play(last_recording().id, lambda _: execute())
    let_go()
    assert len(playback.late) == 1
    assert "after the replay" in str(refused)

"""What a replay gives instead of all else that tells the time or waits for it.

What makes threads, processes and event loops wait keeps the real clock.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
import time
from typing import Any, Final

from playback_core.clock.places import Place
from playback_core.clock.recorded import replayed_reads
from playback_core.reads import nanoseconds, seconds
from playback_core.replacing import Function
from playback_core.replayed_reads import BranchReads

_WAITING: Final = frozenset(
    {
        *("asyncio", "concurrent", "multiprocessing", "playback_core", "queue", "sched"),
        *("selectors", "socketserver", "subprocess", "threading", "trio"),
    }
)
"""Packages that read the clock to know how long to wait."""


def _applications() -> BranchReads | None:
    """Return the reads of this context's replay, if it is no machinery that asks."""
    caller = sys._getframe(2).f_globals.get("__name__")
    if type(caller) is str and caller.partition(".")[0] in _WAITING:
        return None
    return replayed_reads()


def _monotonic(original: Function) -> Function:
    def monotonic() -> float:
        reads = _applications()
        return original() if reads is None else seconds(reads.elapsed())

    return monotonic


def _monotonic_ns(original: Function) -> Function:
    def monotonic_ns() -> int:
        reads = _applications()
        return original() if reads is None else reads.elapsed()

    return monotonic_ns


def _sleep(original: Function) -> Function:
    def sleep(duration: Any, /) -> None:
        reads = _applications()
        if reads is None or not isinstance(duration, (int, float)) or not duration >= 0:
            original(duration)
            return
        reads.advance(nanoseconds(duration))
        # Other threads get their turn, as they would have.
        original(0)

    return sleep


def _asyncio_sleep(original: Function) -> Function:
    async def sleep(delay: Any, result: Any = None) -> Any:
        slept = await original(delay, result)
        reads = replayed_reads()
        if reads is not None and delay > 0:
            reads.advance(nanoseconds(delay))
        return slept

    return sleep


def _of_given_or_now(original: Function) -> Function:
    def convert(moment: Any = None, /) -> Any:
        reads = None if moment is not None else replayed_reads()
        return original(moment) if reads is None else original(seconds(reads.now()))

    return convert


def _asctime(original: Function) -> Function:
    def asctime(*parts: Any) -> str:
        reads = None if parts else replayed_reads()
        shown = parts if reads is None else (time.localtime(seconds(reads.now())),)
        text: str = original(*shown)
        return text

    return asctime


def _strftime(original: Function) -> Function:
    def strftime(form: str, *parts: Any) -> str:
        reads = None if parts else replayed_reads()
        shown = parts if reads is None else (time.localtime(seconds(reads.now())),)
        text: str = original(form, *shown)
        return text

    return strftime


def _clock_gettime(original: Function) -> Function:
    def clock_gettime(clock: int, /) -> float:
        told = _told_by(clock)
        return original(clock) if told is None else seconds(told)

    return clock_gettime


def _clock_gettime_ns(original: Function) -> Function:
    def clock_gettime_ns(clock: int, /) -> int:
        told = _told_by(clock)
        return original(clock) if told is None else told

    return clock_gettime_ns


def _told_by(clock: int) -> int | None:
    reads = replayed_reads()
    if reads is None or clock not in (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC):
        return None
    return reads.now() if clock == time.CLOCK_REALTIME else reads.elapsed()


_WRAPPERS: Final = {
    "monotonic": _monotonic,
    "monotonic_ns": _monotonic_ns,
    "sleep": _sleep,
    "gmtime": _of_given_or_now,
    "localtime": _of_given_or_now,
    "ctime": _of_given_or_now,
    "asctime": _asctime,
    "strftime": _strftime,
    "clock_gettime": _clock_gettime,
    "clock_gettime_ns": _clock_gettime_ns,
}

PLACES: Final = [
    *(Place(time, name, wrap, wrap) for name, wrap in _WRAPPERS.items()),
    *(
        Place(module, "sleep", _asyncio_sleep, _asyncio_sleep)
        for module in (asyncio.tasks, asyncio)
    ),
]

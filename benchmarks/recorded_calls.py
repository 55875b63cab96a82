"""Calls of a library: bare, within a recorded operation, and replayed, in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final

from benchmarks.measurement import (
    LOST,
    Clock,
    Effort,
    Measurement,
    Timed,
    interleaved,
    microseconds,
    timed,
)
from benchmarks.systems import System

Run = Callable[[], object]

_CATEGORY: Final = "calls"


class AnswersDiffer(Exception):
    """A client did not get what it asked for, so its time says nothing."""


def measure_calls(
    running: System,
    run: Run,
    calls: int,
    effort: Effort,
    *,
    replayed_row: str,
    clock: Clock = perf_counter,
    others: Mapping[str, Run] | None = None,
) -> Measurement:
    """Return what `run`, which makes so many calls, takes recorded and replayed against bare.

    All interceptors are in place for each of them. `others` are timed beside, for the details.
    Closes the system.
    """
    from playback_core.interceptors import install_interceptors

    install_interceptors()
    variants = {**_variants(running, run), **(others or {})}
    times = interleaved(
        {name: _alone(running, timed(each, clock)) for name, each in variants.items()},
        effort.rounds,
    )
    running.drain()
    # One turn more, which does not count, and one to have something to replay.
    lost = effort.rounds + 2 - running.stored().recordings
    running.close()
    return Measurement(
        rounds=_ratios(times, "recorded"),
        others={replayed_row: _ratios(times, "replayed")},
        details={f"{name} us": microseconds(times[name], calls) for name in times} | {LOST: lost},
    )


def _variants(running: System, run: Run) -> dict[str, Run]:
    recorder = running.recorder
    recorded = recorder.operation(category=_CATEGORY)(run)
    recorded()
    running.drain()
    (recording_id,) = recorder.readable_cassette().iter_recording_ids(_CATEGORY)

    def replayed() -> None:
        playback = recorder.play(recording_id, lambda recording: recorded())
        if playback.missed:
            raise AnswersDiffer(playback.missed[0])

    return {"bare": run, "recorded": recorded, "replayed": replayed}


def _alone(running: System, measured: Timed) -> Timed:
    """Have what was recorded before stored first: it would take its time from this one."""

    def alone() -> float:
        running.drain()
        return measured()

    return alone


def _ratios(times: Mapping[str, list[float]], variant: str) -> list[float]:
    return [a / b for a, b in zip(times[variant], times["bare"], strict=True)]

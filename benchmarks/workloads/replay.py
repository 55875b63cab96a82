"""Replaying an operation from storage, against `json.loads` of the same data."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import Effort, Measurement, interleaved, microseconds, timed
from benchmarks.operations import CATEGORY, INPUTS, OUTPUTS, checkout_class, run_all
from benchmarks.payloads import compact_json, orders, typed_orders
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_OPERATIONS = 50


class ReplayWentWrong(Exception):
    """A replay did not send what was recorded, so its time says nothing."""


@dataclass(frozen=True, slots=True)
class _Replay:
    """Replays of recordings of payloads of one kind; JSON-like orders are always the base."""

    payloads: Callable[..., Sequence[Any]]

    def measure(self, system: type[System], folder: Path, effort: Effort) -> Measurement:
        running = system(folder)
        checkout = checkout_class(running.recorder)
        count = effort.repetitions(_OPERATIONS)
        values = [self.payloads(INPUTS + OUTPUTS, seed=seed) for seed in range(count)]
        documents = [compact_json(orders(INPUTS + OUTPUTS, seed=seed)) for seed in range(count)]
        run_all(checkout, values, OUTPUTS)
        running.turn_to_reading()
        ids = list(running.find(CATEGORY, {}))
        operation = checkout([None] * INPUTS, values[0][INPUTS:])

        def load() -> None:
            for document in documents:
                json.loads(document)

        def play(recording_id: str) -> Any:
            return running.recorder.play(recording_id, lambda recording: operation.execute())

        def replay() -> None:
            for recording_id in ids:
                play(recording_id)

        def replay_and_read() -> None:
            for recording_id in ids:
                _count_outputs(play(recording_id))

        variants = {"json.loads": load, "replay": replay, "replay, outputs read": replay_and_read}
        outputs = _count_outputs(play(ids[0]))
        if len(ids) != count or outputs != OUTPUTS + 1:
            raise ReplayWentWrong(f"{len(ids)} recordings, {outputs} outputs")
        times = interleaved({name: timed(run) for name, run in variants.items()}, effort.rounds)
        running.close()
        return Measurement(
            rounds=[a / b for a, b in zip(times["replay"], times["json.loads"], strict=True)],
            details={f"{name} us": microseconds(times[name], count) for name in variants},
        )


def _count_outputs(playback: Any) -> int:
    if len(playback.recorded_outputs) != len(playback.playback_outputs):
        raise ReplayWentWrong("what was sent is not what was recorded")
    return len(playback.playback_outputs)


REPLAY = Workload(
    name="replay",
    title="replay of 20x5 of 1 KB, load included, against json.loads of the same data",
    unit="x",
    target=Target(1.5),
    measure=_Replay(orders).measure,
)
REPLAY_TYPED = Workload(
    name="replay-typed",
    title="the same with dates, Decimals and dataclasses in it (the base stays JSON)",
    unit="x",
    target=None,
    measure=_Replay(typed_orders).measure,
)

"""What a worker of Celery that records keeps in memory, however long it runs."""

from pathlib import Path
from typing import Final

from benchmarks.measurement import LOST, Effort, Measurement
from benchmarks.systems import System
from benchmarks.workload import Target, Workload
from benchmarks.workloads.celery_tasks import RECORDED, Worker, stored, workers

_TASKS: Final = 20_000
_WARM: Final = 0.1


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    # The system has no part in it: the application's settings say where it is recorded.
    count = max(10, effort.repetitions(_TASKS))
    warm = round(count * _WARM)
    with workers(folder, RECORDED) as (worker,):
        before, *after = _held(worker, warm, count, effort.rounds)
    return Measurement(
        rounds=[each / before for each in after],
        details={
            "tasks": worker.ran,
            "MB after a tenth": round(before / 1e6, 1),
            "MB at the end": round(after[-1] / 1e6, 1),
            LOST: worker.ran - stored(folder),
        },
    )


def _held(worker: Worker, warm: int, count: int, rounds: int) -> list[int]:
    """Return the bytes that a worker holds when it is warm, and after each part of the rest."""
    worker.turn("nothing", warm)
    held = [_held_bytes(worker.pid)]
    for _ in range(rounds):
        worker.turn("nothing", (count - warm) // rounds)
        held.append(_held_bytes(worker.pid))
    return held


def _held_bytes(parent: int) -> int:
    """Return what a worker and its children hold; what they share counts once."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return sum(_proportional_bytes(process) for process in (parent, *map(int, children)))


def _proportional_bytes(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(kilobytes) * 1024


CELERY_MEMORY: Final = Workload(
    name="celery-memory",
    title="memory of a worker of Celery with 2 processes over 20,000 tasks, to that after 2,000",
    unit="x",
    target=Target(1.05),
    measure=_measure,
    predecessor_rounds=0,
)

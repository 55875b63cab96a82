"""Runs each workload on both systems, in processes of their own, and gathers the rows."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measurement import Effort, Measurement
from benchmarks.systems import Bundle, Predecessor
from benchmarks.workload import Measure, Workload

ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Row:
    """What one workload came to; where there is no measurement, text says why."""

    workload: Workload
    bundle: Measurement | str
    predecessor: Measurement | str

    @property
    def verdict(self) -> str:
        """`reached`, `missed`, `not measured`, or nothing where there is no target."""
        if isinstance(self.bundle, str):
            return "not measured"
        if self.workload.target is None:
            return ""
        reached = self.bundle.is_whole and self.workload.target.is_reached(self.bundle.median)
        return "reached" if reached else "missed"


def run(
    workloads: Sequence[Workload],
    effort: Effort,
    *,
    predecessor: Path | str,
    progress: Callable[[str], None],
) -> list[Row]:
    """Measure the workloads one after the other; `progress` is told what comes next.

    Workloads with the same `measure` are rows of one run.
    `predecessor` is the interpreter that has it, or text that says why none is measured.
    """
    rows = []
    runs: dict[Measure, Measurement | str] = {}
    for workload in workloads:
        progress(f"{workload.name}: {workload.title}")
        if workload.measure not in runs:
            measured = _measured(Path(sys.executable), Bundle.name, workload, effort)
            runs[workload.measure] = measured
        bundle = runs[workload.measure]
        if isinstance(bundle, Measurement):
            bundle = bundle.of_row(workload.name)
        rows.append(Row(workload, bundle, _before(workload, effort, predecessor)))
    return rows


def _before(workload: Workload, effort: Effort, predecessor: Path | str) -> Measurement | str:
    if workload.predecessor_rounds == 0:
        return "cannot do this"
    if not isinstance(predecessor, Path):
        return predecessor
    rounds = min(effort.rounds, workload.predecessor_rounds or effort.rounds)
    fewer = Effort(rounds=rounds, scale=effort.scale)
    return _measured(predecessor, Predecessor.name, workload, fewer)


def _measured(python: Path, system: str, workload: Workload, effort: Effort) -> Measurement | str:
    arguments = ["--rounds", str(effort.rounds), "--scale", str(effort.scale)]
    done = subprocess.run(
        [str(python), "-m", "benchmarks.measure", system, workload.name, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
        return f"failed: {said[-1]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return Measurement(**found)

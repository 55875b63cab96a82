"""The rows as a table to read and as JSON to keep."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.measurement import Effort, Measurement
from benchmarks.runner import Row
from benchmarks.systems import PREDECESSOR_RELEASE

_HEADINGS: Final = ("name", "measured", "min .. max", "to reach", "", "predecessor")


def machine() -> dict[str, Any]:
    """Describe the machine, without its name."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def as_text(rows: Sequence[Row]) -> str:
    """Return the table, what each figure is made of, and why any is missing."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for row in rows:
        lines += ["", f"{row.workload.name}: {row.workload.title}"]
        lines += [
            f"  bundle: {_details(row.bundle)}",
            f"  predecessor: {_details(row.predecessor)}",
        ]
    return "\n".join(lines)


def as_json(rows: Sequence[Row], effort: Effort) -> dict[str, Any]:
    """Return everything that was measured, as JSON-like data."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": effort.rounds,
        "scale": effort.scale,
        "predecessor": f"playback-studio {PREDECESSOR_RELEASE}",
        "rows": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    target = row.workload.target
    return {
        "name": row.workload.name,
        "title": row.workload.title,
        "unit": row.workload.unit,
        "target": None if target is None else {"limit": target.limit, "at_least": target.at_least},
        "verdict": row.verdict,
        "bundle": _measurement(row.bundle),
        "predecessor": _measurement(row.predecessor),
    }


def _measurement(measured: Measurement | str) -> dict[str, Any]:
    if isinstance(measured, str):
        return {"missing": measured}
    return {
        "median": measured.median,
        "min": min(measured.rounds),
        "max": max(measured.rounds),
        "rounds": measured.rounds,
        "details": measured.details,
    }


def _cells(row: Row) -> tuple[str, ...]:
    unit, target = row.workload.unit, row.workload.target
    measured, spread = "-", ""
    if isinstance(row.bundle, Measurement):
        measured = f"{_figure(row.bundle.median)} {unit}"
        spread = f"{_figure(min(row.bundle.rounds))} .. {_figure(max(row.bundle.rounds))}"
    before = "-"
    if isinstance(row.predecessor, Measurement):
        before = f"{_figure(row.predecessor.median)} {unit}"
    return (row.workload.name, measured, spread, str(target or "-"), row.verdict, before)


def _details(measured: Measurement | str) -> str:
    if isinstance(measured, str):
        return measured
    return ", ".join(f"{name} {value}" for name, value in measured.details.items())


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

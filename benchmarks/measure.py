"""Measures one workload on one system in this process, and prints it as a line of JSON.

`python -m benchmarks.measure SYSTEM WORKLOAD` is run for each row in a process of its own, so that
no row pays for the garbage of another, and the predecessor in its own environment.
"""

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measurement import Effort, Measurement
from benchmarks.systems import SYSTEMS
from benchmarks.workloads import WORKLOADS


def measure(system: str, workload: str, effort: Effort) -> Measurement:
    """Run a workload, by name, on a system, by name."""
    (found,) = [one for one in WORKLOADS if one.name == workload]
    with TemporaryDirectory(prefix="playback-benchmark-") as folder:
        return found.measure(SYSTEMS[system], Path(folder), effort)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="benchmarks.measure", description=__doc__)
    parser.add_argument("system", choices=list(SYSTEMS))
    parser.add_argument("workload", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--scale", type=float, required=True)
    options = parser.parse_args()
    # As in production: warnings are shown, each message below costs its call.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    effort = Effort(rounds=options.rounds, scale=options.scale)
    measurement = measure(options.system, options.workload, effort)
    print(json.dumps(asdict(measurement)))


if __name__ == "__main__":
    main()

"""`python -m benchmarks`: run the workloads, print the table, write the figures as JSON."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.measurement import Effort
from benchmarks.predecessor import PredecessorUnavailable, python_with_predecessor
from benchmarks.report import as_json, as_text
from benchmarks.runner import ROOT, run
from benchmarks.workloads import WORKLOADS

ENVIRONMENT = ROOT / ".bench-venv"


def main() -> None:
    """Run what the command line asks for; a missed target is no failure."""
    options = _parser().parse_args()
    try:
        effort = Effort(rounds=options.rounds, scale=options.scale)
    except ValueError as error:
        sys.exit(f"benchmarks: {error}")
    chosen = [one for one in WORKLOADS if not options.only or one.name in options.only]
    predecessor = _predecessor() if options.predecessor else "not asked for"
    rows = run(chosen, effort, predecessor=predecessor, progress=_say)
    print(as_text(rows))
    options.json.write_text(json.dumps(as_json(rows, effort), indent=2) + "\n", encoding="utf-8")
    _say(f"written: {options.json}")


def _predecessor() -> Path | str:
    _say(f"the predecessor's environment: {ENVIRONMENT.name}, made if need be")
    try:
        return python_with_predecessor(ENVIRONMENT)
    except PredecessorUnavailable as error:
        reason = f"not measured, it cannot be installed: {error}"
        _say(reason)
        return reason


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=[workload.name for workload in WORKLOADS],
        help="measure only this workload; may be repeated. One of %(choices)s",
    )
    parser.add_argument("--rounds", type=int, default=9, help="default: 9")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of a round's usual repetitions, default: 1"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks.json", metavar="PATH")
    parser.add_argument(
        "--predecessor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure playback-studio beside, in an environment of its own",
    )
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

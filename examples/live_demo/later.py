"""Run a module as `python -m` does, on another day: `python later.py DAYS MODULE ARGUMENT...`.

All clocks that Python can read tell that day, from datetime.now to time.time.
"""

import os
import runpy
import sys
from datetime import UTC, datetime, timedelta

import time_machine


def main() -> None:
    """Run what the command line names."""
    days, module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    sys.path[0] = os.getcwd()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=float(days))):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

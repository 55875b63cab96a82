"""Runs Celery's own unit tests without and with playback, and names those that fail only with it.

    pip download --no-deps --no-binary :all: celery && tar xzf celery-*.tar.gz
    python tests/celery/own_suite.py celery-5.7.0

It takes the requirements of Celery's tests (requirements/test.txt of the sdist).
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_TESTS: Final = (
    "t/unit/tasks",
    "t/unit/app",
    "t/unit/worker",
    "t/unit/backends",
    "t/unit/test_canvas.py",
    "t/unit/utils/test_dispatcher.py",
)
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def failures(folder: Path, mode: str | None) -> tuple[set[str], str]:
    """Return the tests that fail in a mode (None: without playback), and the last lines."""
    environ = {**os.environ, "PLAYBACK_SUITE": mode or ""}
    path = [str(folder), str(_ROOT), environ.get("PYTHONPATH", "")]
    environ["PYTHONPATH"] = os.pathsep.join(path)
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--continue-on-collection-errors"]
    command += ["-p", "celery.contrib.pytest", "--no-header", "--tb=no", *_TESTS]
    if mode is not None:
        command += ["-p", "tests.celery.suite_plugin"]
    ran = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return set(_FAILED.findall(ran.stdout)), "\n".join(ran.stdout.splitlines()[-3:]) + ran.stderr


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    without, told = failures(folder, None)
    print(f"without playback: {len(without)} fail\n{told}")
    worse = False
    for mode in ("installed", "within"):
        failed, told = failures(folder, mode)
        more = sorted(failed - without)
        print(f"{mode}: {len(failed)} fail, {len(more)} only with playback\n{told}")
        print("\n".join(more))
        worse = worse or bool(more)
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())

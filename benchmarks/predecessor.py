"""The environment in which the predecessor is measured: its own, made when first needed."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.systems import PREDECESSOR_RELEASE

# What the workloads themselves need, in the releases this package is measured with.
_SHARED: Final = ("wrapt", "flask", "gunicorn")
_STAMP: Final = "installed.txt"
_SHOWN_LINES: Final = 3


class PredecessorUnavailable(Exception):
    """The predecessor can't be measured here; the message says why."""


def python_with_predecessor(folder: Path) -> Path:
    """Return the interpreter of an environment with the predecessor, made in `folder` if need be.

    It needs a package index then. Raise PredecessorUnavailable where it can't be made.
    """
    python = folder / "bin" / "python"
    stamp = folder / _STAMP
    requirements = [
        f"playback-studio=={PREDECESSOR_RELEASE}",
        *(f"{name}=={version(name)}" for name in _SHARED),
    ]
    wanted = "\n".join([sys.version, *requirements])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(str(python), *install, *requirements)
    # Written last: what interrupts or fails leaves no stamp, and the next run starts afresh.
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise PredecessorUnavailable(str(error)) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:]
        raise PredecessorUnavailable(" ".join(line.strip() for line in said))

"""Child processes that leave a log and never outlive the demo."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

TAIL_LINES = 25


class ChildFailed(Exception):
    """A child process ended or hung where it should not have; the message shows its log."""


class Child:
    """A running child process; leaving its `with` block stops it and all of its children."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        logs: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self._output, self._errors = logs / f"{name}.out", logs / f"{name}.err"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            # A session of its own: Ctrl-C reaches the demo alone, which then stops everyone
            # in turn, and whatever is left of the group can be killed as one.
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has written to its standard output so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, *, timeout: float = 20) -> str:
        """Wait for a line that matches and return the first group; `timeout` is in seconds.

        Raises `ChildFailed` when the process ends first, or the time is over.
        """
        deadline = time.monotonic() + timeout
        while True:
            ended = self._process.poll() is not None
            if found := re.search(pattern, self._log()):
                return found.group(1)
            if ended:
                raise self.failure(f"ended with code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready in {timeout:.0f} s")
            time.sleep(0.05)

    def wait(self, *, timeout: float) -> int:
        """Wait for its end and return the exit code; raise `ChildFailed` after `timeout` s."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self.failure(f"was still running after {timeout:.0f} s") from None

    def stop(self, *, timeout: float = 20) -> int:
        """Ask it to end, kill what is left of it after `timeout` s, return its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not stop within {timeout:.0f} s") from None
        finally:
            self._kill_group()

    def failure(self, what: str) -> ChildFailed:
        """Make the error that says what happened and shows the end of the log."""
        tail = "\n".join(f"  | {line}" for line in self._log().splitlines()[-TAIL_LINES:])
        return ChildFailed(f"{self.name} {what}. The end of its log:\n{tail or '  (empty)'}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop(timeout=20 if error is None else 5)
        except ChildFailed:
            if error is None:
                raise

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _log(self) -> str:
        return self._errors.read_text(encoding="utf-8", errors="replace") + self.output

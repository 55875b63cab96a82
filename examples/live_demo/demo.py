"""The steps of a demo that records a live service, and how one is run from a command line."""

import argparse
import shutil
import signal
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import ClassVar

from examples.live_demo.comparisons import (
    ALL_EQUAL,
    DIFFERENCES,
    REPLAY_FAILURES,
    Comparisons,
    DemoFailed,
)
from examples.live_demo.processes import Child, ChildFailed
from examples.live_demo.serving import Serving
from examples.live_demo.visitors import OwnTraffic, TrafficError, Visitor, visit_at_once

DAYS_LATER = 90
LATER = Path(__file__).with_name("later.py")


class Demo(ABC):
    """The steps of a demo, each in `folder`, where everything it writes goes."""

    summary: ClassVar[str]
    databases: ClassVar[Sequence[str]]
    requests: ClassVar[int] = 400

    def __init__(self, folder: Path, requests: int, database: str) -> None:
        self.folder = folder
        self.asked = requests
        self.database = database

    @abstractmethod
    def run(self) -> None:
        """Record, replay twice, and raise `DemoFailed` where a verdict is not the right one."""

    def send_traffic(self, service: Child, visitors: Sequence[Visitor[OwnTraffic]]) -> OwnTraffic:
        """Have visitors send the requests, and raise DemoFailed unless all were recorded."""
        try:
            traffic = visit_at_once(visitors, self.asked)
        except TrafficError as error:
            raise service.failure(f"did not serve the traffic: {error}") from error
        statuses = ", ".join(f"{n} x {status}" for status, n in traffic.by_status().items())
        print(
            f"{len(traffic.exchanges)} requests over {len(visitors)} connections"
            f" in {traffic.seconds:.1f} s: {statuses}."
        )
        unrecorded = [each for each in traffic.exchanges if each.recording_id is None]
        if unrecorded:
            first = unrecorded[0]
            raise DemoFailed(
                f"{len(unrecorded)} requests were not recorded,"
                f" the first is {first.method} {first.path}."
            )
        return traffic

    def compare(self, serving: Serving, version: Path, command: Sequence[str]) -> Comparisons:
        """Replay all recordings on a version, on a later day; `command` begins with a module."""
        later = [sys.executable, str(LATER), str(DAYS_LATER), *command]
        all_of_them = ["--json", "--since", f"{DAYS_LATER + 1}d", "--limit", "1000000"]
        name = f"compare-{version.name}"
        with serving.child(name, [*later, *all_of_them], version=version) as child:
            exit_code = child.wait(timeout=300)
            if exit_code not in (ALL_EQUAL, DIFFERENCES, REPLAY_FAILURES):
                raise child.failure(f"ended with code {exit_code}")
            comparisons = Comparisons.parse(exit_code, child.output)
        print(
            f"Replayed on the {version.name} version, {DAYS_LATER} days later,"
            f" sealed {comparisons.sealed}: {comparisons.counts()}."
        )
        return comparisons

    def remove_the_world(self, serving: Serving) -> None:
        """Delete what the service kept."""
        shutil.rmtree(serving.data)
        serving.keep_settings()
        print("The shop's database is deleted.\n")

    def check_world_untouched(self, serving: Serving) -> None:
        """Raise DemoFailed where a replay has made the service's data again."""
        if serving.data.exists():
            raise DemoFailed(f"A replay has touched the world: {serving.data} is back.")


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(demo: type[Demo], arguments: Sequence[str] | None = None) -> int:
    """Run a demo as a command, and return its exit code."""
    parser = argparse.ArgumentParser(description=demo.summary)
    parser.add_argument(
        "--requests", type=int, default=demo.requests, help="how many to send, about"
    )
    parser.add_argument("--database", choices=demo.databases, default="sqlite", help="%(choices)s")
    return run_as_command(
        lambda folder, options: demo(folder, options.requests, options.database).run(),
        parser,
        arguments,
    )


def run_as_command(
    run: Callable[[Path, argparse.Namespace], None],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a demo in a new folder, with the options of a command line; return the exit code.

    It is 0 when it found what it should, 1 when not, 130 when it was interrupted.
    """
    parser.add_argument("--keep", type=Path, help="a new folder for recordings and logs, kept")
    options = parser.parse_args(arguments)
    if any(number < 1 for number in vars(options).values() if isinstance(number, int)):
        parser.error("there has to be at least 1")
    if options.keep and options.keep.exists():
        parser.error(f"--keep makes a new folder, and {options.keep} exists")
    signal.signal(signal.SIGTERM, interrupt)
    try:
        if options.keep:
            options.keep.mkdir(parents=True)
            run(options.keep.resolve(), options)
        else:
            with tempfile.TemporaryDirectory(prefix="live-demo-") as folder:
                run(Path(folder), options)
    except (DemoFailed, ChildFailed) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0

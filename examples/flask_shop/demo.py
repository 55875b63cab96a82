"""Record a live Flask shop, replay it on the same code and on changed code, compare.

Starts a price service, a redis and the shop under gunicorn, sends real traffic, stops all of
them, deletes the shop's database, and replays what was recorded, 90 days later and with no
network: on the same code everything is Equal, on a second version exactly the recordings that
its planted regression affects are Different.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import gunicorn_conf
from processes import Child, ChildFailed
from serving import DATABASES, HERE, Serving
from traffic import Traffic, TrafficError, send_traffic
from verdicts import (
    ALL_EQUAL,
    DIFFERENCES,
    REPLAY_FAILURES,
    Comparisons,
    DemoFailed,
    check_changed_code,
    check_same_code,
    load_order_total,
)

CONNECTIONS = 8
DAYS_LATER = 90


class Demo:
    """The steps of the demo, each in `folder`, where everything it writes goes."""

    def __init__(self, folder: Path, requests: int, database: str) -> None:
        self._folder = folder
        self._requests = requests
        self._database = database
        self._serving = Serving(folder)

    def run(self) -> None:
        """Record, replay twice, and raise `DemoFailed` where a verdict is not the right one."""
        versions = self._make_versions()
        traffic = self._record(versions["first"])
        self._remove_the_world()
        check_same_code(self._compare(versions["first"]), traffic)
        order_total = load_order_total(versions["second"] / "shop" / "pricing.py")
        check_changed_code(self._compare(versions["second"]), traffic, order_total)
        if self._serving.data.exists():
            raise DemoFailed(f"A replay has touched the world: {self._serving.data} is back.")

    def _make_versions(self) -> dict[str, Path]:
        versions = {name: self._folder / name for name in ("first", "second")}
        for version in versions.values():
            shutil.copytree(
                HERE / "shop", version / "shop", ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(HERE / "regression" / "pricing.py", versions["second"] / "shop")
        return versions

    def _record(self, version: Path) -> Traffic:
        with (
            self._serving.database(self._database, version),
            self._serving.price_service() as prices,
            self._serving.redis() as redis,
            self._serving.shop(version, prices, redis) as (shop, address),
        ):
            print(
                f"The shop runs at {address}"
                f" ({gunicorn_conf.workers} workers, {gunicorn_conf.threads} threads each)."
            )
            traffic = self._send_traffic(shop, address)
        print("The shop, the price service and redis are stopped.")
        return traffic

    def _send_traffic(self, shop: Child, address: str) -> Traffic:
        try:
            traffic = send_traffic(address, self._requests, connections=CONNECTIONS)
        except TrafficError as error:
            raise shop.failure(f"did not serve the traffic: {error}") from error
        statuses = ", ".join(f"{n} x {status}" for status, n in traffic.by_status().items())
        print(
            f"{len(traffic.exchanges)} requests over {CONNECTIONS} connections"
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

    def _remove_the_world(self) -> None:
        shutil.rmtree(self._serving.data)
        self._serving.keep_settings()
        print("The shop's database is deleted.\n")

    def _compare(self, version: Path) -> Comparisons:
        later = [sys.executable, str(HERE / "later.py"), str(DAYS_LATER)]
        compare = ["flask", "--app", "shop", "playback", "compare", "--json"]
        all_of_them = ["--since", f"{DAYS_LATER + 1}d", "--limit", "1000000"]
        command = [*later, *compare, *all_of_them]
        with self._serving.child(f"compare-{version.name}", command, version=version) as child:
            exit_code = child.wait(timeout=50)
            if exit_code not in (ALL_EQUAL, DIFFERENCES, REPLAY_FAILURES):
                raise child.failure(f"ended with code {exit_code}")
            comparisons = Comparisons.parse(exit_code, child.output)
        print(
            f"Replayed on the {version.name} version, {DAYS_LATER} days later,"
            f" sealed {comparisons.sealed}: {comparisons.counts()}."
        )
        return comparisons


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the demo found what it should, 1 when not, 130 when interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=400, help="how many to send, about")
    parser.add_argument("--database", choices=DATABASES, default="sqlite", help="%(choices)s")
    parser.add_argument("--keep", type=Path, help="a new folder for recordings and logs, kept")
    options = parser.parse_args(arguments)
    if options.requests < 1:
        parser.error("--requests is a number from 1")
    if options.keep and options.keep.exists():
        parser.error(f"--keep makes a new folder, and {options.keep} exists")
    signal.signal(signal.SIGTERM, interrupt)
    try:
        if options.keep:
            options.keep.mkdir(parents=True)
            Demo(options.keep.resolve(), options.requests, options.database).run()
        else:
            with tempfile.TemporaryDirectory(prefix="flask-shop-") as folder:
                Demo(Path(folder), options.requests, options.database).run()
    except (DemoFailed, ChildFailed) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

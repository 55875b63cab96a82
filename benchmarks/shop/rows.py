"""The rows of a shop of the examples: what it answers recorded, against the same not recorded."""

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measurement import ERRORS, LOST, Effort, Measurement, interleaved
from benchmarks.shop.load import Shop, ShopLoad, Turn, running_shops
from benchmarks.systems import System
from benchmarks.workload import Target, Workload


def shop_workloads(
    name: str, title: str, shop: Shop, requests: int, at_least: float
) -> tuple[Workload, Workload]:
    """Return the rows of a shop: requests a second and the 99th percentile of response times.

    Both are of one run, whose turns take so many `requests`. `title` says what is run; `at_least`
    is the part of the requests a second to reach.
    """
    p99 = f"{name}-p99"

    def measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
        # The system has no part in it: the settings of the demo say where a shop is recorded.
        with running_shops(shop, folder, effort.repetitions(requests)) as (plain, recorded):
            interleaved(
                {"plain": lambda: plain.turn().rate, "recorded": lambda: recorded.turn().rate},
                effort.rounds,
            )
        turns: list[tuple[Turn, Turn]] = list(zip(plain.counted, recorded.counted, strict=True))
        return Measurement(
            rounds=[ours.rate / bare.rate for bare, ours in turns],
            others={p99: [ours.p99_ms / bare.p99_ms for bare, ours in turns]},
            details=_details(plain, recorded),
        )

    return (
        Workload(
            name=name,
            title=f"{title}: requests/s to not recorded",
            unit="x",
            target=Target(at_least, at_least=True),
            measure=measure,
            predecessor_rounds=0,
        ),
        Workload(
            name=p99,
            title="the same: the 99th percentile of response times",
            unit="x",
            target=Target(1.15),
            measure=measure,
            predecessor_rounds=0,
        ),
    )


def _details(plain: ShopLoad, recorded: ShopLoad) -> dict[str, Any]:
    stored, shed = recorded.stored(), recorded.shed()
    details: dict[str, Any] = {
        "plain requests/s": round(plain.rate),
        "recorded requests/s": round(recorded.rate),
        "plain p99 ms": round(plain.p99_ms, 1),
        "recorded p99 ms": round(recorded.p99_ms, 1),
        "plain s": round(plain.seconds, 1),
        "recorded s": round(recorded.seconds, 1),
        "plain errors": len(plain.unexpected),
        ERRORS: len(recorded.unexpected),
        "recorded answers": recorded.answers,
        "without recording id": recorded.answers - recorded.with_id,
        "stored": stored,
        "shed": shed,
        # What has no id and was not shed either is lost as well.
        LOST: recorded.answers - stored - shed,
        "backlog s": round(median(recorded.backlogs), 3),
    }
    if unexpected := plain.unexpected + recorded.unexpected:
        details["first error"] = unexpected[0]
    return details

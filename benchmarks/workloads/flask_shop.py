"""What the shop of the examples answers when it is recorded, against the same one not recorded."""

from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.measurement import ERRORS, LOST, Effort, Measurement, interleaved
from benchmarks.shop.load import ShopLoad, Turn, running_shops
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_P99: Final = "flask-shop-p99"
# Nine turns of so many take about a minute.
_REQUESTS: Final = 4000


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    # The system has no part in it: the demo's settings say where the shop is recorded.
    with running_shops(folder, effort.repetitions(_REQUESTS)) as (plain, recorded):
        interleaved(
            {"plain": lambda: plain.turn().rate, "recorded": lambda: recorded.turn().rate},
            effort.rounds,
        )
    turns: list[tuple[Turn, Turn]] = list(zip(plain.counted, recorded.counted, strict=True))
    return Measurement(
        rounds=[ours.rate / bare.rate for bare, ours in turns],
        others={_P99: [ours.p99_ms / bare.p99_ms for bare, ours in turns]},
        details=_details(plain, recorded),
    )


def _details(plain: ShopLoad, recorded: ShopLoad) -> dict[str, Any]:
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
        # What has no id was not recorded: lost as well.
        LOST: recorded.answers - recorded.stored(),
        "backlog s": round(median(recorded.backlogs), 3),
    }
    if unexpected := plain.unexpected + recorded.unexpected:
        details["first error"] = unexpected[0]
    return details


FLASK_SHOP = Workload(
    name="flask-shop",
    title="the example's Flask shop, 2 workers of 8 threads, 8 clients: requests/s to not recorded",
    unit="x",
    target=Target(0.93, at_least=True),
    measure=_measure,
    predecessor_rounds=0,
)
FLASK_SHOP_P99 = Workload(
    name=_P99,
    title="the same: the 99th percentile of response times",
    unit="x",
    target=Target(1.15),
    measure=_measure,
    predecessor_rounds=0,
)

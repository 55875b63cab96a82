"""What a replay should find, worked out without it, and whether it found just that."""

import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from traffic import ComputedTotal, Traffic

# The exit codes of `flask playback compare` after which there are verdicts to read.
ALL_EQUAL, DIFFERENCES, REPLAY_FAILURES = 0, 1, 3

OrderTotal = Callable[[Decimal, int], Decimal]


class DemoFailed(Exception):
    """The demo did not find what it should."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `flask playback compare` says of one recording.

    `differences` are those that count; they have a `path`, and as text or None what was `recorded`
    and is `replayed` there.
    """

    recording_id: str
    status: str
    message: str
    differences: Sequence[Mapping[str, str | None]]
    sealed: str

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """Read one verdict of the JSON document."""
        message, diff = fields["message"] or "", fields["diff"]
        listed = diff if isinstance(diff, list) else []
        differences = [each for each in listed if each.get("kind") != "ignored"]
        recording_id, status = str(fields["recording_id"]), fields["status"]
        return cls(recording_id, status, message, differences, str(fields["sealed"]))

    def __str__(self) -> str:
        lines = [f"{self.recording_id} is {self.status}."]
        if not self.differences:
            lines.append(f"  {self.message}")
        for difference in self.differences:
            lines.append(f"  {difference['path']}")
            lines.append(f"    - {difference['recorded']}")
            lines.append(f"    + {difference['replayed']}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The outcome of one `flask playback compare --json`."""

    exit_code: int
    verdicts: list[Verdict]

    @classmethod
    def parse(cls, exit_code: int, document: str) -> Self:
        """Read the printed JSON document."""
        categories = json.loads(document)["categories"].values()
        return cls(exit_code, [Verdict.parse(each) for verdicts in categories for each in verdicts])

    def counts(self) -> str:
        """Say how many verdicts of each status there are."""
        by_status = Counter(verdict.status for verdict in self.verdicts).most_common()
        return ", ".join(f"{count} {status}" for status, count in by_status) or "nothing"

    @property
    def sealed(self) -> str:
        """How tight the replays were sealed."""
        return "/".join(sorted({verdict.sealed for verdict in self.verdicts}))

    def not_equal(self) -> list[Verdict]:
        """Return the verdicts that are not Equal."""
        return [verdict for verdict in self.verdicts if verdict.status != "Equal"]


def load_order_total(pricing: Path) -> OrderTotal:
    """Load `order_total` from the `pricing.py` of a version of the shop."""
    spec = importlib.util.spec_from_file_location("pricing_of_a_version", pricing)
    if spec is None or spec.loader is None:
        raise ImportError(f"{pricing} is not a Python module.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    order_total: OrderTotal = module.order_total
    return order_total


def check_same_code(comparisons: Comparisons, traffic: Traffic) -> None:
    """Raise `DemoFailed` unless every request of the traffic was replayed and is Equal."""
    recorded = sorted(str(exchange.recording_id) for exchange in traffic.exchanges)
    compared = sorted(verdict.recording_id for verdict in comparisons.verdicts)
    if recorded != compared:
        missing = len(set(recorded) - set(compared))
        raise DemoFailed(
            f"{len(recorded)} requests were recorded, but {len(compared)} compared;"
            f" {missing} of the recordings are missing."
        )
    for verdict in comparisons.not_equal():
        raise DemoFailed(f"Nothing has changed, and yet {verdict}")
    _check_exit_code(comparisons, ALL_EQUAL)


def check_changed_code(comparisons: Comparisons, traffic: Traffic, order_total: OrderTotal) -> None:
    """Raise `DemoFailed` unless exactly what the new `order_total` affects is Different.

    Prints a line for each of those, and one diff in full.
    """
    affected = _affected(traffic, order_total)
    if not affected:
        raise DemoFailed("No order in this traffic is affected: send more requests.")
    found = comparisons.not_equal()
    for verdict in found:
        if verdict.status != "Different" or verdict.recording_id not in affected:
            raise DemoFailed(f"The change does not affect it, and yet {verdict}")
        print(f"  {_changed_total(affected[verdict.recording_id], order_total)}")
    overlooked = affected.keys() - {verdict.recording_id for verdict in found}
    if overlooked:
        raise DemoFailed(f"Affected, but found Equal: {', '.join(sorted(overlooked))}")
    _check_exit_code(comparisons, DIFFERENCES)
    unaffected = len(comparisons.verdicts) - len(found)
    print(f"\nOne of them in full: {found[0]}\n")
    print(
        f"Those are exactly the {len(found)} requests that the change of pricing.py affects;"
        f" the other {unaffected} answer and act as before."
    )


def _affected(traffic: Traffic, order_total: OrderTotal) -> Mapping[str, ComputedTotal]:
    return {
        str(computed.exchange.recording_id): computed
        for computed in traffic.totals
        if order_total(computed.unit_price, computed.quantity) != computed.total
    }


def _changed_total(computed: ComputedTotal, order_total: OrderTotal) -> str:
    exchange = computed.exchange
    total = order_total(computed.unit_price, computed.quantity)
    return (
        f"{exchange.recording_id}  {exchange.method} {exchange.path}:"
        f"  {computed.quantity} x {computed.unit_price} = {computed.total}, now {total}"
    )


def _check_exit_code(comparisons: Comparisons, expected: int) -> None:
    if comparisons.exit_code != expected:
        raise DemoFailed(
            f"`flask playback compare` ended with code {comparisons.exit_code}, not {expected}."
        )

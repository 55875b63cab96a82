"""What a replay of the second version should find, worked out without it, and whether it did."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from examples.django_shop.traffic import Priced, ShopTraffic
from examples.live_demo.comparisons import (
    DIFFERENCES,
    Comparisons,
    DemoFailed,
    Verdict,
    check_exit_code,
)

LineTotal = Callable[[Decimal, int], Decimal]


@dataclass(frozen=True, slots=True)
class Regression:
    """A planted change: by what it shows in the verdicts of what it affects.

    That is the `status` of the verdict, and the places of differences or, without any, the message.
    """

    name: str
    status: str
    shows: re.Pattern[str]

    def explains(self, finding: str) -> bool:
        """Tell whether this is what it shows by."""
        return self.shows.search(finding) is not None


ROUNDING = Regression(
    "prices are rounded down",
    "Different",
    re.compile(r"(\$\.total|\['total'\](\[\d\])?|output django mail #1 kwargs\['body'\])$"),
)
MAIL = Regression("a mail is dropped", "Different", re.compile(r"^output django mail #1$"))
PERMISSION = Regression(
    "orders of others are shown",
    "Different",
    re.compile(r"^response (status|reason|header|body)\b"),
)
QUERY = Regression(
    "a query for each product",
    "EqualizerFailure",
    re.compile(r"^Not in recording \S+: input: django default SELECT shop_product "),
)


def check_changed_code(
    comparisons: Comparisons, traffic: ShopTraffic, before: LineTotal, now: LineTotal
) -> None:
    """Raise `DemoFailed` unless exactly what the regressions affect differs, by them alone.

    `before` and `now` are `line_total` of the two versions. Prints how often each one was found.
    """
    affected = _affected(traffic, before, now)
    expected = {name for each in affected.values() for name in each}
    if unseen := {each.name for each in (ROUNDING, MAIL, PERMISSION, QUERY)} - expected:
        raise DemoFailed(f"This traffic does not show it, send more: {', '.join(sorted(unseen))}")
    examples: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in comparisons.not_equal():
        regressions = affected.get(verdict.recording_id, {})
        _check(verdict, regressions)
        for name in regressions:
            examples[name].append(verdict)
    found = {verdict.recording_id for verdict in comparisons.not_equal()}
    if overlooked := affected.keys() - found:
        raise DemoFailed(f"Affected, but found Equal: {', '.join(sorted(overlooked))}")
    check_exit_code(comparisons, DIFFERENCES)
    _print(examples, len(comparisons.verdicts) - len(found))


def _affected(
    traffic: ShopTraffic, before: LineTotal, now: LineTotal
) -> Mapping[str, Mapping[str, Regression]]:
    affected: dict[str, dict[str, Regression]] = defaultdict(dict)

    def note(exchange: Any, regression: Regression) -> None:
        affected[str(exchange.recording_id)][regression.name] = regression

    for priced in traffic.priced:
        if any(before(*line) != now(*line) for line in priced.lines):
            note(priced.exchange, ROUNDING)
        if _loses_its_mail(priced):
            note(priced.exchange, MAIL)
    for page in traffic.pages:
        note(page, QUERY)
    for trespassed in traffic.trespassed:
        note(trespassed, PERMISSION)
    return affected


def _loses_its_mail(priced: Priced) -> bool:
    return priced.ordered and len(priced.lines) == 1


def _check(verdict: Verdict, regressions: Mapping[str, Regression]) -> None:
    findings = [str(each["path"]) for each in verdict.differences] or [verdict.message]
    for finding in findings:
        if not any(each.explains(finding) for each in regressions.values()):
            why = ", ".join(regressions) or "nothing"
            raise DemoFailed(f"Expected of {verdict.recording_id}: {why}. And yet {verdict}")
    for regression in regressions.values():
        if verdict.status != regression.status or not any(map(regression.explains, findings)):
            raise DemoFailed(f"Not found, that {regression.name}: {verdict}")


def _print(examples: Mapping[str, list[Verdict]], unaffected: int) -> None:
    for name, verdicts in examples.items():
        # The one that shows least beside it.
        shortest = min(verdicts, key=lambda verdict: len(str(verdict)))
        print(f"\n{len(verdicts)} times, {name}: {shortest}")
    print(f"\nThose are all; the other {unaffected} answer and act as before.")

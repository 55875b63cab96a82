"""The Django demo's own judgement: it must fail wherever a verdict is not the right one."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from examples.django_shop.serving import HERE
from examples.django_shop.traffic import Priced, ShopTraffic
from examples.django_shop.verdicts import check_changed_code
from examples.live_demo.comparisons import Comparisons, DemoFailed
from examples.live_demo.versions import function_of
from examples.live_demo.visitors import Exchange

LineTotal = Callable[[Decimal, int], Decimal]

TOTAL = "output django default INSERT shop_order #1 kwargs['parameters']['total']"
MAIL = "output django mail #1"
STATUS = "response status"
MISS = "Not in recording {}: input: django default SELECT shop_product args=[]"
RIGHT: dict[str, tuple[str, list[str]]] = {
    "bulk": ("Different", [TOTAL, MAIL]),
    "two": ("Different", [TOTAL, "output django mail #1 kwargs['body']"]),
    "single": ("Different", [MAIL]),
    "page": ("EqualizerFailure", []),
    "trespass": ("Different", [STATUS, "response body $.detail"]),
    "home": ("Equal", []),
}


@pytest.fixture
def before() -> LineTotal:
    return function_of(HERE / "shop" / "pricing.py", "line_total")


@pytest.fixture
def now() -> LineTotal:
    return function_of(HERE / "regressions" / "pricing.py", "line_total")


@pytest.fixture
def traffic() -> ShopTraffic:
    """A request for each of the names of RIGHT."""
    asked = {name: Exchange("GET", "/", 200, name, None, b"") for name in RIGHT}
    bulk, single = (Decimal("39.99"), 25), (Decimal("39.99"), 1)
    return ShopTraffic(
        exchanges=list(asked.values()),
        priced=[
            Priced(asked["bulk"], [bulk], ordered=True),
            Priced(asked["two"], [bulk, single], ordered=True),
            Priced(asked["single"], [single], ordered=True),
        ],
        pages=[asked["page"]],
        trespassed=[asked["trespass"]],
    )


def comparisons(found: dict[str, tuple[str, list[str]]], code: int = 1) -> Comparisons:
    def verdict(name: str, status: str, paths: list[str]) -> dict[str, Any]:
        return {
            "recording_id": name,
            "status": status,
            "sealed": "full",
            "message": MISS.format(name) if status == "EqualizerFailure" else None,
            "diff": [{"path": path, "recorded": "1", "replayed": "2"} for path in paths],
        }

    verdicts = [verdict(name, *each) for name, each in found.items()]
    return Comparisons.parse(code, json.dumps({"categories": {"all": verdicts}}))


def test_the_regression_rounds_what_has_half_a_cent_or_more_down(
    before: LineTotal, now: LineTotal
) -> None:
    price = Decimal("39.99")
    assert (before(price, 25), now(price, 25)) == (Decimal("899.78"), Decimal("899.77"))
    for quantity in (1, 9, 10, 12):
        assert before(price, quantity) == now(price, quantity)


def test_changed_code_passes_when_each_regression_is_found_and_named(
    traffic: ShopTraffic, before: LineTotal, now: LineTotal, capsys: pytest.CaptureFixture[str]
) -> None:
    check_changed_code(comparisons(RIGHT), traffic, before, now)

    printed = capsys.readouterr().out
    assert "2 times, prices are rounded down: " in printed
    assert "2 times, a mail is dropped: single is Different" in printed
    assert "1 times, a query for each product: page is EqualizerFailure" in printed
    assert "1 times, orders of others are shown: trespass is Different" in printed
    assert "the other 1 answer and act as before" in printed


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("home", ("Different", [STATUS]), "Expected of home: nothing"),
        ("home", ("EqualizerFailure", []), "Expected of home: nothing"),
        ("single", ("Equal", []), "found Equal: single"),
        ("page", ("Equal", []), "found Equal: page"),
        ("bulk", ("Different", [TOTAL]), "Not found, that a mail is dropped: bulk"),
        ("bulk", ("Different", [MAIL]), "Not found, that prices are rounded down: bulk"),
        ("bulk", ("Different", [TOTAL, MAIL, STATUS]), "Expected of bulk: prices are rounded"),
        ("page", ("Different", [STATUS]), "Expected of page: a query for each product"),
        ("trespass", ("Different", [STATUS, MAIL]), "Expected of trespass: orders of others"),
    ],
)
def test_changed_code_fails_otherwise(
    traffic: ShopTraffic,
    before: LineTotal,
    now: LineTotal,
    name: str,
    verdict: tuple[str, list[str]],
    reason: str,
) -> None:
    with pytest.raises(DemoFailed, match=reason):
        check_changed_code(comparisons({**RIGHT, name: verdict}), traffic, before, now)


def test_the_code_of_the_command_is_held(
    traffic: ShopTraffic, before: LineTotal, now: LineTotal
) -> None:
    with pytest.raises(DemoFailed, match="ended with code 3, not 1"):
        check_changed_code(comparisons(RIGHT, code=3), traffic, before, now)


def test_traffic_that_does_not_show_a_regression_proves_nothing(
    traffic: ShopTraffic, before: LineTotal, now: LineTotal
) -> None:
    traffic.trespassed.clear()
    with pytest.raises(DemoFailed, match="send more: orders of others are shown"):
        check_changed_code(comparisons(RIGHT), traffic, before, now)

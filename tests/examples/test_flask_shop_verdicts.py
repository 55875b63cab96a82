"""The demo's own judgement: it must fail wherever the replay's verdicts are not the right ones."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from examples.flask_shop.traffic import ComputedTotal, ShopTraffic
from examples.flask_shop.verdicts import check_changed_code
from examples.live_demo.comparisons import Comparisons, DemoFailed, check_same_code
from examples.live_demo.versions import function_of
from examples.live_demo.visitors import Exchange

REGRESSION = Path(__file__).parents[2] / "examples/flask_shop/regression/pricing.py"


@pytest.fixture
def traffic() -> ShopTraffic:
    """Three requests: `bulk` is affected by the regression, `single` and `page` are not."""
    bulk, single, page = (
        Exchange("POST", "/orders", 303, name, None, b"") for name in ("bulk", "single", "page")
    )
    price = Decimal("9.99")
    return ShopTraffic(
        exchanges=[bulk, single, page],
        totals=[
            ComputedTotal(bulk, unit_price=price, quantity=10, total=Decimal("89.91")),
            ComputedTotal(single, unit_price=price, quantity=1, total=price),
        ],
    )


def comparisons(exit_code: int, **statuses: str) -> Comparisons:
    document = {
        "categories": {
            "site.order": [
                {
                    "recording_id": name,
                    "status": status,
                    "sealed": "python",
                    "message": None,
                    "diff": [{"path": "$.total", "recorded": "1", "replayed": "2"}],
                }
                for name, status in statuses.items()
            ]
        },
        "counts": {},
    }
    return Comparisons.parse(exit_code, json.dumps(document))


def test_the_regression_changes_bulk_orders_whose_discount_has_fractions() -> None:
    changed = function_of(REGRESSION, "order_total")
    first = function_of(REGRESSION.parents[1] / "shop" / "pricing.py", "order_total")

    assert (first(Decimal("9.99"), 10), changed(Decimal("9.99"), 10)) == (
        Decimal("89.91"),
        Decimal("89.90"),
    )
    for price, quantity in (("9.99", 9), ("9.90", 10), ("9.90", 25)):
        assert first(Decimal(price), quantity) == changed(Decimal(price), quantity)


def test_the_same_code_passes_when_all_are_equal(traffic: ShopTraffic) -> None:
    found = comparisons(0, bulk="Equal", single="Equal", page="Equal")

    check_same_code(found, traffic)

    assert found.counts() == "3 Equal"


@pytest.mark.parametrize(
    ("exit_code", "statuses", "reason"),
    [
        (0, {"bulk": "Equal", "single": "Equal"}, "1 of the recordings are missing"),
        (0, {}, "3 of the recordings are missing"),
        (1, {"bulk": "Equal", "single": "Different", "page": "Equal"}, "single is Different"),
        (3, {"bulk": "Failed", "single": "Equal", "page": "Equal"}, "bulk is Failed"),
        (4, {"bulk": "Equal", "single": "Equal", "page": "Equal"}, "ended with code 4, not 0"),
    ],
)
def test_the_same_code_fails_otherwise(
    traffic: ShopTraffic, exit_code: int, statuses: dict[str, str], reason: str
) -> None:
    with pytest.raises(DemoFailed, match=reason):
        check_same_code(comparisons(exit_code, **statuses), traffic)


def test_changed_code_passes_when_just_the_affected_differ(
    traffic: ShopTraffic, capsys: pytest.CaptureFixture[str]
) -> None:
    found = comparisons(1, bulk="Different", single="Equal", page="Equal")

    check_changed_code(found, traffic, function_of(REGRESSION, "order_total"))

    printed = capsys.readouterr().out
    assert "bulk  POST /orders:  10 x 9.99 = 89.91, now 89.90" in printed
    assert "  $.total\n    - 1\n    + 2\n" in printed


@pytest.mark.parametrize(
    ("exit_code", "bulk", "single", "reason"),
    [
        (1, "Equal", "Equal", "found Equal: bulk"),
        (1, "Different", "Different", "single is Different"),
        (3, "EqualizerFailure", "Equal", "bulk is EqualizerFailure"),
        (0, "Different", "Equal", "ended with code 0, not 1"),
    ],
)
def test_changed_code_fails_otherwise(
    traffic: ShopTraffic, exit_code: int, bulk: str, single: str, reason: str
) -> None:
    found = comparisons(exit_code, bulk=bulk, single=single, page="Equal")

    with pytest.raises(DemoFailed, match=reason):
        check_changed_code(found, traffic, function_of(REGRESSION, "order_total"))


def test_traffic_without_an_affected_order_proves_nothing(traffic: ShopTraffic) -> None:
    traffic.totals.pop(0)

    with pytest.raises(DemoFailed, match="send more requests"):
        check_changed_code(
            comparisons(0, bulk="Equal", single="Equal", page="Equal"),
            traffic,
            function_of(REGRESSION, "order_total"),
        )

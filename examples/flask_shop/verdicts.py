"""What a replay should find, worked out without it, and whether it found just that."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from examples.flask_shop.traffic import ComputedTotal, ShopTraffic
from examples.live_demo.comparisons import DIFFERENCES, Comparisons, DemoFailed, check_exit_code

OrderTotal = Callable[[Decimal, int], Decimal]


def check_changed_code(
    comparisons: Comparisons, traffic: ShopTraffic, order_total: OrderTotal
) -> None:
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
    check_exit_code(comparisons, DIFFERENCES)
    unaffected = len(comparisons.verdicts) - len(found)
    print(f"\nOne of them in full: {found[0]}\n")
    print(
        f"Those are exactly the {len(found)} requests that the change of pricing.py affects;"
        f" the other {unaffected} answer and act as before."
    )


def _affected(traffic: ShopTraffic, order_total: OrderTotal) -> Mapping[str, ComputedTotal]:
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

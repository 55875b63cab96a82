"""Record a live Flask shop, replay it on the same code and on changed code, compare.

Starts a price service, a redis and the shop under gunicorn, sends real traffic, stops all of
them, deletes the shop's database, and replays what was recorded, 90 days later and with no
network: on the same code everything is Equal, on a second version exactly the recordings that
its planted regression affects are Different.
"""

import sys
from pathlib import Path

from examples.flask_shop.serving import DATABASES, HERE, ShopServing
from examples.flask_shop.traffic import ShopTraffic, customers
from examples.flask_shop.verdicts import check_changed_code
from examples.live_demo import gunicorn_conf
from examples.live_demo.comparisons import check_same_code
from examples.live_demo.demo import Demo, main
from examples.live_demo.versions import function_of, make_versions

CONNECTIONS = 8
COMPARE = ("flask", "--app", "shop", "playback", "compare")


class FlaskShopDemo(Demo):
    """The Flask shop's demo."""

    summary = "Record a live Flask shop, replay it on the same code and on changed code, compare."
    databases = DATABASES

    def run(self) -> None:
        """Record, replay twice, and raise `DemoFailed` where a verdict is not the right one."""
        serving = ShopServing(self.folder)
        first, second = make_versions(self.folder, HERE / "shop", HERE / "regression")
        traffic = self._record(serving, first)
        self.remove_the_world(serving)
        check_same_code(self.compare(serving, first, COMPARE), traffic)
        order_total = function_of(second / "shop" / "pricing.py", "order_total")
        check_changed_code(self.compare(serving, second, COMPARE), traffic, order_total)
        self.check_world_untouched(serving)

    def _record(self, serving: ShopServing, version: Path) -> ShopTraffic:
        with (
            serving.database(self.database, version),
            serving.price_service() as prices,
            serving.redis() as redis,
            serving.shop(version, prices, redis) as (shop, address),
        ):
            print(
                f"The shop runs at {address}"
                f" ({gunicorn_conf.workers} workers, {gunicorn_conf.threads} threads each)."
            )
            traffic = self.send_traffic(shop, customers(address, CONNECTIONS))
        print("The shop, the price service and redis are stopped.")
        return traffic


if __name__ == "__main__":
    sys.exit(main(FlaskShopDemo))

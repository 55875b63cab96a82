"""Record a live Django shop, replay it on the same code and on changed code, compare.

Sends real traffic to the shop under gunicorn and then under uvicorn, stops it, deletes its
database, mails and pictures, and replays what was recorded, 90 days later and with no network: on
the same code everything is Equal, on a second version exactly the recordings that its four
planted regressions affect are not, each for its reason.
"""

import shutil
import sys
from pathlib import Path

from examples.django_shop.serving import DATABASES, HERE, SERVERS, ShopServing
from examples.django_shop.traffic import ShopTraffic, customers
from examples.django_shop.verdicts import check_changed_code
from examples.live_demo.comparisons import check_same_code
from examples.live_demo.demo import Demo, main
from examples.live_demo.versions import function_of, make_versions

CONNECTIONS = 8
COMPARE = ("manage", "playback_compare")


class DjangoShopDemo(Demo):
    """The Django shop's demo; it sends the requests to each of the servers."""

    summary = "Record a live Django shop, replay it on the same code and on changed code, compare."
    databases = DATABASES
    requests = 600

    def run(self) -> None:
        """Record, replay twice, and raise `DemoFailed` where a verdict is not the right one."""
        serving = ShopServing(self.folder)
        first, second = make_versions(self.folder, HERE / "shop", HERE / "regressions")
        for version in (first, second):
            shutil.copy(HERE / "manage.py", version)
        traffic = self._record(serving, first)
        self.remove_the_world(serving)
        check_same_code(self.compare(serving, first, COMPARE), traffic)
        changed = self.compare(serving, second, COMPARE)
        before, now = (
            function_of(version / "shop" / "pricing.py", "line_total")
            for version in (first, second)
        )
        check_changed_code(changed, traffic, before, now)
        self.check_world_untouched(serving)

    def _record(self, serving: ShopServing, version: Path) -> ShopTraffic:
        parts = []
        with serving.database(self.database, version):
            for seed, name in enumerate(SERVERS, 1):
                with serving.shop(name, version) as (shop, address):
                    print(f"The shop runs at {address} under {name}.")
                    visitors = customers(address, CONNECTIONS, seed=seed)
                    parts.append(self.send_traffic(shop, visitors))
        print("The shop is stopped.")
        return ShopTraffic.of(parts, sum(part.seconds for part in parts))


if __name__ == "__main__":
    sys.exit(main(DjangoShopDemo))

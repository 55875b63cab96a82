"""The price service: a separate process that knows what each product costs right now.

`python prices.py` prints its address. Prices move by whole dimes with every question, so that
no two runs of the shop see the same ones, and a replay needs the recorded answers.
"""

import itertools
import json
import sys
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/prices/"
DIME = Decimal("0.10")
# A bulk discount of a price in whole dimes has no fraction of a cent; of the others it has.
BASE_PRICES = {
    "axe": Decimal("39.99"),
    "broom": Decimal("7.20"),
    "chisel": Decimal("12.45"),
    "drill": Decimal("58.00"),
    "file": Decimal("9.37"),
    "glue": Decimal("4.50"),
    "hammer": Decimal("17.95"),
}


class PriceHandler(BaseHTTPRequestHandler):
    """Answers `GET /prices/<sku>` with `{"sku": ..., "price": "39.99"}`, or 404."""

    questions = itertools.count()

    def do_GET(self) -> None:
        sku = self.path.removeprefix(PREFIX)
        if not self.path.startswith(PREFIX) or sku not in BASE_PRICES:
            self.send_error(404, "no price")
            return
        price = BASE_PRICES[sku] + DIME * (next(self.questions) % 20)
        body = json.dumps({"sku": sku, "price": str(price)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the log short: the address only."""

    def log_error(self, *args: object) -> None:
        """Keep the log short: a product without a price is no error of this service."""


def main() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), PriceHandler) as server:
        print(f"Listening at: http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())

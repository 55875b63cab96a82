"""How gunicorn serves a shop: workers with threads; each says when it is ready, and what it did."""

import json
from typing import Any

bind = "127.0.0.1:0"
worker_class = "gthread"
workers = 2
threads = 8
keepalive = 30  # seconds

READY = "The shop is loaded"
COUNTED = "What became of operations:"


def post_worker_init(worker: Any) -> None:
    """Say so; connections that come earlier would all go to the first worker that is ready."""
    worker.log.info(READY)


def worker_exit(server: Any, worker: Any) -> None:
    """Say what the recorder of a worker that ends has counted."""
    from playback_core import recorder

    worker.log.info("%s %s", COUNTED, json.dumps(recorder.counters))

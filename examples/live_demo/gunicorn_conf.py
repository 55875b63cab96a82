"""How gunicorn serves a shop: workers with threads, and a line in the log once each is ready."""

from typing import Any

bind = "127.0.0.1:0"
worker_class = "gthread"
workers = 2
threads = 8
keepalive = 30  # seconds

READY = "The shop is loaded"


def post_worker_init(worker: Any) -> None:
    """Say so; connections that come earlier would all go to the first worker that is ready."""
    worker.log.info(READY)

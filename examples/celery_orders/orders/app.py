"""The application: where its broker is, what runs by the clock, and playback."""

import os

from celery import Celery

from playback_celery import PlaybackCelery

REDIS = os.environ.get("ORDERS_REDIS", "redis://127.0.0.1:6379")

app = Celery("orders", broker=f"{REDIS}/0", backend=f"{REDIS}/1", include=["orders.tasks"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
    beat_schedule={"report": {"task": "orders.report", "schedule": 1.0}},
    playback={"SERVICE": "orders"},
)
PlaybackCelery(app)

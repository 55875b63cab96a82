"""The application of Celery that is measured: a task that does nothing, and one that waits."""

import os
import time

from celery import Celery

from playback_celery import PlaybackCelery

app = Celery("measured", broker=os.environ.get("MEASURED_BROKER"))
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"polling_interval": 0.01},
)
if os.environ.get("PLAYBACK_CASSETTE"):
    PlaybackCelery(app)


@app.task
def nothing(number: int) -> int:
    """Return the argument."""
    return number


@app.task
def wait(number: int) -> int:
    """Wait for 5 ms, as for a database."""
    time.sleep(0.005)
    return number

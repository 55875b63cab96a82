"""S3 is asked with the real time of day, while a replay in the same process runs at another."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from playback_core import TapeRecorder, clock

YEAR = timedelta(days=365)


@pytest.fixture(autouse=True)
def without_clock_afterwards() -> Iterator[None]:
    yield
    clock.uninstall()


@contextmanager
def signed(client) -> Iterator[list[datetime]]:
    """Collect the times that requests of a client are signed with, for a block."""
    times: list[datetime] = []
    events = client.meta.events

    def note(request, **_) -> None:
        date = request.headers["X-Amz-Date"]
        text = date.decode() if isinstance(date, bytes) else date
        times.append(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))

    events.register("before-send.s3", note)
    try:
        yield times
    finally:
        events.unregister("before-send.s3", note)


def test_requests_are_signed_with_the_real_time_while_a_replay_has_another(open_cassette, s3):
    cassette = open_cassette()
    recorder = TapeRecorder(cassette)
    asked, done = threading.Event(), threading.Event()
    slept = 0.0

    @recorder.operation(category="op")
    def execute() -> datetime:
        # It takes no time in a replay, and lets the virtual clock go on.
        time.sleep(slept)
        asked.set()
        done.wait(20)
        return datetime.now(UTC)

    done.set()
    with recorder.enabled_recording():
        execute()
    (recording_id,) = cassette.iter_recording_ids("op")
    asked.clear()
    done.clear()
    slept = YEAR.total_seconds()

    def read() -> None:
        asked.wait(20)
        cassette.get_recording_metadata(recording_id)
        done.set()

    reader = threading.Thread(target=read)
    reader.start()
    with signed(s3) as times:
        playback = recorder.play(recording_id, lambda recording: execute())
    reader.join()

    told = playback.playback_outputs[-1].value["args"][0]
    assert told - datetime.now(UTC) > YEAR / 2
    assert len(times) >= 2
    assert all(abs(each - datetime.now(UTC)) < timedelta(hours=1) for each in times)

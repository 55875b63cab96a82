"""AsyncRecordOnlyTapeCassette: saves recordings to another cassette in the background."""

import atexit
from collections.abc import Iterator
from typing import Any, Final, NoReturn
from weakref import WeakSet

from playback_core.cassettes._background_writer import BackgroundWriter, WriterCounters
from playback_core.errors import SettingsError, TapeRecorderException
from playback_core.recording import Recording
from playback_core.recording_filter import RecordingFilter
from playback_core.tape_cassette import TapeCassette

DEFAULT_MAX_QUEUE_BYTES: Final = 64 * 1024 * 1024


class AsyncRecordOnlyTapeCassette(TapeCassette):
    """Queues recordings and stores them from a thread of its own; saving never waits or raises.

    `flush_interval` is how many seconds a batch is gathered; `timeout_on_close` how many `close()`
    and the end of the interpreter wait for the rest. What would make the queue hold more than
    `max_queue_bytes` is dropped whole and counted. A process that ends by `os._exit`, as forked
    workers of multiprocessing do, has to call `flush()` before.
    """

    def __init__(
        self,
        cassette: TapeCassette,
        flush_interval: float = 0.1,
        timeout_on_close: float = 10,
        *,
        max_queue_bytes: int = DEFAULT_MAX_QUEUE_BYTES,
    ) -> None:
        if not isinstance(cassette, TapeCassette) or isinstance(
            cassette, AsyncRecordOnlyTapeCassette
        ):
            raise SettingsError(f"cassette is {cassette!r}; give the TapeCassette to save to.")
        _require_number("flush_interval", flush_interval)
        _require_number("timeout_on_close", timeout_on_close)
        _require_number("max_queue_bytes", max_queue_bytes)
        self.wrapped_tape_cassette = cassette
        self._timeout_on_close = timeout_on_close
        self._closed = False
        self._writer = BackgroundWriter(
            cassette._save_recordings, type(cassette).__name__, flush_interval, max_queue_bytes
        )
        _unclosed.add(self)

    @property
    def counters(self) -> WriterCounters:
        """What became of the recordings saved in this process: queued, saved, dropped, failed."""
        return self._writer.counters

    def start(self) -> None:
        """Start the thread now; it starts by itself with the first recording."""
        self._writer.start()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the recordings queued so far are stored or have failed.

        Return False where that took longer than `timeout` seconds.
        """
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Store what is queued, then close the wrapped cassette; saves after it are dropped."""
        if self._closed:
            return
        self._closed = True
        # A write that is still going on needs the cassette.
        if self._writer.stop(self._timeout_on_close):
            self.wrapped_tape_cassette.close()

    def readable(self) -> TapeCassette:
        self.flush()
        return self.wrapped_tape_cassette.readable()

    def create_new_recording(self, category: str) -> Recording:
        return self.wrapped_tape_cassette.create_new_recording(category)

    def extract_recording_category(self, recording_id: str) -> str:
        return self.wrapped_tape_cassette.extract_recording_category(recording_id)

    def get_recording(self, recording_id: str) -> Recording:
        self._refuse("get_recording")

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        self._refuse("get_recording_metadata")

    def iter_categories(self) -> Iterator[str]:
        self._refuse("iter_categories")

    def delete_recording(self, recording_id: str) -> None:
        self._refuse("delete_recording")

    def _prune(self, before: int | None, max_bytes: int | None) -> int:
        self._refuse("prune")

    def _matching(self, wanted: RecordingFilter) -> Iterator[str]:
        self._refuse("iter_recording_ids")

    def _save_recording(self, recording: Recording) -> None:
        self._writer.put(recording)

    def _refuse(self, method: str) -> NoReturn:
        raise TapeRecorderException(
            f"AsyncRecordOnlyTapeCassette only records; to read, flush() it and call {method}() on"
            " its wrapped_tape_cassette."
        )


def _require_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise SettingsError(f"{name} is {value!r}; it must be a number from 0.")


_unclosed: Final[WeakSet[AsyncRecordOnlyTapeCassette]] = WeakSet()


@atexit.register
def _close_at_exit() -> None:
    for cassette in list(_unclosed):
        cassette.close()

"""S3Saver: puts recordings into a bucket, several at once."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

from playback_core.cassettes._in_parallel import in_parallel
from playback_core.cassettes._s3_index_writer import S3IndexWriter
from playback_core.cassettes._s3_keys import S3Keys
from playback_core.cassettes._s3_objects import IndexEntry, pack_full, pack_metadata
from playback_core.cassettes._s3_store import STANDARD, ObjectStore
from playback_core.errors import CassetteUnavailableError, SettingsError
from playback_core.packing import PackedRecording
from playback_core.recording import Recording

SamplingCalculator = Callable[[str, int, Recording], float]

_INFREQUENT_ACCESS: Final = "STANDARD_IA"


class _Ready(NamedTuple):
    recording: Recording
    packed: PackedRecording
    full: bytes
    metadata: bytes


class S3Saver:
    """Saves batches of recordings: each one whole, then its metadata, then one index object.

    So what a lookup finds can be read, and an index names only what is stored.
    """

    def __init__(
        self,
        store: ObjectStore,
        keys: S3Keys,
        index_writer: S3IndexWriter,
        *,
        infrequent_access_bytes: float | None,
        sampling_calculator: SamplingCalculator | None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._index_writer = index_writer
        self._infrequent_access_bytes = infrequent_access_bytes
        self._sampling_calculator = sampling_calculator

    def save(self, recordings: Sequence[Recording]) -> list[tuple[Recording, Exception]]:
        """Store recordings; return those that can't be, each with its error."""
        failures: list[tuple[Recording, Exception]] = []
        ready: list[_Ready] = []
        # An id that comes twice replaces itself.
        for recording in {recording.id: recording for recording in recordings}.values():
            try:
                prepared = self._prepared(recording)
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recording
                failures.append((recording, error))
            else:
                ready += [] if prepared is None else [prepared]
        entries = []
        for one, stored in zip(ready, self._put_all(ready), strict=True):
            if isinstance(stored, Exception):
                failures.append((one.recording, stored))
            else:
                entries.append(stored)
        if entries:
            self._index_writer.add(entries)
        return failures

    def _prepared(self, recording: Recording) -> _Ready | None:
        self._keys.require_findable(recording)
        packed = recording.pack()
        full = pack_full(packed)
        ready = _Ready(recording, packed, full, pack_metadata(packed))
        return ready if self._is_sampled(recording, len(full)) else None

    def _put_all(self, ready: list[_Ready]) -> list[IndexEntry | Exception]:
        outages: list[CassetteUnavailableError] = []

        def put(one: _Ready) -> IndexEntry | Exception:
            if outages:
                # It would be the same for this one, after another wait.
                return outages[0]
            try:
                return self._put(one)
            except CassetteUnavailableError as error:
                outages.append(error)
                return error
            except Exception as error:  # noqa: BLE001 - handed to the caller, with its recording
                return error

        return in_parallel(put, ready)

    def _put(self, ready: _Ready) -> IndexEntry:
        threshold = self._infrequent_access_bytes
        is_large = threshold is not None and len(ready.full) >= threshold
        storage_class = _INFREQUENT_ACCESS if is_large else STANDARD
        recording_id = ready.packed.id
        self._store.put(self._keys.full(recording_id), ready.full, storage_class=storage_class)
        etag = self._store.put(self._keys.metadata(recording_id), ready.metadata)
        return IndexEntry(recording_id, etag, ready.packed.metadata)

    def _is_sampled(self, recording: Recording, size: int) -> bool:
        if self._sampling_calculator is None:
            return True
        share = self._sampling_calculator(recording.category, size, recording)
        if not (isinstance(share, (int, float)) and 0 <= share <= 1):
            raise SettingsError(
                f"sampling_calculator gave {share!r} for {recording.category!r}; it must give a"
                " number from 0 to 1."
            )
        # A generator of its own: the application's `random` may be seeded, or the same in forks.
        return Random().random() < share

"""S3TapeCassette: recordings as objects in an S3 bucket."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any, Final
from weakref import WeakSet

from playback_core.cassettes._in_parallel import in_parallel
from playback_core.cassettes._reading import decoded_metadata, naming_damage
from playback_core.cassettes._s3_client import S3Client, S3Connection
from playback_core.cassettes._s3_index import S3Index
from playback_core.cassettes._s3_index_writer import S3IndexWriter
from playback_core.cassettes._s3_keys import S3Keys, category_in, recording_id_in
from playback_core.cassettes._s3_lookup import S3Lookup
from playback_core.cassettes._s3_objects import (
    MAX_FULL_BYTES,
    MAX_METADATA_BYTES,
    unpack_full,
    unpack_metadata,
)
from playback_core.cassettes._s3_options import (
    checked_bucket,
    checked_encryption,
    checked_threshold,
)
from playback_core.cassettes._s3_saving import S3Saver, SamplingCalculator
from playback_core.cassettes._s3_store import ObjectStore
from playback_core.errors import CassetteReadOnlyError, NoSuchRecording, SettingsError
from playback_core.option_checks import check_callable, check_flag
from playback_core.recording import Recording
from playback_core.recording_filter import RecordingFilter
from playback_core.recording_id import start_of
from playback_core.tape_cassette import StoredRecording, TapeCassette, expired


class S3TapeCassette(TapeCassette):
    """Stores recordings under `tape_recorder_recordings/{key_prefix}` of a bucket.

    It only reads unless `read_only` is False. A recording of `infrequent_access_kb_threshold` KB or
    more is stored as STANDARD_IA. `sampling_calculator(category, recording_size, recording)` gives
    the share to store, 0 to 1, for a size in bytes as stored. A `transient` cassette that may write
    deletes what is under its prefix when it is closed, in the process that made it.

    `endpoint_url` names a service that speaks S3, `client` is a boto3 client to use in place of one
    of our own, and `encryption` holds arguments of `put_object` such as `ServerSideEncryption` and
    `SSEKMSKeyId`. Raise SettingsError for a wrong option, or where boto3 is not installed.
    """

    def __init__(
        self,
        bucket: str,
        key_prefix: str = "",
        region: str | None = None,
        transient: bool = False,
        read_only: bool = True,
        infrequent_access_kb_threshold: float | None = None,
        sampling_calculator: SamplingCalculator | None = None,
        *,
        endpoint_url: str | None = None,
        client: S3Client | None = None,
        encryption: Mapping[str, Any] | None = None,
    ) -> None:
        kind = type(self).__name__
        check_flag(kind, "transient", transient)
        check_flag(kind, "read_only", read_only)
        check_callable(kind, "sampling_calculator", sampling_calculator)
        self._keys = S3Keys(key_prefix)
        if transient and not self._keys.prefix:
            raise SettingsError(
                "A transient cassette deletes what is under its key_prefix; give it one of its own."
            )
        self.bucket = checked_bucket(bucket)
        self.key_prefix = self._keys.prefix
        self.read_only = read_only
        threshold = checked_threshold(infrequent_access_kb_threshold)
        self._encryption = checked_encryption(encryption)
        self._deletes_on_close = transient and not read_only
        self._connection = S3Connection(region, endpoint_url, client)
        self._store = self._opened_store()
        self._index = S3Index(self._store, self._keys)
        self._index_writer = S3IndexWriter(self._index)
        self._saver = S3Saver(
            self._store,
            self._keys,
            self._index_writer,
            infrequent_access_bytes=threshold,
            sampling_calculator=sampling_calculator,
        )
        _cassettes.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._reading_options()), (self.bucket, self.key_prefix)

    def create_new_recording(self, category: str) -> Recording:
        self._require_writable("create_new_recording")
        return super().create_new_recording(category)

    def get_recording(self, recording_id: str) -> Recording:
        body = self._read(self._keys.full, recording_id, MAX_FULL_BYTES)
        origin = self._origin(self._keys.full(recording_id))
        with naming_damage(origin):
            recording = Recording.unpack(unpack_full(recording_id, body))
        recording.origin = origin
        return recording

    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        body = self._read(self._keys.metadata, recording_id, MAX_METADATA_BYTES)
        with naming_damage(self._origin(self._keys.metadata(recording_id))):
            return decoded_metadata(recording_id, unpack_metadata(recording_id, body))

    def iter_recordings_metadata(
        self,
        category: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        wanted = RecordingFilter.of(category, start_date, end_date, metadata, limit, False)
        found = islice(self._lookup(wanted).found(with_metadata=True), wanted.limit)
        # Of what is damaged nothing is known; reading it once more says what is wrong.
        return chain.from_iterable(
            self._readable_metadata([recording_id]) if known is None else [known]
            for recording_id, known in found
        )

    def iter_categories(self) -> Iterator[str]:
        folders = self._store.list_folders(self._keys.metadata())
        return iter(sorted(filter(None, map(category_in, folders))))

    def delete_recording(self, recording_id: str) -> None:
        self._require_writable("delete_recording")
        if start_of(recording_id) is None:
            raise NoSuchRecording(recording_id)
        objects = [self._keys.metadata(recording_id), self._keys.full(recording_id)]
        if not any(in_parallel(self._store.exists, objects)):
            raise NoSuchRecording(recording_id)
        self._delete([recording_id])

    def close(self) -> None:
        """Close the connections; a transient cassette deletes its recordings first."""
        try:
            if self._deletes_on_close:
                self._deletes_on_close = False
                for folder in self._keys.folders:
                    self._store.delete(listed.key for listed in self._store.list(folder))
        finally:
            self._connection.close()

    def _opened_store(self) -> ObjectStore:
        return ObjectStore(self.bucket, self._connection, self._encryption)

    def _reading_options(self) -> dict[str, Any]:
        # For another process, which only reads: it stores, samples and deletes nothing.
        return {**self._connection.options(), "encryption": self._encryption}

    def _save_recording(self, recording: Recording) -> None:
        for _, error in self._save_recordings([recording]):
            raise error

    def _save_recordings(
        self, recordings: Sequence[Recording]
    ) -> list[tuple[Recording, Exception]]:
        self._require_writable("save_recording")
        return self._saver.save(recordings)

    def _matching(self, wanted: RecordingFilter) -> Iterator[str]:
        found = self._lookup(wanted).found(with_metadata=False)
        return (recording_id for recording_id, _ in found)

    def _lookup(self, wanted: RecordingFilter) -> S3Lookup:
        return S3Lookup(self._store, self._keys, self._index, wanted)

    def _stored_recordings(self) -> list[StoredRecording]:
        sizes: dict[str, int] = {}
        for folder in (self._keys.metadata(), self._keys.full()):
            for listed in self._store.list(folder):
                recording_id = recording_id_in(listed.key, folder)
                if recording_id is not None:
                    sizes[recording_id] = sizes.get(recording_id, 0) + listed.size
        return [StoredRecording(one, start_of(one) or 0, size) for one, size in sizes.items()]

    def _prune(self, before: int | None, max_bytes: int | None) -> int:
        self._require_writable("prune")
        removed = [stored.id for stored in expired(self._stored_recordings(), before, max_bytes)]
        self._delete(removed)
        return len(removed)

    def _delete(self, recording_ids: list[str]) -> None:
        # Metadata first: what is found can be read.
        self._store.delete(map(self._keys.metadata, recording_ids))
        self._store.delete(map(self._keys.full, recording_ids))
        self._index_writer.forget(set(recording_ids))
        self._index.remove(recording_ids)

    def _read(self, key: Any, recording_id: str, max_bytes: int) -> bytes:
        # Any other would be no key, or that of something else.
        is_possible = start_of(recording_id) is not None
        body = self._store.get(key(recording_id), max_bytes) if is_possible else None
        if body is None:
            raise NoSuchRecording(recording_id)
        return body

    def _origin(self, key: str) -> str:
        return f"S3 bucket {self.bucket!r}, {key!r}: "

    def _require_writable(self, method: str) -> None:
        if self.read_only:
            raise CassetteReadOnlyError(
                f"{type(self).__name__} of S3 bucket {self.bucket!r} is read-only, so {method}() is"
                " refused; to write, make S3TapeCassette(..., read_only=False)."
            )

    def _after_fork(self) -> None:
        self._connection.after_fork()
        self._index_writer.renew()
        self._deletes_on_close = False


_cassettes: Final[WeakSet[S3TapeCassette]] = WeakSet()


def _after_fork() -> None:
    for cassette in list(_cassettes):
        cassette._after_fork()


os.register_at_fork(after_in_child=_after_fork)

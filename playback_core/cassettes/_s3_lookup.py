"""S3Lookup: which recordings match, by listings and the index."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from playback_core.cassettes._in_parallel import in_parallel
from playback_core.cassettes._reading import decoded_metadata
from playback_core.cassettes._s3_index import S3Index
from playback_core.cassettes._s3_keys import S3Keys, day_in, recording_id_in
from playback_core.cassettes._s3_objects import MAX_METADATA_BYTES, unpack_metadata
from playback_core.cassettes._s3_store import Listed, ObjectStore
from playback_core.errors import DamagedRecordingError
from playback_core.recording_filter import RecordingFilter
from playback_core.recording_id import category_prefix, day_of, start_of

_FIRST_LOOK: Final = 250
_LONGEST_LOOK: Final = 16_000


class Found(NamedTuple):
    """A recording that matches; its metadata is None where it was not read, or is damaged."""

    recording_id: str
    metadata: dict[str, Any] | None


class _Candidate(NamedTuple):
    recording_id: str
    etag: str


class S3Lookup:
    """One lookup; the listing tells which recordings there are, the index what is in them."""

    def __init__(
        self, store: ObjectStore, keys: S3Keys, index: S3Index, wanted: RecordingFilter
    ) -> None:
        self._store = store
        self._keys = keys
        self._index = index
        self._wanted = wanted
        self._known: dict[tuple[str, str], bytes] = {}

    def found(self, *, with_metadata: bool) -> Iterator[Found]:
        """Yield what matches, in the order asked for."""
        candidates = self._listed()
        if self._wanted.random_results:
            candidates = iter(self._wanted.arranged(list(candidates)))
        if not (with_metadata or self._wanted.metadata):
            return (Found(one.recording_id, None) for one in candidates)
        return self._accepted(candidates)

    def _listed(self) -> Iterator[_Candidate]:
        wanted, folder = self._wanted, self._keys.metadata()
        below = folder + category_prefix(wanted.category)
        earliest = max(wanted.earliest, 0)
        # Ids of a category sort by their start.
        after = f"{below}{day_of(earliest)}/{earliest:016x}"
        until = f"{below}{day_of(max(wanted.latest, 0))}0"
        for key, etag, _ in self._store.list(below, after, until):
            recording_id = recording_id_in(key, folder)
            if recording_id is not None and wanted.covers(start_of(recording_id) or 0):
                yield _Candidate(recording_id, etag)

    def _accepted(self, candidates: Iterator[_Candidate]) -> Iterator[Found]:
        unread = self._index_objects()
        for look in _looks(candidates):
            days = {day_in(candidate.recording_id) for candidate in look}
            self._learn([listed for day in days for listed in unread.pop(day, ())])
            known = [self._known.pop(candidate, None) for candidate in look]
            missing = [one for one, blob in zip(look, known, strict=True) if blob is None]
            read = iter(in_parallel(self._read, missing))
            for candidate, blob in zip(look, known, strict=True):
                found = next(read) if blob is None else _decoded(candidate, blob)
                if found is not None and self._accepts(found):
                    yield found

    def _index_objects(self) -> dict[str, list[Listed]]:
        wanted = self._wanted
        by_day: dict[str, list[Listed]] = {}
        days = day_of(max(wanted.earliest, 0)), day_of(max(wanted.latest, 0))
        for listed in self._index.objects(*days):
            by_day.setdefault(self._index.day_of(listed), []).append(listed)
        return by_day

    def _learn(self, objects: list[Listed]) -> None:
        below = category_prefix(self._wanted.category)
        for recording_id, etag, metadata in self._index.read(objects):
            if recording_id.startswith(below):
                self._known[recording_id, etag] = metadata

    def _read(self, candidate: _Candidate) -> Found | None:
        recording_id, etag = candidate
        try:
            key = self._keys.metadata(recording_id)
            body = self._store.get(key, MAX_METADATA_BYTES, etag)
            if body is None:
                return None  # deleted meanwhile
            return _decoded(candidate, unpack_metadata(recording_id, body))
        except DamagedRecordingError:
            return Found(recording_id, None)

    def _accepts(self, found: Found) -> bool:
        # Damaged metadata matches whatever the filter: reading it then says that it is damaged.
        return found.metadata is None or self._wanted.accepts(found.metadata)


def _decoded(candidate: _Candidate, blob: bytes) -> Found:
    try:
        return Found(candidate.recording_id, decoded_metadata(candidate.recording_id, blob))
    except DamagedRecordingError:
        return Found(candidate.recording_id, None)


def _looks(candidates: Iterator[_Candidate]) -> Iterator[list[_Candidate]]:
    """Yield candidates in lists that grow, so that a limit is soon met and many need few waits."""
    length = _FIRST_LOOK
    look = []
    for candidate in candidates:
        look.append(candidate)
        if len(look) == length:
            yield look
            look, length = [], min(length * 2, _LONGEST_LOOK)
    if look:
        yield look

"""The index: how many requests a lookup takes, and that none of its faults loses a recording."""

import os
from threading import Thread

import pytest

from playback_core import CassetteError
from playback_core.cassettes._s3_index import S3Index, new_series, slices
from playback_core.cassettes._s3_keys import S3Keys
from playback_core.cassettes._s3_objects import IndexEntry
from playback_core.recording import Recording
from playback_core.recording_id import new_recording_id
from playback_core.testing import save_new
from tests.cassettes.s3.conftest import ROOT, Backend, counted, denied

INDEX = ROOT + "shop/index/"
SECOND = 10**9
DAY = 1_772_323_200 * SECOND
NEXT_DAY = DAY + 86_400 * SECOND


def new_recording(started_at=DAY, **metadata):
    recording = Recording(new_recording_id("Operation", started_at), started_at=started_at)
    recording.add_metadata(metadata)
    return recording


def save_at(cassette, started_at, **metadata):
    recording = new_recording(started_at, **metadata)
    cassette.save_recording(recording)
    return recording.id


def indexed_ids(cassette):
    index = S3Index(cassette._store, S3Keys("shop"))
    return sorted({entry.recording_id for entry in index.read(index.objects())})


class Meddling(Backend):
    """Calls `before[name]` once, before the first request of that operation below a folder."""

    def __init__(self, folder="", **before):
        super().__init__()
        self._folder = folder
        self._before = before

    def get_object(self, **arguments):
        self._meddle("get_object", arguments["Key"])
        return super().get_object(**arguments)

    def put_object(self, **arguments):
        self._meddle("put_object", arguments["Key"])
        return super().put_object(**arguments)

    def _meddle(self, name, key):
        if key.startswith(self._folder) and name in self._before:
            self._before.pop(name)()


def test_ten_matches_among_four_thousand_take_forty_requests_or_fewer(open_cassette, s3):
    filling = open_cassette(client=Backend())
    recordings = [new_recording(DAY + number * SECOND, number=number) for number in range(4000)]
    for at in range(0, 4000, 10):
        assert filling._save_recordings(recordings[at : at + 10]) == []
    wanted = {"number": list(range(0, 4000, 400))}
    with counted(s3) as requests:
        found = list(open_cassette().iter_recording_ids("Operation", metadata=wanted))
    assert found == [recording.id for recording in recordings[::400]]
    assert requests.total() <= 40


def test_a_flush_writes_one_index_object_and_leaves_one(open_cassette, keys_of, s3):
    cassette = open_cassette()
    for flush in range(3):
        with counted(s3) as requests:
            assert cassette._save_recordings([new_recording(), new_recording()]) == []
        assert requests["PutObject"] == 2 * 2 + 1
        assert len(keys_of(INDEX)) == 1, flush
    assert len(indexed_ids(cassette)) == 6


def test_recordings_without_an_index_are_found_too(open_cassette, keys_of, s3, bucket):
    cassette = open_cassette()
    ids = [save_at(cassette, DAY + number, user=number % 2) for number in range(6)]
    (key,) = keys_of(INDEX)
    s3.delete_object(Bucket=bucket, Key=key)
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == ids[1::2]


@pytest.mark.parametrize("body", [b"", b"PB\x01\x00\x93\x01\x90\x90", b"PB\x01\x00\xc0", b"x" * 99])
def test_a_damaged_index_object_counts_as_not_there(body, open_cassette, keys_of, s3, bucket):
    cassette = open_cassette()
    saved = save_at(cassette, DAY, user=1)
    s3.put_object(Bucket=bucket, Key=keys_of(INDEX)[0], Body=body)
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == [saved]
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 2})) == []


def test_an_entry_counts_only_for_the_metadata_it_is_of(open_cassette):
    cassette, other = open_cassette(), open_cassette()
    saved = save_at(cassette, DAY, user=1)
    again = Recording(saved, started_at=DAY, metadata={"user": 2})
    failing = Meddling(INDEX, put_object=denied("PutObject"))
    open_cassette(client=failing).save_recording(again)
    assert list(other.iter_recording_ids("Operation", metadata={"user": 1})) == []
    assert list(other.iter_recording_ids("Operation", metadata={"user": 2})) == [saved]


def test_an_index_that_cannot_be_written_stops_no_recording(open_cassette, keys_of):
    failing = Meddling(INDEX, put_object=denied("PutObject"))
    cassette = open_cassette(client=failing)
    first = save_at(cassette, DAY, user=1)
    assert keys_of(INDEX) == []
    assert list(open_cassette().iter_recording_ids("Operation", metadata={"user": 1})) == [first]
    second = save_at(cassette, DAY + 1, user=1)
    assert indexed_ids(open_cassette()) == [first, second]


def test_objects_of_many_short_processes_are_compacted(open_cassette, keys_of):
    backend = Backend()
    ids = [save_at(open_cassette(client=backend), DAY + number) for number in range(100)]
    assert len(keys_of(INDEX)) <= 16
    assert indexed_ids(open_cassette()) == ids


def test_a_day_is_compacted_by_a_process_that_comes_to_the_next(open_cassette, keys_of):
    writers = [open_cassette(client=Backend()) for _ in range(3)]
    ids = [save_at(writer, DAY + number) for number, writer in enumerate(writers)]
    assert len(keys_of(INDEX + "20260301/")) == 3
    ids.append(save_at(writers[0], NEXT_DAY))
    assert len(keys_of(INDEX + "20260301/")) == 1
    assert len(keys_of(INDEX + "20260302/")) == 1
    assert indexed_ids(writers[0]) == ids


def test_writers_and_compactions_at_the_same_time_lose_no_entry(open_cassette):
    ids = []

    def write():
        for number in range(40):
            ids.append(save_at(open_cassette(client=Backend()), DAY + number))

    def compact():
        index = S3Index(open_cassette(client=Backend())._store, S3Keys("shop"))
        for _ in range(40):
            index.compact("20260301")

    threads = [Thread(target=target) for target in (write, write, compact, compact)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 80
    assert indexed_ids(open_cassette()) == sorted(ids)


def test_an_index_that_is_compacted_between_listing_and_reading_is_looked_for_again(
    open_cassette, s3
):
    writers = [open_cassette(client=Backend()) for _ in range(3)]
    ids = [save_at(writer, DAY + number, user=1) for number, writer in enumerate(writers)]
    gets = []

    def compact():
        S3Index(writers[0]._store, S3Keys("shop")).compact("20260301")

    class Reading(Meddling):
        def get_object(self, **arguments):
            gets.append(arguments["Key"])
            return super().get_object(**arguments)

    reader = open_cassette(client=Reading(INDEX, get_object=compact))
    assert list(reader.iter_recording_ids("Operation", metadata={"user": 1})) == ids
    assert all(key.startswith(INDEX) for key in gets), "no recording had to be read by itself"


def test_a_deleted_recording_leaves_no_metadata_behind(open_cassette, keys_of, s3, bucket):
    cassette, other = open_cassette(), open_cassette()
    deleted = save_at(cassette, DAY, secret="x")
    kept = [save_at(cassette, DAY + 1), save_at(other, DAY + 2)]
    other.delete_recording(deleted)
    assert indexed_ids(other) == kept
    own = save_at(cassette, DAY + 3)
    cassette.delete_recording(own)
    last = save_at(cassette, DAY + 4)
    assert own not in indexed_ids(other)
    assert last in indexed_ids(other)


def test_pruning_the_last_recording_of_a_day_leaves_no_object(open_cassette, keys_of):
    cassette = open_cassette()
    save_at(cassette, DAY)
    assert cassette.prune(max_bytes=0) == 1
    assert keys_of(ROOT) == []


def test_writers_that_may_not_delete_keep_recording(open_cassette, s3, keys_of):
    class WriteOnly(Backend):
        def delete_objects(self, **_):
            denied("DeleteObjects")()

    cassette = open_cassette(client=WriteOnly())
    ids = [save_at(cassette, DAY + number) for number in range(20)]
    assert len(keys_of(INDEX)) == 20
    reader = open_cassette()
    with counted(s3) as requests:
        assert len(list(reader.iter_recordings_metadata("Operation"))) == 20
    assert requests == {"ListObjectsV2": 2, "GetObject": 1}
    assert indexed_ids(reader) == ids
    with pytest.raises(CassetteError, match="DeleteObject"):
        cassette.delete_recording(ids[0])


def test_a_process_that_may_only_put_objects_records(open_cassette):
    class PutOnly(Backend):
        def list_objects_v2(self, **_):
            denied("ListObjectsV2")()

        get_object = delete_objects = list_objects_v2

    cassette = open_cassette(client=PutOnly())
    ids = [save_at(cassette, DAY + number, user=1) for number in range(3)]
    assert list(open_cassette().iter_recording_ids("Operation", metadata={"user": 1})) == ids


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_writes_an_index_of_its_own(open_cassette, endpoint_url):
    cassette = open_cassette(endpoint_url=endpoint_url)
    ids = [save_at(cassette, DAY)]
    child_id = new_recording(DAY + 1).id
    child = os.fork()
    if not child:
        status = 1
        try:
            cassette.save_recording(Recording(child_id, started_at=DAY + 1))
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    ids += [child_id, save_at(cassette, DAY + 2)]
    assert indexed_ids(cassette) == ids


def test_an_index_object_is_no_larger_than_what_is_read(open_cassette, keys_of):
    index = S3Index(open_cassette()._store, S3Keys("shop"))
    many = [IndexEntry(new_recording().id, "etag", b"") for _ in range(20_000)]
    long = [IndexEntry(new_recording().id, "etag", b"x" * 16_000) for _ in range(1000)]
    for entries in (many, long, []):
        parts = list(slices(entries))
        assert [entry for part in parts for entry in part] == entries
        for part in parts:
            index.write(index.key("20260301", new_series()), part)
    assert len(keys_of(INDEX)) > 5
    assert index.read(index.objects()) == many + long


def test_long_metadata_is_found_without_the_index(open_cassette):
    cassette = open_cassette()
    save_new(cassette, text="x" * 100_000, user=1)
    assert indexed_ids(cassette) == []
    assert len(list(cassette.iter_recording_ids("Operation", metadata={"user": 1}))) == 1

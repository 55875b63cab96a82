"""SQLiteTapeCassette stores the recordings of a batch in blocks: each comes back as its own."""

import os
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import DamagedRecordingError, Recording, SettingsError, SQLiteTapeCassette
from playback_core.cassettes import _reading
from playback_core.codec import Limits


@pytest.fixture
def path(tmp_path):
    return tmp_path / "playback.db"


@pytest.fixture
def cassette(path):
    with SQLiteTapeCassette(path) as cassette:
        yield cassette


def with_data(data, category="Operation"):
    recording = Recording.new(category)
    recording.set_data("key", data)
    recording.add_metadata({"user": 1})
    return recording


def save_batch(cassette, values):
    batch = [with_data(value) for value in values]
    assert cassette._save_recordings(batch) == []
    return batch


def read(cassette, recording):
    return cassette.get_recording(recording.id).get_data("key")


def query(path, statement, *values):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def blocks(path):
    return [block for (block,) in query(path, "SELECT block FROM payloads ORDER BY block")]


def count_unpacked(monkeypatch):
    unpacked = []
    decompress = _reading.decompress

    def counted(blob, max_bytes):
        unpacked.append(blob)
        return decompress(blob, max_bytes)

    monkeypatch.setattr(_reading, "decompress", counted)
    return unpacked


# From many to a block to several blocks to a recording.
SIZES = st.sampled_from([0, 1, 100, 5_000, 70_000, 300_000])


@given(st.lists(SIZES, max_size=20), st.randoms(use_true_random=False))
def test_each_recording_of_a_batch_comes_back_to_the_byte(tmp_path_factory, sizes, random):
    path = tmp_path_factory.mktemp("blocks") / "playback.db"
    with SQLiteTapeCassette(path) as cassette:
        batch = save_batch(cassette, [os.urandom(size) for size in sizes])
        random.shuffle(batch)
        for recording in batch:
            stored = cassette.get_recording(recording.id)
            assert stored.pack(compressed=False) == recording.pack(compressed=False)


def test_a_batch_takes_a_block_for_every_few_recordings(path, cassette):
    save_batch(cassette, range(20))
    assert len(blocks(path)) == 3


def test_what_recordings_share_is_stored_once_for_a_block(path, cassette):
    shared = os.urandom(5_000)
    save_batch(cassette, [shared] * 8)
    [(size,)] = query(path, "SELECT sum(length(payload)) FROM payloads")
    assert size < 1.2 * len(shared)


def test_neighbours_are_unpacked_once(cassette, monkeypatch):
    batch = save_batch(cassette, range(8))
    unpacked = count_unpacked(monkeypatch)
    assert [read(cassette, recording) for recording in batch] == list(range(8))
    assert len(unpacked) == 1


def test_a_large_block_is_not_kept_in_memory(cassette, monkeypatch):
    [recording] = save_batch(cassette, [bytes(2 * 1024 * 1024)])
    unpacked = count_unpacked(monkeypatch)
    for _ in range(2):
        assert read(cassette, recording) == bytes(2 * 1024 * 1024)
    assert len(unpacked) == 2


def test_what_replaces_a_recording_is_read_after_its_neighbour_was(path, cassette):
    first, second = save_batch(cassette, ["old", "neighbour"])
    assert read(cassette, second) == "neighbour"
    replacing = Recording(first.id, started_at=first.started_at)
    replacing.set_data("key", "new")
    assert cassette._save_recordings([with_data("other"), replacing]) == []
    assert read(cassette, first) == "new"
    assert read(cassette, second) == "neighbour"
    assert len(list(cassette.iter_recording_ids("Operation"))) == 3
    assert len(blocks(path)) == 2


def test_of_an_id_twice_in_a_batch_the_later_one_stays(cassette):
    first = with_data("old")
    later = Recording(first.id, started_at=first.started_at)
    later.set_data("key", "new")
    assert cassette._save_recordings([first, with_data("other"), later]) == []
    assert read(cassette, first) == "new"
    assert len(list(cassette.iter_recording_ids("Operation"))) == 2


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_a_block_goes_with_the_last_of_its_recordings(path, cassette, order):
    save_batch(cassette, ["before"])
    batch = save_batch(cassette, range(3))
    save_batch(cassette, ["after"])
    assert len(blocks(path)) == 3
    left = [batch[number] for number in order]
    while left:
        cassette.delete_recording(left.pop().id)
        for recording in left:
            assert read(cassette, recording) == batch.index(recording)
        assert len(blocks(path)) == (3 if left else 2)


def test_a_damaged_block_is_the_damage_of_its_recordings_alone(path, cassette):
    damaged = save_batch(cassette, range(8))
    sound = save_batch(cassette, range(8))
    query(path, "UPDATE payloads SET payload = substr(payload, 1, 40) WHERE block = 1")
    for recording in damaged:
        with pytest.raises(DamagedRecordingError, match=r"[Dd]elete it") as caught:
            cassette.get_recording(recording.id)
        assert recording.id in str(caught.value)
        assert cassette.get_recording_metadata(recording.id) == {"user": 1}
    assert [read(cassette, recording) for recording in sound] == list(range(8))
    found = list(cassette.iter_recording_ids("Operation", metadata={"user": 1}))
    assert found == [recording.id for recording in damaged + sound]
    for recording in damaged:
        cassette.delete_recording(recording.id)
    assert blocks(path) == [9]


@pytest.mark.parametrize("column", ["block", "start", "length"])
@pytest.mark.parametrize("damage", [-1, 1, 10**6, 2**62, "text", b"blob", 0.5])
def test_a_wrong_place_in_a_block_is_damage(path, cassette, column, damage):
    _, damaged, sound = save_batch(cassette, ["before", "damaged", "sound"])
    if column == "block" and damage == 1:
        damage = 2
    query(path, f"UPDATE recordings SET {column} = ? WHERE id = ?", damage, damaged.id)
    with pytest.raises(DamagedRecordingError, match=damaged.id):
        cassette.get_recording(damaged.id)
    assert read(cassette, sound) == "sound"
    cassette.delete_recording(damaged.id)
    assert read(cassette, sound) == "sound"


def test_a_block_that_unpacks_to_too_much_is_not_read(cassette, monkeypatch):
    [recording, _] = save_batch(cassette, [bytes(10_000), 1])
    monkeypatch.setattr(_reading, "DEFAULT_LIMITS", Limits(max_bytes=1_000))
    with pytest.raises(DamagedRecordingError, match="more than 1,000 bytes"):
        cassette.get_recording(recording.id)


def test_the_limit_holds_for_batches_and_keeps_the_newest(path):
    limit = 256 * 1024
    with SQLiteTapeCassette(path, max_bytes=limit) as cassette:
        batch = []
        for _ in range(6):
            batch += save_batch(cassette, [os.urandom(3_000) for _ in range(40)])
        kept = list(cassette.iter_recording_ids("Operation"))
        assert kept == [recording.id for recording in batch[-len(kept) :]]
        assert 20 < len(kept) < 90
        for recording in batch[-len(kept) :]:
            assert read(cassette, recording) == recording.get_data("key")
    assert path.stat().st_size <= limit


@pytest.mark.parametrize("count", [1, 63, 64, 65, 150])
def test_each_recording_of_a_batch_of_any_length_is_found_by_its_metadata(cassette, count):
    batch = [with_data(number) for number in range(count)]
    for number, recording in enumerate(batch):
        recording.add_metadata({"number": number, "path": f"/orders/{number}"})
    assert cassette._save_recordings(batch) == []
    for number, recording in enumerate(batch):
        wanted = {"number": number, "path": f"/orders/{number}"}
        assert list(cassette.iter_recording_ids("Operation", metadata=wanted)) == [recording.id]


def test_what_makes_room_for_the_rest_of_its_batch_leaves_nothing_behind(path):
    with SQLiteTapeCassette(path, max_bytes=256 * 1024) as cassette:
        batch = save_batch(cassette, [os.urandom(4 * 1024) for _ in range(100)])
        stored = list(cassette.iter_recording_ids("Operation"))
        assert 0 < len(stored) < len(batch)
        assert stored == [recording.id for recording in batch[-len(stored) :]]
        assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == stored
    kept = "(SELECT seq FROM recordings)"
    assert query(path, f"SELECT * FROM metadata_values WHERE seq NOT IN {kept}") == []


def test_of_a_batch_only_what_is_too_large_is_refused(path):
    with SQLiteTapeCassette(path, max_bytes=128 * 1024) as cassette:
        batch = [with_data(data) for data in (b"a", os.urandom(200_000), b"b")]
        [(refused, error)] = cassette._save_recordings(batch)
        assert refused is batch[1]
        assert isinstance(error, SettingsError)
        assert [read(cassette, recording) for recording in (batch[0], batch[2])] == [b"a", b"b"]

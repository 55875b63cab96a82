"""SQLiteTapeCassette: the contract, its file, its limit, and what can be wrong with it."""

import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from playback_core import (
    CassetteClosedError,
    CassetteError,
    DamagedRecordingError,
    NoSuchRecording,
    SettingsError,
    SQLiteTapeCassette,
)
from playback_core.cassettes import _schema
from playback_core.testing import CassetteContract, save_new


@pytest.fixture
def path(tmp_path):
    return tmp_path / "playback.db"


@pytest.fixture
def cassette(path):
    with SQLiteTapeCassette(path) as cassette:
        yield cassette


class TestSQLiteTapeCassette(CassetteContract):
    @pytest.fixture
    def cassette(self, cassette):
        return cassette


def change(path, statement, *values):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def save_big(cassette, size=20_000, **options):
    """Save a recording that does not compress."""
    recording = cassette.create_new_recording("Operation")
    recording.set_data("key", os.urandom(size))
    cassette.save_recording(recording)
    return recording.id


def test_recordings_outlive_the_process_that_made_them(path):
    with SQLiteTapeCassette(path) as cassette:
        recording_id = save_new(cassette, user=1)
    with SQLiteTapeCassette(path, create=False) as cassette:
        assert cassette.get_recording(recording_id).get_metadata() == {"user": 1}


def test_the_file_and_its_log_are_private_from_the_start(path):
    before = os.umask(0)
    try:
        cassette = SQLiteTapeCassette(path)
    finally:
        os.umask(before)
    save_new(cassette)
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    cassette.close()
    assert files == {f"playback.db{end}": 0o600 for end in ("", "-wal", "-shm")}


def test_missing_folders_are_made(tmp_path):
    path = tmp_path / "instance" / "deep" / "playback.db"
    with SQLiteTapeCassette(path):
        assert path.is_file()


def test_a_relative_path_is_the_one_it_was_when_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SQLiteTapeCassette("playback.db") as cassette:
        monkeypatch.chdir("/")
        save_new(cassette)
    assert (tmp_path / "playback.db").is_file()


def test_an_empty_file_becomes_a_database(path):
    path.touch()
    with SQLiteTapeCassette(path) as cassette:
        save_new(cassette)


def test_reading_a_missing_file_does_not_make_it(path):
    with pytest.raises(CassetteError, match=r"no recording database at .*record first"):
        SQLiteTapeCassette(path, create=False)
    path.touch()
    with pytest.raises(CassetteError, match="is empty"):
        SQLiteTapeCassette(path, create=False)
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_size == 0


def test_a_file_of_another_kind_is_refused_and_left_alone(path):
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    before = path.read_bytes()
    with pytest.raises(CassetteError, match="no SQLite database"):
        SQLiteTapeCassette(path)
    assert path.read_bytes() == before


def test_a_database_of_another_application_is_refused_and_left_alone(path):
    change(path, "CREATE TABLE users (id)")
    before = path.read_bytes()
    with pytest.raises(CassetteError, match="another application"):
        SQLiteTapeCassette(path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(path):
    SQLiteTapeCassette(path).close()
    change(path, f"PRAGMA user_version = {_schema.SCHEMA_VERSION + 1}")
    with pytest.raises(CassetteError, match="upgrade"):
        SQLiteTapeCassette(path)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON payloads BEGIN DELETE FROM recordings; END",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE payloads",
    ],
)
def test_a_database_with_altered_tables_is_refused(path, statement):
    SQLiteTapeCassette(path).close()
    change(path, statement)
    with pytest.raises(CassetteError, match="altered or damaged"):
        SQLiteTapeCassette(path)


@pytest.mark.parametrize("create", [True, False])
def test_a_directory_is_no_database(tmp_path, create):
    with pytest.raises(CassetteError, match="is a directory; name the file"):
        SQLiteTapeCassette(tmp_path, create=create)


def test_a_folder_that_cannot_be_made_is_an_error_with_advice(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CassetteError, match="name a folder"):
        SQLiteTapeCassette(tmp_path / "file" / "playback.db")


@pytest.mark.parametrize("column", ["payload", "metadata"])
@pytest.mark.parametrize("damage", [b"", b"PB\x01\x01garbage", "text", 1])
def test_a_damaged_recording_is_named_and_the_others_are_read(path, cassette, column, damage):
    damaged, sound = save_new(cassette, user=1), save_new(cassette, user=1)
    table, number = ("payloads", "block") if column == "payload" else ("recordings", "seq")
    change(
        path,
        f"UPDATE {table} SET {column} = ? WHERE {number} ="
        f" (SELECT {number} FROM recordings WHERE id = ?)",
        damage,
        damaged,
    )
    with pytest.raises(DamagedRecordingError, match=r"[Dd]elete it") as caught:
        cassette.get_recording(damaged)
    assert damaged in str(caught.value)
    assert cassette.get_recording(sound).get_data("key") == {"value": 1}
    # It is found, so that a comparison of what matches does not pass over it.
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == [damaged, sound]
    cassette.delete_recording(damaged)
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == [sound]


@pytest.mark.parametrize(("table", "column"), [("recordings", "id"), ("categories", "name")])
def test_a_name_that_is_no_text_is_an_error_that_names_the_file(path, cassette, table, column):
    save_new(cassette)
    change(path, f"UPDATE {table} SET {column} = ?", b"\xff")
    with pytest.raises(CassetteError, match=r"playback\.db: b'\\xff' stands where an id or a"):
        [list(cassette.iter_recording_ids(each)) for each in cassette.iter_categories()]
    assert cassette.prune(datetime.now(UTC)) == 1


def test_a_payload_that_is_gone_is_damage(path, cassette):
    recording_id = save_new(cassette)
    change(path, "DELETE FROM payloads")
    with pytest.raises(DamagedRecordingError):
        cassette.get_recording(recording_id)


INDEX = "recordings_by_time"


def test_an_index_without_its_recordings_is_damage(path, cassette):
    save_new(cassette)
    cassette.close()
    # Taken out of the schema and put back, so that it does not notice what is removed meanwhile.
    listed = change_schema(path, "SELECT * FROM sqlite_master WHERE name = ?", INDEX)
    change_schema(path, "DELETE FROM sqlite_master WHERE name = ?", INDEX)
    change(path, "DELETE FROM recordings")
    change_schema(path, "INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", *listed[0])

    with (
        SQLiteTapeCassette(path) as damaged,
        pytest.raises(CassetteError, match="the file is damaged, keep a copy"),
    ):
        damaged.prune(datetime.now(UTC))


def test_a_schema_that_is_no_text_is_damage(path, cassette):
    cassette.close()
    change_schema(
        path, "UPDATE sqlite_master SET sql = CAST(? AS TEXT) WHERE name = ?", b"CREATE\xc7", INDEX
    )

    with pytest.raises(CassetteError, match="the file is damaged; keep a copy"):
        SQLiteTapeCassette(path)


def change_schema(path, statement, *values):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        return connection.execute(statement, values).fetchall()


def test_a_locked_database_is_an_error_with_advice(path):
    with SQLiteTapeCassette(path, timeout=0) as cassette:
        kept = save_new(cassette)
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(CassetteError, match="another process kept it locked"):
                save_new(cassette)
            other.rollback()
        later = save_new(cassette)
        assert list(cassette.iter_recording_ids("Operation")) == [kept, later]


def test_a_full_disk_stores_nothing_of_a_batch(path, cassette):
    kept = save_new(cassette)
    with cassette._database.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    batch = [cassette.create_new_recording("Operation") for _ in range(3)]
    for recording in batch:
        recording.set_data("key", os.urandom(10_000))
    failures = cassette._save_recordings(batch)
    assert [recording for recording, _ in failures] == batch
    assert all("disk is full" in str(error) for _, error in failures)
    assert list(cassette.iter_recording_ids("Operation")) == [kept]


def test_one_recording_that_cannot_be_packed_does_not_take_the_batch_with_it(cassette):
    broken, sound = (cassette.create_new_recording("Operation") for _ in range(2))
    broken.entries.append(None)
    failures = cassette._save_recordings([broken, sound])
    assert [recording for recording, _ in failures] == [broken]
    assert list(cassette.iter_recording_ids("Operation")) == [sound.id]


def test_the_limit_removes_the_oldest_and_bounds_the_file(path):
    limit = 512 * 1024
    with SQLiteTapeCassette(path, max_bytes=limit) as cassette:
        ids = [save_big(cassette) for _ in range(60)]
        kept = list(cassette.iter_recording_ids("Operation"))
        assert kept == ids[-len(kept) :]
        assert 15 < len(kept) < 30
        with pytest.raises(NoSuchRecording):
            cassette.get_recording(ids[0])
    assert path.stat().st_size <= limit


def test_a_smaller_limit_shrinks_the_file_at_the_next_save(path):
    with SQLiteTapeCassette(path) as cassette:
        for _ in range(40):
            save_big(cassette)
    limit = 128 * 1024
    with SQLiteTapeCassette(path, max_bytes=limit) as cassette:
        newest = save_big(cassette)
        assert list(cassette.iter_recording_ids("Operation"))[-1] == newest
    assert path.stat().st_size <= limit


def test_a_recording_larger_than_the_limit_is_refused_and_removes_nothing(path):
    with SQLiteTapeCassette(path, max_bytes=128 * 1024) as cassette:
        kept = save_big(cassette)
        with pytest.raises(SettingsError, match="raise max_bytes"):
            save_big(cassette, 200_000)
        assert list(cassette.iter_recording_ids("Operation")) == [kept]


def test_pruning_gives_the_space_back(path):
    now = datetime.now(UTC)
    with SQLiteTapeCassette(path) as cassette:
        for _ in range(30):
            save_big(cassette)
        assert cassette.prune(now - timedelta(days=1)) == 0
        assert cassette.prune(now + timedelta(days=1)) == 30
        assert list(cassette.iter_categories()) == []
    assert path.stat().st_size < 50_000


def test_a_file_that_was_removed_is_made_again(path, cassette):
    save_new(cassette)
    path.unlink()
    recording_id = save_new(cassette)
    assert list(cassette.iter_recording_ids("Operation")) == [recording_id]
    with SQLiteTapeCassette(path, create=False) as other:
        assert list(other.iter_recording_ids("Operation")) == [recording_id]


def test_a_closed_cassette_says_so(path):
    cassette = SQLiteTapeCassette(path)
    cassette.close()
    with pytest.raises(CassetteClosedError, match="closed"):
        save_new(cassette)
    with pytest.raises(CassetteClosedError):
        list(cassette.iter_recording_ids("Operation"))


def test_a_recording_deleted_during_a_lookup_is_passed_over(cassette):
    ids = [save_new(cassette) for _ in range(40)]
    found = cassette.iter_recording_ids("Operation")
    assert next(found) == ids[0]
    cassette.delete_recording(ids[-1])
    assert list(found) == ids[1:-1]


@pytest.mark.parametrize(
    "options",
    [{"max_bytes": 10}, {"max_bytes": "1GiB"}, {"timeout": -1}, {"timeout": "x"}],
)
def test_wrong_options_are_refused(path, options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        SQLiteTapeCassette(path, **options)
    assert not path.exists()

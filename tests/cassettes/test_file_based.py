"""FileBasedTapeCassette: the contract, its files, its limit, and what can be wrong with them."""

import errno
import fcntl
import os
import resource
import stat
import struct
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zlib import crc32

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import (
    CassetteClosedError,
    CassetteError,
    DamagedRecordingError,
    FileBasedTapeCassette,
    NoSuchRecording,
    PlaybackError,
    Recording,
    SettingsError,
)
from playback_core.cassettes._file_errors import file_error
from playback_core.cassettes._recording_file import read_recording_file
from playback_core.codec import compress
from playback_core.testing import CassetteContract, CassetteReadContract, save_new

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "recordings"


@pytest.fixture
def cassette(directory):
    with FileBasedTapeCassette(directory) as cassette:
        yield cassette


class TestFileBasedTapeCassette(CassetteContract):
    @pytest.fixture
    def cassette(self, cassette):
        return cassette


class TestWhatAnotherProcessRecords(CassetteReadContract):
    @pytest.fixture
    def cassette(self, cassette, directory):
        with FileBasedTapeCassette(directory, create=False) as reading:
            yield reading

    def writer(self, cassette):
        return FileBasedTapeCassette(cassette.directory)


def save_big(cassette, size=20_000):
    """Save a recording that does not compress."""
    recording = cassette.create_new_recording("Operation")
    recording.set_data("key", os.urandom(size))
    cassette.save_recording(recording)
    return recording.id


def file_of(directory, recording_id):
    return directory / f"{recording_id}.recording"


def files_in(directory):
    return sorted(path for path in directory.rglob("*.recording"))


def index_of(directory):
    (index,) = directory.rglob(".index")
    return index


class Parts(NamedTuple):
    """What a recording's file holds, of any types."""

    id: Any
    started_at: Any
    metadata: Any
    payload: bytes

    @classmethod
    def of(cls, packed):
        return cls(packed.id, packed.started_at, packed.metadata, packed.payload)


def file_content_of(parts):
    header = ormsgpack.packb(parts[:3])
    sizes = (len(header), crc32(header), crc32(parts.payload))
    return b"PBR\x01" + struct.pack(">III", *sizes) + header + parts.payload


def find(cassette, category="Operation", **metadata):
    return list(cassette.iter_recording_ids(category, metadata=metadata))


def bytes_on_disk(directory):
    return sum(
        -(-path.stat().st_size // 4096) * 4096 for path in directory.rglob("*") if path.is_file()
    )


def test_a_recording_is_a_file_called_by_its_id(directory, cassette):
    recording_id = save_new(cassette)
    assert files_in(directory) == [file_of(directory, recording_id)]


def test_a_file_can_be_taken_to_another_machine(directory, cassette, tmp_path):
    recording_id = save_new(cassette, user=1)
    target = file_of(tmp_path / "other", recording_id)
    target.parent.mkdir(parents=True)
    target.write_bytes(file_of(directory, recording_id).read_bytes())
    with FileBasedTapeCassette(tmp_path / "other", create=False) as other:
        assert find(other, user=1) == [recording_id]
        assert other.get_recording(recording_id).get_data("key") == {"value": 1}


def test_files_and_folders_are_private_from_the_start(directory):
    before = os.umask(0)
    try:
        with FileBasedTapeCassette(directory) as cassette:
            save_new(cassette)
            save_new(cassette, started_at=DAY)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in directory.rglob("*")}
    assert modes == {(True, 0o700), (False, 0o600)}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@given(category=st.text(min_size=1), day=st.text("0123456789/.o", min_size=1), unique=st.text())
def test_no_id_leads_out_of_the_directory_or_is_mixed_up(category, day, unique):
    odd = f"{category}/{day}/{unique}"
    with TemporaryDirectory() as folder, FileBasedTapeCassette(f"{folder}/recordings") as cassette:
        usual = save_new(cassette, category)
        assert list(cassette.iter_recording_ids(category)) == [usual]
        try:
            cassette.save_recording(Recording(odd, started_at=5, metadata={"odd": True}))
        except SettingsError:
            assert not all(odd.rsplit("/", 2))
        else:
            assert cassette.get_recording(odd).id == odd
            assert find(cassette, cassette.extract_recording_category(odd), odd=True) == [odd]
            cassette.delete_recording(odd)
        assert [path.name for path in Path(folder).iterdir()] == ["recordings"]
        assert [path.name for path in Path(folder).rglob("*.recording")] == [
            usual.rpartition("/")[2] + ".recording"
        ]


@pytest.mark.parametrize(
    "category",
    ["..", ".", ".hidden", "../../etc", "ü" * 200, "a" * 5000, "other", "20260101", "#x"],
)
def test_a_category_may_be_called_anything(directory, cassette, category):
    recording_id = save_new(cassette, category, user=1)
    assert find(cassette, category, user=1) == [recording_id]
    assert list(cassette.iter_categories()) == [category]
    (file,) = files_in(directory)
    assert len(file.relative_to(directory).parts) == 3
    file.write_bytes(b"damaged")
    index_of(directory).unlink()
    assert find(cassette, category, user=1) == [recording_id]
    assert cassette.prune(max_bytes=0) == 1
    assert list(cassette.iter_categories()) == []


@pytest.mark.parametrize(
    "recording_id",
    ["../../../../etc/passwd", "/etc/20260101/passwd", "a/../b", "a/./b", "no id", "", "a/b/\0"],
)
def test_an_id_from_anywhere_is_no_such_recording(cassette, recording_id):
    for read in (
        cassette.get_recording,
        cassette.get_recording_metadata,
        cassette.delete_recording,
    ):
        with pytest.raises(NoSuchRecording):
            read(recording_id)


def test_a_lookup_reads_the_index_and_no_recording(directory, cassette):
    ids = [save_new(cassette, user=number) for number in range(3)]
    for file in files_in(directory):
        file.write_bytes(b"not read")
    assert find(cassette, user=1) == [ids[1]]


@given(st.data())
def test_no_damage_to_the_index_hides_a_recording_or_shows_one_that_is_gone(data):
    with TemporaryDirectory() as folder, FileBasedTapeCassette(folder) as cassette:
        ids = [save_new(cassette, user=number % 2) for number in range(6)]
        cassette.delete_recording(ids[0])
        index = index_of(Path(folder))
        content = bytearray(index.read_bytes())
        kind = data.draw(st.sampled_from(["cut", "flip", "insert", "gone"]))
        place = data.draw(st.integers(0, len(content) - 1))
        if kind == "cut":
            del content[place:]
        elif kind == "flip":
            content[place] ^= data.draw(st.integers(1, 255))
        elif kind == "insert":
            content[place:place] = data.draw(st.binary(max_size=20))
        index.write_bytes(content)
        if kind == "gone":
            index.unlink()
        later = save_new(cassette, user=1)
        assert find(cassette, user=0) == ids[2::2]
        assert find(cassette, user=1) == [*ids[1::2], later]


def test_a_recording_whose_line_was_never_written_is_found(directory, cassette):
    first = save_new(cassette, user=1)
    before = index_of(directory).read_bytes()
    second = save_new(cassette, user=1)
    index_of(directory).write_bytes(before)
    assert find(cassette, user=1) == [first, second]


def test_a_line_that_describes_a_replaced_recording_is_void(directory, cassette):
    recording_id = save_new(cassette, user=1)
    first = index_of(directory).read_bytes()
    cassette.save_recording(Recording(recording_id, started_at=5, metadata={"user": 2}))
    lines = index_of(directory).read_bytes().split(b"\n")
    # As if the writer had been killed before the last line.
    index_of(directory).write_bytes(b"\n".join(lines[:-2]) + b"\n")
    assert index_of(directory).read_bytes().startswith(first)
    assert find(cassette, user=1) == []
    assert find(cassette, user=2) == [recording_id]


@pytest.mark.parametrize("name", ["index is a folder", "index is a pipe"])
def test_what_is_no_index_is_passed_over(directory, cassette, name):
    recording_id = save_new(cassette, user=1)
    index = index_of(directory)
    index.unlink()
    if "folder" in name:
        index.mkdir()
    else:
        os.mkfifo(index)
    assert find(cassette, user=1) == [recording_id]


def test_what_is_no_recording_is_not_listed(directory, cassette):
    kept = save_new(cassette)
    folder = file_of(directory, kept).parent
    (folder / "notes.txt").write_text("x")
    (folder / "copy of it.recording").write_text("x")
    (folder / "abc.recording").mkdir()
    (folder / "abd.recording").symlink_to("/etc/passwd")
    os.mkfifo(folder / "abe.recording")
    (directory / "Operation" / "notes").mkdir()
    (directory / "README").write_text("x")
    assert find(cassette) == [kept]
    assert list(cassette.iter_categories()) == ["Operation"]
    for name in ("abc", "abd", "abe"):
        with pytest.raises(CassetteError, match=name):
            cassette.get_recording(f"Operation/{folder.name}/{name}")
    assert cassette.prune(max_bytes=0) == 1
    assert (folder / "notes.txt").exists()


def test_dates_are_those_of_the_start_whatever_day_is_in_the_id(cassette):
    recording = cassette.create_new_recording("Operation")
    recording.started_at = int(DAY.timestamp()) * 1_000_000_000
    cassette.save_recording(recording)
    moved, now = recording.id, save_new(cassette)
    assert list(cassette.iter_recording_ids("Operation", end_date=DAY)) == [moved]
    assert list(cassette.iter_recording_ids("Operation", DAY + timedelta(days=1))) == [now]
    assert list(cassette.iter_recording_ids("Operation")) == [moved, now]


def test_the_days_of_a_category_come_in_order(cassette):
    ids = [f"Operation/202603{day:02}/{day}" for day in (5, 1, 3)]
    for recording_id in ids:
        started = datetime.strptime(recording_id.split("/")[1], "%Y%m%d").replace(tzinfo=UTC)
        cassette.save_recording(
            Recording(recording_id, started_at=int(started.timestamp()) * 1_000_000_000)
        )
    handmade = "Operation/202603/4"
    cassette.save_recording(Recording(handmade, started_at=1_772_420_000_000_000_000))
    in_order = [ids[1], handmade, ids[2], ids[0]]
    assert list(cassette.iter_recording_ids("Operation")) == in_order
    assert list(cassette.iter_recording_ids("Operation", limit=2)) == in_order[:2]
    since = datetime(2026, 3, 2, tzinfo=UTC)
    assert list(cassette.iter_recording_ids("Operation", since)) == in_order[1:]
    until = datetime(2026, 3, 3, tzinfo=UTC)
    assert list(cassette.iter_recording_ids("Operation", since, until)) == in_order[1:3]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("damage", [b"", b"PB", b"PBR\x01" + b"\xff" * 40, b"x" * 100_000])
def test_a_damaged_recording_is_named_and_the_others_are_read(directory, cassette, damage, indexed):
    damaged, sound = save_new(cassette, user=1), save_new(cassette, user=1)
    file_of(directory, damaged).write_bytes(damage)
    if not indexed:
        index_of(directory).unlink()
    for read in (cassette.get_recording, cassette.get_recording_metadata):
        with pytest.raises(DamagedRecordingError, match=r"[Dd]elete it") as caught:
            read(damaged)
        assert str(file_of(directory, damaged)) in str(caught.value)
    assert cassette.get_recording(sound).get_data("key") == {"value": 1}
    # It is found, so that a comparison of what matches does not pass over it.
    assert find(cassette, user=1) == [damaged, sound]
    cassette.delete_recording(damaged)
    assert find(cassette, user=1) == [sound]


def test_a_recording_under_the_name_of_another_is_damaged(directory, cassette):
    one, other = save_new(cassette), save_new(cassette)
    file_of(directory, one).write_bytes(file_of(directory, other).read_bytes())
    with pytest.raises(DamagedRecordingError, match=f"it holds {other}"):
        cassette.get_recording(one)
    index_of(directory).unlink()
    assert find(cassette) == [one, other]


def test_metadata_may_be_large(directory, cassette):
    recording_id = save_new(cassette, text="x" * 100_000, user=1)
    index_of(directory).unlink()
    assert find(cassette, user=1) == [recording_id]
    assert cassette.get_recording_metadata(recording_id)["text"] == "x" * 100_000


@pytest.mark.parametrize(
    "forge",
    [
        lambda packed: packed._replace(id=5),
        lambda packed: packed._replace(started_at="now"),
        lambda packed: packed._replace(metadata=None),
        lambda packed: packed._replace(metadata=b"garbage"),
        lambda packed: packed._replace(payload=b"garbage"),
        lambda packed: packed._replace(payload=compress(b"garbage")),
    ],
)
def test_a_forged_file_with_sound_checksums_is_named(directory, cassette, forge):
    recording_id = save_new(cassette)
    file = file_of(directory, recording_id)
    content = file_content_of(forge(Parts.of(read_recording_file(file))))
    file.write_bytes(content)
    with pytest.raises(DamagedRecordingError, match=file.name):
        cassette.get_recording(recording_id)
    index_of(directory).unlink()
    assert find(cassette) == [recording_id]


def test_a_file_of_a_newer_version_says_so(directory, cassette):
    recording_id = save_new(cassette)
    file = file_of(directory, recording_id)
    content = bytearray(file.read_bytes())
    content[3] = 9
    file.write_bytes(content)
    with pytest.raises(DamagedRecordingError, match=r"version 9.*upgrade"):
        cassette.get_recording(recording_id)


@given(st.data())
def test_no_change_of_a_file_goes_unnoticed(data):
    with TemporaryDirectory() as folder, FileBasedTapeCassette(folder) as cassette:
        recording = cassette.create_new_recording("Operation")
        recording.set_data("key", list(range(200)))
        recording.add_metadata({"user": 1})
        cassette.save_recording(recording)
        sound = save_new(cassette)
        file = file_of(Path(folder), recording.id)
        whole = file.read_bytes()
        content = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        del content[data.draw(st.integers(len(content) // 2, len(content))) :]
        file.write_bytes(content)
        index_of(Path(folder)).unlink()
        assert sorted(find(cassette)) == sorted([recording.id, sound])
        if content == whole:
            cassette.get_recording(recording.id)
        else:
            with pytest.raises(PlaybackError, match=str(file)):
                cassette.get_recording(recording.id)


def test_what_a_killed_writer_left_is_ignored_and_pruned(directory, cassette):
    kept = save_new(cassette)
    old, young = (directory / ".incoming" / name for name in ("old", "young"))
    old.write_bytes(b"half a reco")
    young.write_bytes(b"half a reco")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    assert find(cassette) == [kept]
    assert list(cassette.iter_categories()) == ["Operation"]
    assert cassette.prune(DAY) == 0
    assert not old.exists()
    assert young.exists()


@contextmanager
def files_limited_to(size):
    """Let no file grow beyond a size: writes fail half way, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_recording_that_cannot_be_written_leaves_nothing(directory, cassette):
    kept = save_new(cassette)
    large, small = (cassette.create_new_recording("Operation") for _ in range(2))
    large.set_data("key", os.urandom(100_000))
    with files_limited_to(50_000):
        [(failed, error)] = cassette._save_recordings([large, small])
    assert failed is large
    assert isinstance(error, CassetteError)
    assert find(cassette) == [kept, small.id]
    assert list((directory / ".incoming").iterdir()) == []


def test_an_index_that_cannot_be_written_loses_no_recording(directory, cassette):
    ids = [save_new(cassette, user=1)]
    with files_limited_to(index_of(directory).stat().st_size + 20):
        ids.append(save_new(cassette, user=1))
        cassette.save_recording(Recording(ids[0], started_at=5, metadata={"user": 2}))
        assert find(cassette, user=1) == ids[1:]
        cassette.delete_recording(ids[1])
    assert find(cassette, user=2) == ids[:1]
    assert find(cassette) == ids[:1]


def test_a_folder_that_cannot_be_made_fails_its_recordings_alone(directory, cassette):
    (directory / "Operation").write_text("in the way")
    failing, sound = (cassette.create_new_recording(name) for name in ("Operation", "Other"))
    [(failed, error)] = cassette._save_recordings([failing, sound])
    assert failed is failing
    assert "Operation" in str(error)
    assert find(cassette, "Other") == [sound.id]
    assert find(cassette) == []
    with pytest.raises(NoSuchRecording):
        cassette.get_recording(failing.id)
    assert list((directory / ".incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "allow this user"),
        (errno.EROFS, "can be written to"),
        (errno.EMFILE, "more open files"),
        (errno.EIO, "check the disk"),
    ],
)
def test_what_the_file_system_refuses_says_what_to_do(directory, code, advice):
    error = file_error(directory, OSError(code, os.strerror(code), "a file"))
    assert advice in str(error)
    assert str(directory) in str(error)
    assert "a file" in str(error)


def test_a_locked_directory_is_an_error_with_advice(directory):
    with FileBasedTapeCassette(directory, timeout=0) as cassette:
        kept = save_new(cassette)
        with (directory / ".lock").open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(CassetteError, match="another process kept it locked"):
                save_new(cassette)
            assert find(cassette) == [kept]
        later = save_new(cassette)
        assert find(cassette) == [kept, later]
        assert list((directory / ".incoming").iterdir()) == []


def test_one_recording_that_cannot_be_packed_does_not_take_the_batch_with_it(cassette):
    broken, sound = (cassette.create_new_recording("Operation") for _ in range(2))
    broken.entries.append(None)
    failures = cassette._save_recordings([broken, sound])
    assert [recording for recording, _ in failures] == [broken]
    assert find(cassette) == [sound.id]


def test_the_limit_removes_the_oldest_and_bounds_the_directory(directory):
    limit = 512 * 1024
    with FileBasedTapeCassette(directory, max_bytes=limit) as cassette:
        ids = [save_big(cassette) for _ in range(60)]
        kept = find(cassette)
        assert kept == ids[-len(kept) :]
        assert 15 < len(kept) < 30
        with pytest.raises(NoSuchRecording):
            cassette.get_recording(ids[0])
    assert bytes_on_disk(directory) <= limit


def test_the_limit_counts_what_other_writers_store(directory):
    limit = 256 * 1024
    with (
        FileBasedTapeCassette(directory, max_bytes=limit) as one,
        FileBasedTapeCassette(directory, max_bytes=limit) as other,
    ):
        ids = [save_big(cassette) for _ in range(15) for cassette in (one, other)]
        assert find(one) == ids[-len(find(one)) :]
    assert bytes_on_disk(directory) <= limit


def test_a_batch_larger_than_the_limit_keeps_its_newest(directory):
    with FileBasedTapeCassette(directory, max_bytes=128 * 1024) as cassette:
        batch = [cassette.create_new_recording("Operation") for _ in range(40)]
        for recording in batch:
            recording.set_data("key", os.urandom(10_000))
        assert cassette._save_recordings(batch) == []
        kept = find(cassette)
        assert kept == [recording.id for recording in batch][-len(kept) :]
    assert bytes_on_disk(directory) <= 128 * 1024


@pytest.mark.parametrize("count", [b"", b"many", b"9" * 20])
def test_a_smaller_limit_holds_from_the_next_save_on(directory, count):
    with FileBasedTapeCassette(directory) as cassette:
        for _ in range(40):
            save_big(cassette)
    (directory / ".lock").write_bytes(count)
    limit = 128 * 1024
    with FileBasedTapeCassette(directory, max_bytes=limit) as cassette:
        newest = save_big(cassette)
        assert find(cassette)[-1] == newest
    assert bytes_on_disk(directory) <= limit


def test_a_recording_larger_than_the_limit_is_refused_and_removes_nothing(directory):
    with FileBasedTapeCassette(directory, max_bytes=128 * 1024) as cassette:
        kept = save_big(cassette)
        with pytest.raises(SettingsError, match="raise max_bytes"):
            save_big(cassette, 200_000)
        assert find(cassette) == [kept]


def test_pruning_removes_folders_and_lines_with_their_recordings(directory, cassette):
    for number in range(300):
        save_new(cassette, f"Operation{number % 2}")
    kept = save_new(cassette, "Operation0", user=1)
    size = sum(index.stat().st_size for index in directory.rglob(".index"))
    assert cassette.prune(max_bytes=4096 + 512) == 300
    assert find(cassette, "Operation0", user=1) == [kept]
    assert [path.name for path in directory.iterdir() if path.name[0] != "."] == ["Operation0"]
    assert index_of(directory).stat().st_size < size / 50
    assert cassette.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    assert {path.name for path in directory.iterdir()} == {".incoming", ".lock"}


def test_missing_folders_are_made(tmp_path):
    with FileBasedTapeCassette(tmp_path / "instance" / "deep") as cassette:
        save_new(cassette)
    assert (tmp_path / "instance" / "deep").is_dir()


def test_a_directory_that_was_removed_is_made_again(directory, cassette):
    save_new(cassette)
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    directory.rmdir()
    assert find(cassette) == []
    recording_id = save_new(cassette)
    assert find(cassette) == [recording_id]


def test_reading_a_missing_directory_does_not_make_it(directory):
    with pytest.raises(CassetteError, match=r"no recording folder at .*record first"):
        FileBasedTapeCassette(directory, create=False)
    assert not directory.exists()
    FileBasedTapeCassette(directory).close()
    FileBasedTapeCassette(directory, create=False).close()


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "recordings"):
        with pytest.raises(CassetteError, match="file"):
            FileBasedTapeCassette(path)


def test_a_relative_path_is_the_one_it_was_when_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with FileBasedTapeCassette("recordings") as cassette:
        monkeypatch.chdir("/")
        save_new(cassette)
    assert files_in(tmp_path / "recordings")


def test_a_closed_cassette_says_so(cassette):
    recording_id = save_new(cassette)
    cassette.close()
    for use in (
        lambda: save_new(cassette),
        lambda: cassette.get_recording(recording_id),
        lambda: find(cassette),
        lambda: cassette.prune(DAY),
        lambda: cassette.iter_categories(),
    ):
        with pytest.raises(CassetteClosedError, match="closed"):
            use()


@pytest.mark.parametrize(
    "options",
    [{"max_bytes": 10}, {"max_bytes": "1GiB"}, {"timeout": -1}, {"timeout": "x"}],
)
def test_wrong_options_are_refused(directory, options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        FileBasedTapeCassette(directory, **options)
    assert not directory.exists()


@pytest.mark.parametrize("path", ["a\0b", "\ud800", 5, None])
def test_a_directory_no_file_system_can_have_is_named(path):
    with pytest.raises(SettingsError, match="directory is"):
        FileBasedTapeCassette(path)

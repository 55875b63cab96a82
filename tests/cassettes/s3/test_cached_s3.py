"""CachedReadOnlyS3TapeCassette: what it reads once, and that its cache fails no read."""

import pytest

from playback_core import (
    CachedReadOnlyS3TapeCassette,
    CassetteReadOnlyError,
    NoSuchRecording,
    SettingsError,
)
from playback_core.testing import CassetteReadContract, save_new
from tests.cassettes.s3.conftest import REGION, counted


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def open_cached(open_cassette, folder):
    def open_one(**options):
        options.setdefault("local_path", folder)
        return open_cassette(kind=CachedReadOnlyS3TapeCassette, **options)

    return open_one


class TestCachedReadOnlyS3TapeCassette(CassetteReadContract):
    @pytest.fixture
    def cassette(self, open_cassette, open_cached):
        self._writer = open_cassette()
        return open_cached()

    def writer(self, cassette):
        return self._writer


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_read_once_takes_no_request(open_cassette, open_cached, s3):
    saved = save_new(open_cassette(), user=1)
    for cassette in (open_cached(), open_cached()):
        assert cassette.get_recording(saved).get_data("key") == {"value": 1}
        assert cassette.get_recording_metadata(saved) == {"user": 1}
    with counted(s3) as requests:
        assert cassette.get_recording(saved).get_metadata() == {"user": 1}
        assert cassette.get_recording_metadata(saved) == {"user": 1}
    assert requests == {}


def test_a_lookup_lists_each_time_and_reads_the_index_once(open_cassette, open_cached, s3):
    saving = open_cassette()
    ids = [save_new(saving, user=1)]
    cassette = open_cached()
    for expected in ({"ListObjectsV2": 2, "GetObject": 1}, {"ListObjectsV2": 2}):
        with counted(s3) as requests:
            assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == ids
        assert requests == expected
    ids.append(save_new(saving, user=1))
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == ids
    saving.delete_recording(ids[0])
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == ids[1:]


def test_the_cache_is_private(open_cassette, open_cached, folder):
    saved = save_new(open_cassette())
    open_cached().get_recording(saved)
    (file,) = files_in(folder)
    assert file.stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o777 for path in (folder, file.parent)} == {0o700}
    assert saved not in str(file)


def test_without_use_cache_nothing_is_kept(open_cassette, open_cached, folder, s3):
    saved = save_new(open_cassette())
    cassette = open_cached(use_cache=False)
    for _ in range(2):
        with counted(s3) as requests:
            cassette.get_recording(saved)
        assert requests == {"GetObject": 1}
    assert not folder.exists()


def test_buckets_that_share_a_folder_are_not_mixed(open_cassette, open_cached, s3):
    recording_id = save_new(open_cassette(), user=1)
    open_cached().get_recording(recording_id)
    s3.create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": REGION})
    other = CachedReadOnlyS3TapeCassette(
        "another", "shop", client=s3, local_path=open_cached().local_path
    )
    with pytest.raises(NoSuchRecording):
        other.get_recording(recording_id)


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 1000])
def test_a_damaged_file_is_read_from_s3_again(content, open_cassette, open_cached, folder, s3):
    saved = save_new(open_cassette())
    cassette = open_cached()
    cassette.get_recording(saved)
    (file,) = files_in(folder)
    file.write_bytes(content)
    with counted(s3) as requests:
        assert cassette.get_recording(saved).id == saved
    assert requests == {"GetObject": 1}
    with counted(s3) as requests:
        assert cassette.get_recording(saved).id == saved
    assert requests == {}


def test_a_cache_that_cannot_be_written_or_read_fails_no_read(
    open_cassette, open_cached, tmp_path, caplog
):
    saved = save_new(open_cassette())
    blocking = tmp_path / "file"
    blocking.touch()
    cassette = open_cached(local_path=blocking / "cache")
    for _ in range(3):
        assert cassette.get_recording(saved).id == saved
    reported = [record for record in caplog.records if record.name == "playback"]
    assert len(reported) == 2
    assert "read from S3 instead" in reported[0].getMessage()


def test_what_is_not_there_is_not_kept(open_cassette, open_cached, folder):
    saving = open_cassette()
    recording = saving.create_new_recording("Operation")
    cassette = open_cached()
    with pytest.raises(NoSuchRecording):
        cassette.get_recording(recording.id)
    saving.save_recording(recording)
    assert cassette.get_recording(recording.id).id == recording.id


def test_every_write_is_refused(open_cached, open_cassette):
    saved = save_new(open_cassette())
    cassette = open_cached(transient=True)
    for write in (
        lambda: save_new(cassette),
        lambda: cassette.delete_recording(saved),
        lambda: cassette.prune(max_bytes=0),
    ):
        with pytest.raises(
            CassetteReadOnlyError, match="CachedReadOnlyS3TapeCassette of S3 bucket"
        ):
            write()
    cassette.close()
    assert open_cassette().get_recording(saved).id == saved


@pytest.mark.parametrize("read_only", [False, None, 0])
def test_it_cannot_be_made_to_write(read_only, s3):
    with pytest.raises(SettingsError, match="only reads"):
        CachedReadOnlyS3TapeCassette("bucket", read_only=read_only, client=s3)


@pytest.mark.parametrize(
    "options",
    [{"use_cache": "no"}, {"max_cache_bytes": -1}, {"local_path": 5}, {"local_path": "a\0b"}],
)
def test_a_wrong_option_is_named(options, s3):
    with pytest.raises(SettingsError, match=next(iter(options))):
        CachedReadOnlyS3TapeCassette("bucket", client=s3, **options)


def test_the_default_folder_is_in_the_users_cache(s3, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    cassette = CachedReadOnlyS3TapeCassette("bucket", client=s3)
    assert cassette.local_path == tmp_path / ".cache" / "playback" / "s3"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    cassette = CachedReadOnlyS3TapeCassette("bucket", client=s3)
    assert cassette.local_path == tmp_path / "x" / "playback" / "s3"

"""S3TapeCassette: the contract, its keys, its options, and that it harms nobody else's objects."""

import math
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    CassetteClosedError,
    CassetteError,
    DamagedRecordingError,
    EncodeError,
    NoSuchRecording,
    S3TapeCassette,
    SettingsError,
)
from playback_core.cassettes._s3_client import S3Connection
from playback_core.recording import Recording
from playback_core.testing import CassetteContract, save_new
from tests.cassettes.s3.conftest import REGION, ROOT, Backend, counted

PROJECT = Path(__file__).resolve().parents[3]


class TestS3TapeCassette(CassetteContract):
    @pytest.fixture
    def cassette(self, open_cassette):
        return open_cassette()


class TestS3TapeCassetteBehindTheWriter(CassetteContract):
    @pytest.fixture
    def cassette(self, open_cassette):
        with AsyncRecordOnlyTapeCassette(open_cassette()) as writer:
            yield writer


@pytest.mark.parametrize(
    ("key_prefix", "stored"),
    [("", ""), ("/", ""), ("shop", "shop/"), ("shop/", "shop/"), ("/a/ü b/", "a/ü b/")],
)
def test_keys_have_the_prefix_with_one_slash(key_prefix, stored, open_cassette, keys_of):
    cassette = open_cassette(key_prefix)
    saved = save_new(cassette)
    assert cassette.key_prefix == stored
    below = ROOT + stored
    index, *others = sorted(keys_of(), key=lambda key: "/index/" not in key)
    assert others == [f"{below}full/{saved}", f"{below}metadata/{saved}"]
    assert index.startswith(f"{below}index/{saved.split('/')[1]}/")
    assert list(open_cassette(key_prefix).iter_recording_ids("Operation")) == [saved]


@pytest.mark.parametrize(
    "key_prefix", ["full", "a/metadata", "index/b", "a//b", None, "a\0", "\ud800"]
)
def test_a_prefix_that_would_mix_cassettes_is_refused(key_prefix, open_cassette):
    with pytest.raises(SettingsError, match="key_prefix is"):
        open_cassette(key_prefix)


def test_cassettes_of_one_bucket_do_not_see_each_other(open_cassette):
    prefixes = ["", "a", "a/b", "ab"]
    saved = {prefix: save_new(open_cassette(prefix)) for prefix in prefixes}
    for prefix in prefixes:
        cassette = open_cassette(prefix)
        assert list(cassette.iter_recording_ids("Operation")) == [saved[prefix]]
        assert list(cassette.iter_categories()) == ["Operation"]
    assert open_cassette("a").prune(max_bytes=0) == 1
    assert list(open_cassette("a/b").iter_recording_ids("Operation")) == [saved["a/b"]]


@pytest.mark.parametrize("category", [".", "..", "a/../b", "\ud800", "ü" * 50])
def test_any_category_can_be_stored_and_found(category, open_cassette):
    cassette = open_cassette()
    saved = save_new(cassette, category)
    assert list(cassette.iter_categories()) == [category]
    assert list(cassette.iter_recording_ids(category)) == [saved]
    assert cassette.get_recording(saved).get_data("key") == {"value": 1}


def test_a_category_that_is_too_long_for_a_key_fails_alone(open_cassette):
    cassette = open_cassette()
    recordings = [cassette.create_new_recording(name) for name in ("x" * 1100, "Operation")]
    ((failed, error),) = cassette._save_recordings(recordings)
    assert failed is recordings[0]
    assert "shorten its category" in str(error)
    assert list(cassette.iter_categories()) == ["Operation"]


def test_it_only_reads_unless_told_otherwise(bucket, s3, open_cassette, keys_of):
    saved = save_new(open_cassette())
    before = keys_of()
    cassette = S3TapeCassette(bucket, "shop", client=s3)
    recording = Recording.new("Operation")
    for write in (
        lambda: cassette.create_new_recording("Operation"),
        lambda: cassette.save_recording(recording),
        lambda: cassette.delete_recording(saved),
        lambda: cassette.prune(max_bytes=0),
    ):
        with pytest.raises(CassetteError, match="read-only") as caught:
            write()
        assert isinstance(caught.value, AssertionError)
    assert cassette.get_recording(saved).id == saved
    assert keys_of() == before


def test_a_transient_cassette_deletes_its_own_prefix_when_closed(open_cassette, keys_of):
    transient = open_cassette("test", transient=True)
    neighbours = [open_cassette(prefix) for prefix in ("", "test2", "test/more")]
    for cassette in (transient, *neighbours):
        save_new(cassette)
    transient.close()
    transient.close()
    assert len(keys_of()) == 3 * len(neighbours)
    assert not [key for key in keys_of() if key.startswith(f"{ROOT}test/full/")]


def test_a_transient_cassette_that_only_reads_deletes_nothing(open_cassette, keys_of):
    save_new(open_cassette("test"))
    open_cassette("test", transient=True, read_only=True).close()
    assert len(keys_of()) == 3


@pytest.mark.parametrize("key_prefix", ["", "/", "//"])
def test_a_transient_cassette_needs_a_prefix(key_prefix, open_cassette):
    with pytest.raises(SettingsError, match="one of its own"):
        open_cassette(key_prefix, transient=True)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_deletes_nothing_of_a_transient_cassette(open_cassette, keys_of):
    transient = open_cassette("test", transient=True)
    save_new(transient)
    child = os.fork()
    if not child:
        try:
            transient.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len(keys_of()) == 3


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(None, None), (10, "STANDARD_IA"), (10**6, None), (0, "STANDARD_IA")],
)
def test_large_recordings_are_stored_for_infrequent_access(
    threshold, expected, open_cassette, s3, bucket
):
    cassette = open_cassette(infrequent_access_kb_threshold=threshold)
    recording = cassette.create_new_recording("Operation")
    recording.set_data("key", os.urandom(10 * 1024))
    cassette.save_recording(recording)
    full = s3.head_object(Bucket=bucket, Key=f"{ROOT}shop/full/{recording.id}")
    metadata = s3.head_object(Bucket=bucket, Key=f"{ROOT}shop/metadata/{recording.id}")
    assert full.get("StorageClass") == expected
    assert metadata.get("StorageClass") is None


def test_a_recording_as_large_as_the_threshold_is_for_infrequent_access(open_cassette, s3, bucket):
    sizes = []
    probe = open_cassette("probe", sampling_calculator=lambda _, size, __: sizes.append(size) or 0)
    recording = probe.create_new_recording("Operation")
    probe.save_recording(recording)
    cassette = open_cassette(infrequent_access_kb_threshold=sizes[0] / 1024)
    cassette.save_recording(recording)
    full = s3.head_object(Bucket=bucket, Key=f"{ROOT}shop/full/{recording.id}")
    assert full["StorageClass"] == "STANDARD_IA"
    assert full["ContentLength"] == sizes[0]


def test_what_is_sampled_out_leaves_no_object(open_cassette, keys_of):
    asked = []

    def calculate(category, size, recording):
        asked.append((category, size > 1000, recording.get_data("key")))
        return 0

    cassette = open_cassette(sampling_calculator=calculate)
    recording = cassette.create_new_recording("Operation")
    recording.set_data("key", data := os.urandom(1000))
    cassette.save_recording(recording)
    assert asked == [("Operation", True, data)]
    assert keys_of() == []


def test_metadata_that_nobody_could_read_within_bounds_is_refused(open_cassette, keys_of):
    with pytest.raises(EncodeError, match="record it as data"):
        save_new(open_cassette(), text="x" * 3 * 2**20)
    assert keys_of() == []


def test_a_share_is_sampled(open_cassette):
    cassette = open_cassette(client=Backend(), sampling_calculator=lambda *_: 0.5)
    recordings = [cassette.create_new_recording("Operation") for _ in range(200)]
    assert cassette._save_recordings(recordings) == []
    assert 50 < len(list(open_cassette().iter_recording_ids("Operation"))) < 150


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, None, "1"])
def test_a_share_that_is_none_is_an_error(share, open_cassette, keys_of):
    cassette = open_cassette(sampling_calculator=lambda *_: share)
    with pytest.raises(SettingsError, match="sampling_calculator gave"):
        save_new(cassette)
    assert keys_of() == []


def test_a_sampling_calculator_that_fails_fails_its_recording_alone(open_cassette):
    def calculate(category, size, recording):
        if category == "Bad":
            raise KeyError(category)
        return 1

    cassette = open_cassette(sampling_calculator=calculate)
    recordings = [cassette.create_new_recording(category) for category in ("Bad", "Good")]
    ((failed, error),) = cassette._save_recordings(recordings)
    assert failed is recordings[0]
    assert isinstance(error, KeyError)
    assert list(cassette.iter_categories()) == ["Good"]


def test_objects_are_encrypted_as_told(open_cassette, s3, bucket, keys_of):
    save_new(open_cassette(encryption={"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key-1"}))
    for key in keys_of():
        found = s3.head_object(Bucket=bucket, Key=key)
        assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "key-1")


@pytest.mark.parametrize(
    "options",
    [
        {"transient": "no"},
        {"read_only": 0},
        {"sampling_calculator": 0.5},
        {"infrequent_access_kb_threshold": -1},
        {"infrequent_access_kb_threshold": math.nan},
        {"infrequent_access_kb_threshold": "10"},
        {"encryption": {"ServerSideEncription": "AES256"}},
        {"encryption": "AES256"},
    ],
)
def test_a_wrong_option_is_named(options, open_cassette):
    with pytest.raises(SettingsError, match=next(iter(options))):
        open_cassette(**options)


@pytest.mark.parametrize("bucket", ["", None, 5])
def test_a_bucket_has_a_name(bucket, s3):
    with pytest.raises(SettingsError, match="bucket is"):
        S3TapeCassette(bucket, client=s3)


@pytest.mark.parametrize("options", [{"region": "not a region"}, {"endpoint_url": "nowhere"}])
def test_a_region_or_endpoint_that_is_none_is_an_error_at_once(options):
    with pytest.raises(SettingsError, match="There is no S3 client"):
        S3TapeCassette("bucket", **options)


def test_a_missing_boto3_is_named_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    with pytest.raises(SettingsError, match=r"playback-bundle\[s3\]"):
        S3TapeCassette("bucket")


def test_an_id_that_was_not_made_for_its_start_is_refused(open_cassette, keys_of):
    cassette = open_cassette()
    recording = cassette.create_new_recording("Operation")
    recording.started_at -= 1
    strange = [
        Recording(name, started_at=0) for name in ("a/19700101/1", "a b/19700101/" + "0" * 32)
    ]
    for refused in (recording, *strange):
        with pytest.raises(SettingsError, match="create_new_recording"):
            cassette.save_recording(refused)
    assert keys_of() == []


@pytest.mark.parametrize("recording_id", ["", "no id", "../../x", "a/20260301/\ud800", "x" * 2000])
def test_what_is_no_id_is_no_such_recording(recording_id, open_cassette):
    cassette = open_cassette()
    for read in (
        cassette.get_recording,
        cassette.get_recording_metadata,
        cassette.delete_recording,
    ):
        with pytest.raises(NoSuchRecording):
            read(recording_id)


def test_an_object_of_another_recording_is_damaged(open_cassette, s3, bucket):
    cassette = open_cassette()
    first, second = save_new(cassette), save_new(cassette)
    for kind in ("full", "metadata"):
        source = {"Bucket": bucket, "Key": f"{ROOT}shop/{kind}/{first}"}
        s3.copy_object(Bucket=bucket, Key=f"{ROOT}shop/{kind}/{second}", CopySource=source)
    for read in (cassette.get_recording, cassette.get_recording_metadata):
        with pytest.raises(DamagedRecordingError, match="another recording"):
            read(second)


def test_a_damaged_recording_can_be_deleted(open_cassette, s3, bucket, keys_of):
    cassette = open_cassette()
    saved = save_new(cassette)
    s3.put_object(Bucket=bucket, Key=f"{ROOT}shop/metadata/{saved}", Body=b"damaged")
    cassette.delete_recording(saved)
    assert keys_of() == []


def test_pruning_removes_what_a_crash_left_half(open_cassette, s3, bucket, keys_of):
    cassette = open_cassette()
    saved = save_new(cassette)
    s3.delete_object(Bucket=bucket, Key=f"{ROOT}shop/metadata/{saved}")
    assert list(cassette.iter_recording_ids("Operation")) == []
    assert cassette.prune(max_bytes=0) == 1
    assert keys_of() == []


def test_a_closed_cassette_says_so_and_leaves_a_given_client_open(open_cassette, s3, endpoint_url):
    given, own = open_cassette(), open_cassette(endpoint_url=endpoint_url)
    for cassette in (given, own):
        cassette.close()
        with pytest.raises(CassetteClosedError):
            save_new(cassette)
    assert s3.list_buckets()["Buckets"]


def test_reading_a_recording_takes_one_request(open_cassette, s3):
    cassette = open_cassette()
    saved = save_new(cassette, user=1)
    for read in (cassette.get_recording, cassette.get_recording_metadata):
        with counted(s3) as requests:
            read(saved)
        assert requests == {"GetObject": 1}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_drops_the_connections_of_a_given_client(endpoint_url, open_cassette):
    client = S3Connection(REGION, endpoint_url, None).client
    cassette = open_cassette(client=client)
    recording = cassette.create_new_recording("Operation")
    ids = [save_new(cassette)]
    child = os.fork()
    if not child:
        status = 1
        try:
            for _ in range(3):
                cassette.save_recording(recording)
            status = 0
        finally:
            os._exit(status)
    for _ in range(3):
        ids.append(save_new(cassette))
    assert os.waitpid(child, 0)[1] == 0
    client.close()
    found = open_cassette().iter_recording_ids("Operation")
    assert sorted(found) == sorted([*ids, recording.id])


def test_threads_share_a_cassette(open_cassette):
    cassette = open_cassette()
    ids = []
    threads = [Thread(target=lambda: ids.append(save_new(cassette, user=1))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == list(cassette.iter_recording_ids("Operation", metadata={"user": 1}))


RECORD_AND_EXIT = """
import sys
from playback_core import AsyncRecordOnlyTapeCassette, S3TapeCassette
from playback_core.testing import save_new

bucket, region, endpoint_url = sys.argv[1:]
cassette = S3TapeCassette(bucket, "shop", region, read_only=False, endpoint_url=endpoint_url)
writer = AsyncRecordOnlyTapeCassette(cassette, flush_interval=60)
for _ in range(20):
    save_new(writer)
"""


def test_what_is_queued_at_the_end_of_a_process_is_stored(bucket, endpoint_url, open_cassette):
    done = subprocess.run(
        [sys.executable, "-c", RECORD_AND_EXIT, bucket, REGION, endpoint_url],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(open_cassette().iter_recording_ids("Operation"))) == 20

"""Cassettes of S3 that are sent to another process, as to a dedicated one under spawn."""

import pickle
from functools import partial

import pytest

from playback_core import (
    CachedReadOnlyS3TapeCassette,
    CassetteReadOnlyError,
    S3TapeCassette,
    SettingsError,
)
from playback_core.studio import CompareExecutionConfig, EqualityStatus, Equalizer
from playback_core.testing import save_new
from tests.cassettes.s3.conftest import REGION
from tests.studio import importable_shop


@pytest.fixture
def open_own(bucket, endpoint_url):
    """Make cassettes that each have a client of their own."""

    def open_one(kind=S3TapeCassette, **options):
        return kind(bucket, "shop", REGION, endpoint_url=endpoint_url, **options)

    return open_one


def sent(cassette):
    return pickle.loads(pickle.dumps(cassette))


def test_it_reads_what_is_there_and_writes_nothing(open_own, keys_of):
    with open_own(read_only=False, transient=True, sampling_calculator=lambda *_: 1) as cassette:
        saved = save_new(cassette, user=1)
        with sent(cassette) as copy:
            assert copy.get_recording_metadata(saved) == {"user": 1}
            with pytest.raises(CassetteReadOnlyError):
                save_new(copy)
        assert keys_of(), "the copy is not what deletes a transient cassette's recordings"
    assert not keys_of()


def test_the_cached_one_brings_its_cache(open_own, open_cassette, tmp_path, keys_of, s3, bucket):
    saved = save_new(open_cassette(), user=1)
    options = {"local_path": tmp_path / "cache", "max_cache_bytes": 10**6}
    with open_own(CachedReadOnlyS3TapeCassette, **options) as cassette:
        cassette.get_recording(saved)
        for key in keys_of():
            s3.delete_object(Bucket=bucket, Key=key)
        with sent(cassette) as copy:
            assert (copy.local_path, copy.use_cache) == (tmp_path / "cache", True)
            assert copy.get_recording(saved).id == saved


def test_one_with_a_client_of_the_users_says_what_to_give_instead(open_cassette):
    with pytest.raises(SettingsError, match=r"client of yours .* region and endpoint_url"):
        pickle.dumps(open_cassette())


def test_a_dedicated_process_reads_from_it_under_spawn(open_own):
    recorder = importable_shop.recorder
    with open_own(read_only=False) as cassette:
        recorder.tape_cassette = cassette
        importable_shop.record("tea", "milk")
        ids = list(cassette.iter_recording_ids("order"))
        config = CompareExecutionConfig(
            compare_in_dedicated_process=True, compare_process_start_method="spawn"
        )
        comparisons = Equalizer(
            ids,
            partial(recorder.play, playback_function=importable_shop.order_again),
            importable_shop.everything,
            importable_shop.same,
            compare_execution_config=config,
        ).run_comparison()
        verdicts = [each.comparator_status.equality_status for each in comparisons]
    assert verdicts == [EqualityStatus.Equal] * 2

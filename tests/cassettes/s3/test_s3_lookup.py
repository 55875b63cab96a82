"""Lookups in S3: how far they list, and what hostile or damaged objects do to them."""

from datetime import UTC, datetime, timedelta

import pytest

from playback_core import DamagedRecordingError
from playback_core.codec import encode
from playback_core.recording import Recording
from playback_core.recording_id import new_recording_id
from playback_core.testing import save_new
from tests.cassettes.s3.conftest import ROOT, Backend, counted

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 1_772_323_200 * SECOND


@pytest.fixture
def filled(open_cassette):
    """1,200 recordings, one an hour."""
    cassette = open_cassette(client=Backend())
    recordings = [
        Recording(
            new_recording_id("Operation", DAY + number * HOUR),
            started_at=DAY + number * HOUR,
            metadata={"number": number},
        )
        for number in range(1200)
    ]
    assert cassette._save_recordings(recordings) == []
    return [recording.id for recording in recordings]


def moment(number):
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)


def test_a_lookup_lists_no_further_than_it_needs(filled, open_cassette, s3):
    find = open_cassette().iter_recording_ids
    for arguments, expected, requests_expected in (
        ({}, filled, {"ListObjectsV2": 2}),
        ({"limit": 10}, filled[:10], {"ListObjectsV2": 1}),
        (
            {"start_date": moment(600), "end_date": moment(630)},
            filled[600:631],
            {"ListObjectsV2": 1},
        ),
        (
            {"start_date": moment(1100), "metadata": {"number": 1150}},
            [filled[1150]],
            {"ListObjectsV2": 2, "GetObject": 5},
        ),
        (
            {"metadata": {"number": 7}, "limit": 1},
            [filled[7]],
            {"ListObjectsV2": 2, "GetObject": 11},
        ),
    ):
        with counted(s3) as requests:
            assert list(find("Operation", **arguments)) == expected
        assert requests == requests_expected, arguments


def test_categories_take_one_request(open_cassette, s3):
    cassette = open_cassette()
    for category in ("b", "a", "b"):
        save_new(cassette, category)
    with counted(s3) as requests:
        assert list(cassette.iter_categories()) == ["a", "b"]
    assert requests == {"ListObjectsV2": 1}


STRANGE = [
    "metadata/Operation/20260301/short",
    "metadata/Operation/20260301/" + "f" * 32,
    "metadata/Operation/2026/03/01/" + "0" * 32,
    "metadata/Operation/",
    "metadata/%ff/19700101/" + "0" * 32,
    "metadata/a b/19700101/" + "0" * 32,
    "metadata//19700101/" + "0" * 32,
    "full/Operation/x",
    "index/20260301/x",
    "index/x",
]


def test_objects_that_no_cassette_wrote_are_passed_over(open_cassette, s3, bucket, keys_of):
    cassette = open_cassette()
    saved = save_new(cassette, user=1)
    for key in STRANGE:
        s3.put_object(Bucket=bucket, Key=f"{ROOT}shop/{key}", Body=b"x")
    assert list(cassette.iter_recording_ids("Operation")) == [saved]
    assert list(cassette.iter_recording_ids("Operation", metadata={"user": 1})) == [saved]
    assert list(cassette.iter_recordings_metadata("Operation")) == [{"user": 1}]
    assert list(cassette.iter_categories()) == ["Operation"]
    assert cassette.prune(max_bytes=0) == 1
    assert set(keys_of()) >= {f"{ROOT}shop/{key}" for key in STRANGE if "index" not in key}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc0",
        b"x" * 100,
        b"\x93\x02",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 2000,
        b"\0" * 3 * 2**20,
    ],
    ids=["empty", "nil", "text", "cut", "huge", "deep", "large"],
)
def test_one_hostile_object_stops_no_lookup(body, open_cassette, s3, bucket, keys_of):
    cassette = open_cassette()
    bad, good, other = (save_new(cassette, user=user) for user in (1, 1, 2))
    for kind in ("full", "metadata"):
        s3.put_object(Bucket=bucket, Key=f"{ROOT}shop/{kind}/{bad}", Body=body)
    found = list(cassette.iter_recording_ids("Operation", metadata={"user": 1}))
    assert found == [bad, good], "what is damaged matches, so that nobody passes over it"
    assert list(cassette.iter_recording_ids("Operation")) == [bad, good, other]
    for read in (cassette.get_recording, cassette.get_recording_metadata):
        with pytest.raises(DamagedRecordingError, match=bad) as caught:
            read(bad)
        assert bucket in str(caught.value)
    listed = list(cassette.iter_recordings_metadata("Operation"))
    assert listed == [{"user": 1}, {"user": 2}]


def test_metadata_that_cannot_be_decoded_is_found_and_named(open_cassette, s3, bucket):
    cassette = open_cassette()
    bad = save_new(cassette, user=1)
    for metadata in (b"\xc1", encode([1])):
        body = encode([1, bad, metadata])
        s3.put_object(Bucket=bucket, Key=f"{ROOT}shop/metadata/{bad}", Body=body)
        assert list(cassette.iter_recording_ids("Operation", metadata={"user": 2})) == [bad]
        with pytest.raises(DamagedRecordingError, match=bad):
            cassette.get_recording_metadata(bad)


def test_an_object_of_other_parts_is_damaged(open_cassette, s3, bucket):
    cassette = open_cassette()
    bad = save_new(cassette)
    for parts in ([2, bad, b""], [1, bad], [1, bad, 0, b"", b"", b""], [1, bad, "0", b"", b""]):
        s3.put_object(Bucket=bucket, Key=f"{ROOT}shop/full/{bad}", Body=encode(parts))
        with pytest.raises(DamagedRecordingError, match=bad):
            cassette.get_recording(bad)


def test_a_recording_that_is_deleted_during_a_lookup_is_passed_over(open_cassette, s3):
    cassette = open_cassette()
    ids = [save_new(cassette, text="x" * 20_000) for _ in range(3)]

    class Deleting(Backend):
        def get_object(self, **arguments):
            cassette_id = arguments["Key"].removeprefix(f"{ROOT}shop/metadata/")
            if cassette_id == ids[1]:
                self.delete_objects(
                    Bucket=arguments["Bucket"], Delete={"Objects": [{"Key": arguments["Key"]}]}
                )
            return super().get_object(**arguments)

    found = open_cassette(client=Deleting()).iter_recording_ids(
        "Operation", metadata={"text": "x*"}
    )
    assert list(found) == [ids[0], ids[2]]

"""S3 cassette URLs: what is opened for recording and for commands."""

import pytest
from flask import Flask

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    CachedReadOnlyS3TapeCassette,
    CassetteReadOnlyError,
    S3TapeCassette,
    TapeRecorder,
)
from playback_core.settings import cassette_from_url
from playback_core.testing import save_new
from playback_flask import FlaskPlayback
from playback_flask.cli import playback_cli
from tests.cassettes.s3.conftest import REGION, ROOT


@pytest.fixture
def url(bucket, endpoint_url):
    return f"s3://{bucket}/shop/eu%20west?region={REGION}&endpoint_url={endpoint_url}"


@pytest.mark.parametrize("create", [True, False])
def test_a_url_opens_a_cassette_that_may_write(create, url, bucket, keys_of):
    with cassette_from_url(url, create=create) as cassette:
        assert type(cassette) is S3TapeCassette
        assert (cassette.bucket, cassette.key_prefix) == (bucket, "shop/eu west/")
        saved = save_new(cassette)
        assert f"{ROOT}shop/eu west/full/{saved}" in keys_of()
        assert cassette.prune(max_bytes=0) == 1


def test_encryption_is_named_in_the_url(url, bucket, s3, keys_of):
    with cassette_from_url(f"{url}&encryption=aws:kms&kms_key_id=key-1") as cassette:
        save_new(cassette)
    for key in keys_of():
        assert s3.head_object(Bucket=bucket, Key=key)["SSEKMSKeyId"] == "key-1"


def test_a_cache_in_the_url_is_used_where_nothing_is_recorded(url, tmp_path):
    with cassette_from_url(f"{url}&cache=kept", tmp_path) as cassette:
        assert type(cassette) is S3TapeCassette
        saved = save_new(cassette)
    with cassette_from_url(f"{url}&cache=kept", tmp_path, create=False) as cassette:
        assert type(cassette) is CachedReadOnlyS3TapeCassette
        assert cassette.local_path == tmp_path / "kept"
        assert cassette.get_recording(saved).id == saved
        with pytest.raises(CassetteReadOnlyError, match="read_only=False"):
            cassette.prune(max_bytes=0)


def test_a_flask_app_records_to_a_bucket_and_its_commands_read_it(url, open_cassette):
    app = Flask("shop")
    app.config.update(PLAYBACK_CASSETTE=url, PLAYBACK_ENABLED=True)
    recorder = TapeRecorder()
    FlaskPlayback(app, recorder)
    app.add_url_rule("/", "index", lambda: "hello")
    assert app.test_client().get("/").text == "hello"
    writer = recorder.tape_cassette
    assert isinstance(writer, AsyncRecordOnlyTapeCassette)
    writer.flush()
    listed = app.test_cli_runner().invoke(playback_cli, ["list"])
    assert (listed.exit_code, "index" in listed.output) == (0, True), listed.output
    compared = app.test_cli_runner().invoke(playback_cli, ["compare", "index"])
    assert "1 Equal" in compared.output
    writer.close()
    assert len(list(open_cassette("shop/eu west").iter_recording_ids("index"))) == 1


def test_applications_anywhere_may_share_a_bucket(url, tmp_path):
    recorder = TapeRecorder()
    for name in ("one", "two"):
        app = Flask(name, instance_path=str(tmp_path / name))
        app.config.update(PLAYBACK_CASSETTE=url, PLAYBACK_ENABLED=True)
        app.add_url_rule("/", "home", lambda: "home")
        FlaskPlayback(app, recorder)
        app.test_client().get("/")
    assert len(list(recorder.readable_cassette().iter_recording_ids("home"))) == 2
    recorder.tape_cassette.close()

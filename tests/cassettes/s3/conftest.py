"""A real HTTP server that speaks S3, a bucket of one's own in it, and what was asked of it."""

import os
from collections import Counter
from contextlib import contextmanager
from io import BytesIO
from itertools import count

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from playback_core import S3TapeCassette
from playback_core.cassettes._s3_client import S3Connection

REGION = "eu-central-1"
ROOT = "tape_recorder_recordings/"

_numbers = count()


@pytest.fixture(scope="session", autouse=True)
def credentials():
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def endpoint_url(credentials):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3(endpoint_url):
    """A client that most cassettes share, as making one takes long."""
    connection = S3Connection(REGION, endpoint_url, None)
    yield connection.client
    connection.close()


@pytest.fixture
def bucket(s3):
    name = f"bucket-{next(_numbers)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def open_cassette(bucket, s3):
    """Make cassettes of the bucket, which may write unless told otherwise."""
    opened = []

    def open_one(key_prefix="shop", kind=S3TapeCassette, **options):
        if kind is S3TapeCassette:
            options.setdefault("read_only", False)
        if "endpoint_url" not in options:
            options.setdefault("client", s3)
        cassette = kind(bucket, key_prefix, REGION, **options)
        opened.append(cassette)
        return cassette

    yield open_one
    for cassette in opened:
        cassette.close()


@pytest.fixture
def keys_of(s3, bucket):
    """List the keys below a folder of the bucket."""

    def keys(prefix=""):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    return keys


class Backend:
    """A client that goes around HTTP, into the server's memory: to fill buckets fast."""

    def __init__(self):
        self._s3 = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]

    def put_object(self, *, Bucket, Key, Body, **_):
        return {"ETag": self._s3.put_object(Bucket, Key, Body).etag}

    def list_objects_v2(self, *, Bucket, Prefix, **_):
        bucket = self._s3.get_bucket(Bucket)
        keys = self._s3.list_objects(bucket, Prefix, None, None, None)[0]
        return {"Contents": [{"Key": k.name, "ETag": k.etag, "Size": k.size} for k in keys]}

    def get_object(self, *, Bucket, Key, **_):
        found = self._s3.get_object(Bucket, Key)
        if found is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "No."}}, "GetObject")
        return {"ContentLength": found.size, "Body": BytesIO(found.value)}

    def delete_objects(self, *, Bucket, Delete):
        for item in Delete["Objects"]:
            self._s3.delete_object(Bucket, item["Key"])
        return {}

    def close(self):
        pass


@contextmanager
def counted(client):
    """Count the requests of a client for a block, by operation."""
    requests = Counter()
    events = client.meta.events

    def count_one(model, **_):
        requests[model.name] += 1

    events.register("before-call.s3", count_one)
    try:
        yield requests
    finally:
        events.unregister("before-call.s3", count_one)


def denied(operation):
    """Make a function that answers as S3 does where access is denied."""

    def answer():
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, operation)

    return answer

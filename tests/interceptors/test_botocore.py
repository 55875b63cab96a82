"""AWS is asked when it is recorded; a replay answers with the service gone."""

import io
import logging
from decimal import Decimal

import boto3
import botocore.client
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from playback_core import RecordingKeyError, S3TapeCassette, TapeRecorder
from playback_core.codec.redaction import Redactor
from playback_core.interceptor import installed
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.aws_server import REGION, aws_server, client, credentials, recorded
from tests.interceptors.cutting_server import cutting_server
from tests.interceptors.runs import Runs

CONTENT = b"0123456789" * 100


@pytest.fixture(autouse=True)
def known_to_aws():
    with credentials(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret"):
        yield


@pytest.fixture(autouse=True)
def _intercepted(known_to_aws, intercepted):
    """Have libraries intercepted."""


def bucket(url, **objects):
    s3 = client("s3", url)
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, content in objects.items():
        s3.put_object(Bucket="bucket", Key=key, Body=content)


def table(url):
    resource = boto3.resource("dynamodb", region_name=REGION, endpoint_url=url)
    resource.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def error_of(call):
    try:
        call()
    except (ClientError, BotoCoreError) as error:
        return error
    raise AssertionError("there was no error")


def test_objects_are_read_as_they_were_and_only_as_far():
    def work(url):
        s3 = client("s3", url)

        def body():
            return s3.get_object(Bucket="bucket", Key="k")["Body"]

        with body() as stream:
            entered = stream.read(4), stream.read()
        kept = body()
        assert isinstance(kept, StreamingBody)
        head = s3.head_object(Bucket="bucket", Key="k")
        return [
            entered,
            (kept.read(10), kept.tell(), kept.read(), kept.read()),
            list(body().iter_chunks(300)),
            list(body().iter_lines()),
            body().read(10),
            head["ContentLength"],
            head["LastModified"],
            str(head["LastModified"].tzinfo),
        ]

    runs = recorded(work, lambda url: bucket(url, k=CONTENT))
    assert runs.result[1] == (CONTENT[:10], 10, CONTENT[10:], b"")
    runs.replayed_the_same()


def test_more_of_an_object_than_was_read_is_a_miss():
    def work(url, amount=10):
        return client("s3", url).get_object(Bucket="bucket", Key="k")["Body"].read(amount)

    runs = recorded(work, lambda url: bucket(url, k=CONTENT))
    assert runs.replayed(lambda: work("http://127.0.0.1:1", 10)).result == CONTENT[:10]
    with pytest.raises(RecordingKeyError, match="bytes of this response were read"):
        runs.replayed(lambda: work("http://127.0.0.1:1", 11))


def test_an_object_over_the_limit_reaches_the_application_and_marks_the_recording():
    content = b"x" * (3 * 1024 * 1024)

    def work(url):
        return client("s3", url).get_object(Bucket="bucket", Key="k")["Body"].read() == content

    runs = recorded(work, lambda url: bucket(url, k=content))
    assert runs.result
    assert "aws s3 GetObject" in runs.recording.get_metadata()[NOT_REPLAYABLE]


def test_events_of_a_stream_come_again():
    def work(url):
        selected = client("s3", url).select_object_content(
            Bucket="bucket",
            Key="csv",
            ExpressionType="SQL",
            Expression="SELECT * FROM S3Object",
            InputSerialization={"CSV": {"FileHeaderInfo": "USE"}},
            OutputSerialization={"JSON": {}},
        )
        return [*selected["Payload"]]

    runs = recorded(work, lambda url: bucket(url, csv=b"a,b\n1,2\n3,4\n"))
    assert [next(iter(event)) for event in runs.result] == ["Records", "Stats", "End"]
    runs.replayed_the_same()


def test_errors_are_of_the_clients_own_classes():
    def work(url):
        s3 = client("s3", url)
        missing = error_of(lambda: s3.get_object(Bucket="bucket", Key="none"))
        assert type(missing) is s3.exceptions.NoSuchKey
        other = client("s3", url)
        again = error_of(lambda: other.get_object(Bucket="bucket", Key="none"))
        assert type(again) is other.exceptions.NoSuchKey
        head = error_of(lambda: s3.head_object(Bucket="bucket", Key="none"))
        assert type(head) is ClientError
        gone = client("s3", "http://127.0.0.1:1", config=Config(retries={"max_attempts": 0}))
        errors = [
            *(missing, again, head, error_of(gone.list_buckets)),
            error_of(lambda: s3.get_object(Bucket="bucket")),
        ]
        return [
            (type(each).__name__, str(each), getattr(each, "response", None)) for each in errors
        ]

    runs = recorded(work, bucket)
    assert [name for name, *_ in runs.result] == [
        *("NoSuchKey", "NoSuchKey", "ClientError"),
        *("EndpointConnectionError", "ParamValidationError"),
    ]
    runs.replayed_the_same()


def test_pages_waiters_and_presigned_urls_go_on_in_a_replay():
    def work(url):
        s3 = client("s3", url)
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket="bucket", PaginationConfig={"PageSize": 2}
        )
        s3.get_waiter("object_exists").wait(Bucket="bucket", Key="a")
        signed = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "a"})
        return [each["Key"] for page in pages for each in page["Contents"]], signed

    runs = recorded(work, lambda url: bucket(url, a=b"", b=b"", c=b""))
    assert runs.aliases == ["aws s3 HeadObject"] + ["aws s3 ListObjectsV2"] * 2
    runs.replayed_the_same()


def test_what_is_uploaded_is_compared_whatever_gives_it():
    def work(url, content=b"content"):
        s3 = client("s3", url)
        file = io.BytesIO(b"skip" + content)
        file.seek(4)
        s3.put_object(Bucket="bucket", Key="file", Body=file)
        s3.put_object(Bucket="bucket", Key="bytes", Body=bytearray(content))
        sqs = client("sqs", url)
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody=content.decode())
        received = sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]
        return file.tell(), received

    runs = recorded(work, bucket)
    assert runs.result == (11, "content")
    replay = runs.replayed_the_same()
    sent = [value["kwargs"]["params"] for _, value in replay.playback.playback_outputs[:-1]]
    assert sent[0] == {"Bucket": "bucket", "Key": "file", "Body": b"content"}
    assert sent[1]["Body"] == b"content"
    assert not runs.replayed(lambda: work("http://127.0.0.1:1", b"changed")).is_equal


class Pipe:
    """Gives its content once, as the end of a pipe does."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def read(self, size=-1):
        return self._content.read(size)


def test_a_file_that_can_be_read_only_once_is_kept_as_it_is_sent(monkeypatch):
    # A checksum before the body would read it first.
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")

    def work(url, content=CONTENT):
        s3 = client("s3", url, config=Config(signature_version=UNSIGNED))
        pipe = Pipe(content)
        s3.put_object(Bucket="bucket", Key="k", Body=pipe)
        s3.upload_fileobj(Pipe(content), "bucket", "other")
        return pipe.read(), client("s3", url).get_object(Bucket="bucket", Key="k")["Body"].read()

    runs = recorded(work, bucket)
    assert runs.result == (b"", CONTENT)
    replay = runs.replayed_the_same()
    sent = [value["kwargs"]["params"] for _, value in replay.playback.playback_outputs[:-1]]
    assert [each["Body"] for each in sent] == [CONTENT, CONTENT]
    assert not runs.replayed(lambda: work("http://127.0.0.1:1", b"other")).is_equal


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda body: body.read(), "ResponseStreamingError"),
        (lambda body: list(body.iter_chunks(150)), "IncompleteReadError"),
        (lambda body: (body.read(100), list(body.iter_lines(150))), "IncompleteReadError"),
    ],
)
def test_an_object_whose_connection_is_cut_fails_again_as_it_did(read, kind):
    def work(url):
        error = error_of(lambda: read(client("s3", url).get_object(Bucket="b", Key="k")["Body"]))
        return type(error).__name__, str(error)

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with cutting_server(head + b"0123456789\n" * 40) as port:
        runs = Runs(lambda: work(f"http://127.0.0.1:{port}"))
    assert runs.result[0] == kind
    runs.replayed_the_same()


def test_of_an_upload_whose_connection_is_cut_what_was_sent_is_compared(monkeypatch):
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    options = Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
    size = 20_000_000

    def work(url, content):
        s3 = client("s3", url, config=options)
        pipe = Pipe(content)
        error = error_of(lambda: s3.put_object(Bucket="b", Key="k", Body=pipe, ContentLength=size))
        return type(error).__name__

    with cutting_server(b"") as port:
        url = f"http://127.0.0.1:{port}"
        runs = Runs(lambda: work(url, b"x" * size))
    assert runs.result == "ConnectionClosedError"
    runs.replayed_the_same()
    assert runs.replayed(lambda: work(url, b"x" * (size - 1) + b"y")).is_equal
    assert not runs.replayed(lambda: work(url, b"y" + b"x" * (size - 1))).is_equal
    assert not runs.replayed(lambda: work(url, b"x" * 10)).is_equal


def test_transfers_in_parts_and_threads_replay(tmp_path):
    size = 11 * 1024 * 1024
    config = TransferConfig(multipart_threshold=size - 1, multipart_chunksize=5 * 1024 * 1024)

    def work(url):
        s3 = client("s3", url)
        s3.upload_fileobj(io.BytesIO(b"z" * size), "bucket", "large", Config=config)
        s3.upload_fileobj(io.BytesIO(CONTENT), "bucket", "small")
        small = io.BytesIO()
        s3.download_fileobj("bucket", "small", small)
        return small.getvalue(), s3.head_object(Bucket="bucket", Key="large")["ContentLength"]

    runs = recorded(work, bucket)
    assert runs.result == (CONTENT, size)
    assert runs.aliases.count("aws s3 UploadPart") == 3
    runs.replayed_the_same()


def test_tables_keep_their_types_and_conditions():
    def work(url):
        orders = boto3.resource("dynamodb", region_name=REGION, endpoint_url=url).Table("orders")
        item = {
            "id": "1",
            "cents": Decimal("1.50"),
            "raw": b"\xff",
            "tags": {"a", "b"},
            "x": [None],
        }
        orders.put_item(Item=item)
        found = orders.query(
            KeyConditionExpression=Key("id").eq("1"), FilterExpression=Attr("cents").gt(1)
        )["Items"]
        refused = error_of(
            lambda: orders.put_item(Item=item, ConditionExpression=Attr("id").not_exists())
        )
        assert type(refused) is orders.meta.client.exceptions.ConditionalCheckFailedException
        made = orders.meta.client.describe_table(TableName="orders")["Table"]["CreationDateTime"]
        return orders.get_item(Key={"id": "1"})["Item"], found, type(found[0]["raw"]), made

    runs = recorded(work, table)
    assert runs.result[0]["cents"] == Decimal("1.50")
    runs.replayed_the_same()


def test_another_condition_is_another_call():
    def work(url, cents=1):
        orders = boto3.resource("dynamodb", region_name=REGION, endpoint_url=url).Table("orders")
        return orders.scan(FilterExpression=Attr("cents").gt(cents))["Items"]

    runs = recorded(work, table)
    with pytest.raises(RecordingKeyError, match="aws dynamodb Scan"):
        runs.replayed(lambda: work("http://127.0.0.1:1", 2))


def test_a_read_from_another_endpoint_means_the_same():
    def work(url):
        return client("s3", url).get_object(Bucket="bucket", Key="k")["Body"].read()

    runs = recorded(work, lambda url: bucket(url, k=CONTENT))
    replay = runs.replayed(lambda: work("http://127.0.0.1:1"))
    assert replay.result == CONTENT
    assert [each.how for each in replay.playback.moved] == ["normalised"]


def test_credentials_are_never_stored_and_a_replay_asks_nobody_for_them():
    def work(url):
        s3 = boto3.session.Session(region_name=REGION).client("s3", endpoint_url=url)
        return s3.list_objects_v2(Bucket="bucket")["KeyCount"], s3._get_credentials().access_key

    runs = recorded(work, bucket)
    assert "secret" not in repr([entry.decoded_arguments() for entry in runs.recording.entries])
    runs.replayed_the_same()
    with credentials():
        assert runs.replayed().result == (0, "PLAYBACK")


def test_secrets_are_redacted_though_no_name_tells_them():
    secret = "hunter2"

    def work(url):
        ssm, kms, secrets = client("ssm", url), client("kms", url), client("secretsmanager", url)
        ssm.put_parameter(Name="db", Value=secret, Type="SecureString")
        ssm.put_parameter(Name="zone", Value="plain", Type="String")
        secrets.create_secret(Name="s", SecretString=secret)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        hidden = kms.encrypt(KeyId=key, Plaintext=secret.encode())["CiphertextBlob"]
        s3 = client("s3", url)
        body = b'{"password": "hunter2", "n": 1}'
        s3.put_object(Bucket="bucket", Key="k", Body=b"1", ContentType="application/json")
        return [
            *(len(ssm.get_parameter(Name="db", WithDecryption=True)["Parameter"]), len(body)),
            *(ssm.get_parameter(Name="zone")["Parameter"]["Value"], len(hidden)),
            *(len(kms.decrypt(CiphertextBlob=hidden)), len(secrets.get_secret_value(SecretId="s"))),
            len(ssm.get_parameters(Names=["db"], WithDecryption=True)["Parameters"]),
        ]

    runs = recorded(work, bucket, redaction=Redactor(key=b"k"))
    told = [(each.decoded_arguments(), each.decoded_result()) for each in runs.recording.entries]
    assert secret not in repr(told)
    assert "plain" in repr(told)
    runs.replayed_the_same()


def test_an_object_of_json_is_redacted_and_still_read_to_its_end():
    def work(url):
        s3 = client("s3", url)
        body = s3.get_object(Bucket="bucket", Key="k")["Body"]
        return len(body.read()) > 0

    def prepare(url):
        bucket(url)
        content = b'{"password": "hunter2", "n": 1}'
        options = {"Bucket": "bucket", "Key": "k", "ContentType": "application/json"}
        client("s3", url).put_object(Body=content, **options)

    runs = recorded(work, prepare, redaction=Redactor(key=b"k"))
    assert "hunter2" not in repr([each.decoded_result() for each in runs.recording.entries])
    runs.replayed_the_same()


def test_a_stubbed_body_is_left_to_the_application_and_marks_the_recording():
    s3 = client("s3", "http://127.0.0.1:1")
    with Stubber(s3) as stubber:
        body = StreamingBody(io.BytesIO(b"stub"), 4)
        stubber.add_response("get_object", {"Body": body}, {"Bucket": "bucket", "Key": "k"})
        runs = Runs(lambda: s3.get_object(Bucket="bucket", Key="k")["Body"].read())
    assert runs.result == b"stub"
    assert "from its beginning" in runs.recording.get_metadata()[NOT_REPLAYABLE]


def test_a_cassette_in_s3_is_no_part_of_what_it_records():
    with aws_server() as url:
        bucket(url, k=CONTENT)
        store = client("s3", url)
        store.create_bucket(
            Bucket="recordings", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        cassette = S3TapeCassette("recordings", "shop", REGION, client=store, read_only=False)
        recorder = TapeRecorder(cassette)
        own = client("s3", url)
        asked = []
        own.meta.events.register("before-call.s3", lambda **kwargs: asked.append(1))

        @recorder.operation(category="inner", separate=True)
        def inner():
            return own.get_object(Bucket="bucket", Key="k")["Body"].read(5)

        @recorder.operation(category="work")
        def work():
            own.put_object(Bucket="bucket", Key="n", Body=inner())
            return own.get_object(Bucket="bucket", Key="n")["Body"].read()

        with recorder.enabled_recording():
            result = work()
        assert recorder.counters == {"recorded": 2}
        (recording_id,) = cassette.iter_recording_ids("work")
        asked.clear()
        results = []
        playback = recorder.play(recording_id, lambda recording: results.append(work()))
        assert results == [result]
        assert asked == []
        assert playback.missed == []
        aliases = [entry.alias for entry in playback.original_recording.entries]
        assert [each for each in aliases if each.startswith("aws")] == [
            *("aws s3 PutObject", "aws s3 GetObject"),
        ]
        cassette.close()


def test_without_an_operation_a_client_is_as_it_was():
    with aws_server() as url:
        bucket(url, k=CONTENT)
        body = client("s3", url).get_object(Bucket="bucket", Key="k")["Body"]
        assert body.read() == CONTENT


def test_uninstalling_puts_the_librarys_own_function_back():
    uninstall_interceptors()
    before = botocore.client.BaseClient._make_api_call
    install_interceptors()
    assert botocore.client.BaseClient._make_api_call is not before
    uninstall_interceptors()
    assert botocore.client.BaseClient._make_api_call is before


def test_a_version_without_the_place_is_left_alone(monkeypatch, caplog):
    uninstall_interceptors()
    monkeypatch.delattr(botocore.client.BaseClient, "_make_api_call")
    with caplog.at_level(logging.WARNING, logger="playback"):
        install_interceptors(["botocore"])
    assert "botocore.client:BaseClient._make_api_call" in caplog.text
    assert "botocore" not in installed()

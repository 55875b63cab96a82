"""pymongo: the commands of an application are recorded, and replayed without a server."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from bson import (
    Binary,
    Code,
    DatetimeMS,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)
from bson.dbref import DBRef
from pymongo import AsyncMongoClient, DeleteOne, InsertOne, MongoClient, UpdateOne, WriteConcern
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ClientBulkWriteException,
    DuplicateKeyError,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)
from pymongo.monitoring import TopologyListener
from pymongo.synchronous.pool import Connection

from playback_core import RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.interceptor import installed
from playback_core.interceptors import chosen, install_interceptors, uninstall_interceptors
from playback_core.metadata import NOT_REPLAYABLE
from playback_core.session import current_session
from tests.interceptors.concealing import REDACTOR, stored
from tests.interceptors.mongo_server import Store, mongo_server
from tests.interceptors.runs import Runs

NOWHERE = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=20"


@pytest.fixture(autouse=True, scope="module")
def intercepted() -> Iterator[None]:
    install_interceptors(["*", "pymongo"])
    yield
    uninstall_interceptors()


def shown(value: Any) -> Any:
    """Return documents with the values that only BSON has as text, as results are compared."""
    if isinstance(value, dict):
        return {name: shown(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(part) for part in value]
    return value if type(value) in (str, int, float, bool, type(None)) else repr(value)


def recorded(
    work: Callable[[Any], Any],
    prepare: Callable[[Store], Any] | None = None,
    *,
    options: str = "",
    redaction: Any = None,
) -> Runs:
    """Record work with a client of its own, of a server which is stopped when this returns."""
    with mongo_server() as (url, store):
        if prepare is not None:
            prepare(store)

        def operation() -> Any:
            with MongoClient(url + options) as client:
                return shown(work(client))

        return Runs(operation, redaction)


def with_pens(store: Store) -> None:
    store.documents["shop", "pens"] = [{"_id": each, "cents": each * 10} for each in range(10)]


def test_it_is_opt_in():
    assert "pymongo" not in chosen(["*"])
    assert "pymongo" in chosen(["*", "pymongo"])
    assert "pymongo" in installed()


def test_what_is_found_and_written_comes_again_without_the_server():
    def work(client: Any) -> Any:
        pens = client.shop.pens
        inserted = pens.insert_one({"name": "new"}).inserted_id
        updated = pens.update_many({"cents": {"$gt": 50}}, {"$inc": {"cents": 1}})
        deleted = pens.delete_one({"_id": 3}).deleted_count
        return [
            [inserted, updated.matched_count, updated.modified_count, deleted],
            pens.find_one({"_id": inserted}),
            pens.find_one_and_update({"_id": 4}, {"$set": {"name": "old"}}),
            pens.count_documents({"cents": {"$gt": 20}}),
            [pens.estimated_document_count(), pens.distinct("name"), client.server_info()],
            client.shop.list_collection_names(),
        ]

    runs = recorded(work, with_pens)
    runs.replayed_the_same()
    assert runs.aliases == [
        "mongodb connect",
        "mongodb insert pens",
        "mongodb update pens",
        "mongodb delete pens",
        "mongodb find pens",
        "mongodb findAndModify pens",
        "mongodb aggregate pens",
        "mongodb count pens",
        "mongodb distinct pens",
        "mongodb buildinfo",
        "mongodb listCollections",
    ]


def test_identifiers_made_by_the_driver_and_the_application_are_those_of_the_recording():
    def work(client: Any) -> Any:
        mine = ObjectId()
        document = {"mine": mine}
        many = [{}, {"_id": 7}, {}]
        client.shop.pens.insert_one(document)
        return [document, client.shop.pens.insert_many(many).inserted_ids, ObjectId("0" * 24)]

    replay = recorded(work).replayed_the_same()
    assert replay.playback.made_up == {}


def test_a_document_that_is_written_otherwise_is_a_difference():
    cents = [1, 2]
    runs = recorded(lambda client: client.shop.pens.insert_one({"cents": cents.pop()}).acknowledged)
    replay = runs.replayed()
    assert replay.playback.missed == []
    assert not replay.is_equal


def test_another_query_is_a_miss_and_so_is_another_order():
    orders = [[("_id", -1), ("cents", 1)], [("cents", 1), ("_id", -1)]]

    def work(client: Any) -> Any:
        return list(client.shop.pens.find({}).sort(orders.pop()))

    with pytest.raises(RecordingKeyError, match="mongodb find pens"):
        recorded(work, with_pens).replayed()


def test_a_cursor_is_read_again_in_its_batches_and_no_further():
    amounts = [5, 5, 9]

    def work(client: Any) -> Any:
        cursor = client.shop.pens.find({}, batch_size=3)
        return [next(cursor) for _ in range(amounts.pop(0))]

    runs = recorded(work, with_pens)
    runs.replayed_the_same()
    assert runs.aliases == ["mongodb connect", "mongodb find pens", "mongodb getMore"]
    with pytest.raises(RecordingKeyError, match="mongodb getMore"):
        runs.replayed()


@pytest.mark.parametrize(
    ("stages", "kind"), [([{"$match": {"cents": 10}}], "INPUT"), ([{"$out": "copy"}], "OUTPUT")]
)
def test_an_aggregation_is_an_output_where_it_writes(stages, kind):
    runs = recorded(lambda client: list(client.shop.pens.aggregate(stages)), with_pens)
    runs.replayed_the_same()
    (entry,) = (each for each in runs.recording.entries if "aggregate" in each.alias)
    assert entry.kind.name == kind


def test_errors_of_the_server_have_their_details_again():
    def work(client: Any) -> Any:
        pens = client.shop.pens
        with pytest.raises(DuplicateKeyError) as one:
            pens.insert_one({"_id": 1})
        requests = [InsertOne({"_id": 1}), InsertOne({"_id": 99}), DeleteOne({"_id": 2})]
        with pytest.raises(BulkWriteError) as many:
            pens.bulk_write(requests, ordered=False)
        with pytest.raises(OperationFailure) as unknown:
            client.shop.command("frobnicate")
        errors = [each.value for each in (one, many, unknown)]
        return [(str(each), each.code, each.details) for each in errors]

    recorded(work, with_pens).replayed_the_same()


def test_a_bulk_write_has_its_counts_and_upserted_ids_again():
    def work(client: Any) -> Any:
        requests = [
            InsertOne({"name": "a"}),
            UpdateOne({"name": "b"}, {"$set": {"cents": 1}}, upsert=True),
            DeleteOne({"name": "a"}),
        ]
        return client.shop.pens.bulk_write(requests).bulk_api_result

    recorded(work).replayed_the_same()


def test_writes_to_several_collections_at_once_are_one_output():
    def work(client: Any) -> Any:
        names = ["shop.pens", "shop.caps", "shop.pens"]
        models = [InsertOne({"_id": number}, namespace=each) for number, each in enumerate(names)]
        done = client.bulk_write(models, verbose_results=True)
        with pytest.raises(ClientBulkWriteException) as caught:
            client.bulk_write(models, ordered=False)
        inserted = [each.inserted_id for each in done.insert_results.values()]
        return [done.inserted_count, inserted, sorted(caught.value.write_errors[0])]

    runs = recorded(work)
    runs.replayed_the_same()
    assert runs.aliases == ["mongodb connect", "mongodb bulkWrite", "mongodb bulkWrite"]


def test_changes_that_were_watched_come_again_and_no_more():
    amounts = [3, 3, 4]

    def work(client: Any) -> Any:
        with client.shop.pens.watch(batch_size=1) as stream:
            return [stream.next()["fullDocument"] for _ in range(amounts.pop(0))]

    runs = recorded(work, with_pens)
    runs.replayed_the_same()
    with pytest.raises(RecordingKeyError, match="mongodb getMore"):
        runs.replayed()


def test_a_server_that_is_not_found_is_not_found_again():
    def work() -> Any:
        with MongoClient(NOWHERE) as client:
            try:
                return client.shop.pens.find_one({})
            except ServerSelectionTimeoutError as error:
                return [str(error), error.timeout]

    runs = Runs(work)
    assert "127.0.0.1:1" in runs.result[0]
    runs.replayed_the_same()


def test_a_connection_that_breaks_is_tried_again_as_it_was():
    def breaking(store: Store) -> None:
        with_pens(store)
        store.broken = ["find", "insert"]

    def work(client: Any) -> Any:
        pens = client.shop.pens
        return [pens.find_one({"_id": 1}), pens.insert_one({"_id": 50}).inserted_id]

    runs = recorded(work, breaking)
    runs.replayed_the_same()
    assert runs.aliases.count("mongodb find pens") == 2
    assert runs.aliases.count("mongodb insert pens") == 2


def test_a_connection_that_breaks_is_an_error_again_where_nothing_is_tried_again():
    def work(client: Any) -> Any:
        with pytest.raises(AutoReconnect) as caught:
            client.shop.pens.insert_one({"_id": 50})
        return [type(caught.value).__name__, str(caught.value), caught.value.timeout]

    runs = recorded(work, lambda store: store.broken.append("insert"), options="&retryWrites=false")
    runs.replayed_the_same()


def test_an_answer_that_does_not_come_in_time_does_not_come_again():
    def work(client: Any) -> Any:
        with pytest.raises(NetworkTimeout) as caught:
            client.shop.pens.find_one({})
        return [str(caught.value), caught.value.timeout]

    options = "&socketTimeoutMS=50&retryReads=false"
    runs = recorded(work, lambda store: store.unanswered.append("find"), options=options)
    runs.replayed_the_same()


def test_a_task_that_is_cancelled_while_it_waits_is_cancelled_again():
    async def work(url: str) -> Any:
        async with AsyncMongoClient(url) as client:
            await client.shop.pens.insert_one({"_id": 1})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.shop.pens.find_one({}), 0.1)
            return (await client.shop.pens.insert_one({"_id": 2})).inserted_id

    with mongo_server() as (url, store):
        store.unanswered.append("find")
        runs = Runs(lambda: asyncio.run(work(url)))
    runs.replayed_the_same()


def test_a_single_server_without_sessions_is_one_in_a_replay():
    with mongo_server(replica_set=False) as (url, _):
        runs = Runs(lambda: work(url))
    (connect,) = (each for each in runs.recording.entries if each.alias == "mongodb connect")
    assert connect.decoded_result()["type"] == "Standalone"
    runs.replayed_the_same()


def test_every_value_of_bson_comes_back_exactly():
    values = {
        "id": ObjectId("65f0c0ffee65f0c0ffee65f0"),
        "money": Decimal128("12.340"),
        "large": Int64(7),
        "plain": 7,
        "bytes": b"\x00\xff",
        "tagged": Binary(b"\x01\x02", 128),
        "moment": datetime(2024, 5, 17, 12, 30, 0, 123000),
        "far": DatetimeMS(2**55),
        "pattern": Regex("^a", 2),
        "code": Code("return x", {"x": Int64(1)}),
        "stamp": Timestamp(1_700_000_000, 3),
        "ref": DBRef("pens", ObjectId("0" * 24), "shop", kind=Int64(2)),
        "ends": [MinKey(), MaxKey()],
        "alike": {"$ObjectId": {"$Int64": "no"}},
        "nested": [{"float": 1.0, "none": None, "text": "é\x00", "yes": True}],
    }

    def work(client: Any) -> Any:
        client.shop.pens.insert_one({"_id": 1, **values})
        options = client.codec_options.with_options(datetime_conversion=4)
        return client.shop.get_collection("pens", codec_options=options).find_one({})

    runs = recorded(work)
    assert runs.result == shown({"_id": 1, **values})
    runs.replayed_the_same()


def test_documents_are_made_by_the_options_of_the_code_that_is_replayed():
    moment = datetime(2024, 5, 17, tzinfo=UTC)
    aware = [False, True]

    def work(client: Any) -> Any:
        client.shop.pens.insert_one({"_id": 1, "at": moment})
        options = client.codec_options.with_options(tz_aware=aware.pop(0))
        return client.shop.get_collection("pens", codec_options=options).find_one({})["at"]

    runs = recorded(work)
    assert runs.result == "datetime.datetime(2024, 5, 17, 0, 0)"
    assert runs.replayed().result == repr(moment).replace(
        "datetime.timezone.utc", "FixedOffset(datetime.timedelta(0), 'UTC')"
    )


def test_what_is_compressed_is_told_as_such():
    runs = recorded(
        lambda client: [
            client.shop.pens.insert_one({"_id": 1, "name": "pen" * 50}).inserted_id,
            client.shop.pens.find_one({}),
        ],
        options="&compressors=zlib",
    )
    runs.replayed_the_same()
    assert runs.aliases == ["mongodb connect", "mongodb insert pens", "mongodb find pens"]


def test_a_write_that_asks_for_no_answer_gets_none():
    def work(client: Any) -> Any:
        pens = client.shop.get_collection("pens", write_concern=WriteConcern(w=0))
        pens.insert_one({"_id": 1})
        pens.bulk_write([InsertOne({"_id": 2}), InsertOne({"_id": 3})])
        return client.shop.pens.find_one({"_id": 3})

    recorded(work).replayed_the_same()


def test_a_transaction_is_told_by_its_commands_and_its_end():
    def work(client: Any) -> Any:
        with client.start_session() as session:
            with session.start_transaction():
                client.shop.pens.insert_one({"_id": 1}, session=session)
                client.shop.pens.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)
            session.with_transaction(
                lambda inner: client.shop.pens.delete_one({"_id": 1}, session=inner)
            )
            session.start_transaction()
            found = client.shop.pens.find_one({}, session=session)
            session.abort_transaction()
            return found

    runs = recorded(work)
    runs.replayed_the_same()
    ends = [alias for alias in runs.aliases if "Transaction" in alias]
    assert ends == [
        "mongodb commitTransaction",
        "mongodb commitTransaction",
        "mongodb abortTransaction",
    ]


def test_a_commit_that_is_left_out_is_a_difference():
    ends = ["abort_transaction", "commit_transaction"]

    def work(client: Any) -> Any:
        with client.start_session() as session:
            session.start_transaction()
            client.shop.pens.insert_one({"_id": 1}, session=session)
            getattr(session, ends.pop())()

    with pytest.raises(RecordingKeyError, match="abortTransaction"):
        recorded(work).replayed()


def test_a_client_from_before_the_operation_is_neither_used_nor_changed():
    def operation() -> Any:
        count = len(store.commands)
        inserted = client.shop.pens.insert_one({"_id": 1}).inserted_id
        while waits and len(store.commands) == count:
            store.came.wait()
        return inserted

    waits: list[bool] = []
    options = "&heartbeatFrequencyMS=500"
    with mongo_server() as (url, store), MongoClient(url + options) as client:
        runs = Runs(operation)
        sent, sessions = len(store.commands), len(client._topology._session_pool)
        store.came.clear()
        waits.append(True)
        replay = runs.replayed_the_same()
        assert {next(iter(each)) for each in store.commands[sent:]} == {"hello"}
        assert [each for each in replay.playback.outside if each.startswith("pymongo.")] == []
        assert len(client._topology._session_pool) == sessions
        assert client.shop.pens.find_one({"_id": 1}) == {"_id": 1}


def test_an_error_of_a_replay_does_not_cost_a_client_its_connections():
    def operation() -> Any:
        with pytest.raises(AutoReconnect):
            clients[0].shop.pens.insert_one({"_id": 1})

    with mongo_server() as (url, store):
        options = "&retryWrites=false"
        with MongoClient(url + options) as first, MongoClient(url + options) as second:
            clients = [first]
            store.broken.append("insert")
            runs = Runs(operation)
            clients = [second]
            second.shop.pens.find_one({})
            connections = store.connections
            runs.replayed_the_same()
            second.shop.pens.find_one({})
            assert store.connections == connections


class Listener(TopologyListener):
    """Has the driver start a thread that tells it."""

    def opened(self, event: Any) -> None: ...

    def description_changed(self, event: Any) -> None: ...

    def closed(self, event: Any) -> None: ...


def test_no_thread_is_started_in_a_replay():
    def operation() -> Any:
        before = threading.enumerate()
        with MongoClient(url, event_listeners=[Listener()]) as client:
            client.shop.pens.insert_one({"_id": 1})
            return [each.name for each in threading.enumerate() if each not in before]

    with mongo_server() as (url, _):
        runs = Runs(operation)
    assert "pymongo_events_thread" in runs.result
    replay = runs.replayed()
    assert replay.result == []
    assert replay.playback.missed == []


def test_a_client_that_was_never_connected_is_as_good_in_a_replay():
    with mongo_server() as (url, _):
        runs = Runs(lambda: work(url))
    threads = threading.active_count()
    runs.replayed_the_same()
    assert threading.active_count() == threads
    with MongoClient(NOWHERE, connect=False) as client:
        replay = runs.replayed(lambda: client.shop.pens.find_one({"_id": 1}))
        assert replay.result == {"_id": 1}
        assert {each.how for each in replay.playback.moved} == {"normalised"}
        assert not client._opened


def work(url: str) -> Any:
    with MongoClient(url) as client:
        client.shop.pens.insert_one({"_id": 1})
        return client.shop.pens.find_one({"_id": 1})


def test_a_client_that_is_made_in_an_operation_does_not_keep_it():
    recorder = TapeRecorder(InMemoryTapeCassette())
    clients: list[Any] = []
    kept: list[weakref.ref[Any]] = []

    def operation() -> None:
        session = current_session()
        assert session is not None
        kept.append(weakref.ref(session))
        clients.append(MongoClient(url))
        clients[0].shop.pens.insert_one({"_id": 1})

    with mongo_server() as (url, _):
        with recorder.enabled_recording():
            recorder.operation(category="work")(operation)()
        gc.collect()
        assert kept[0]() is None
        clients[0].close()
    assert recorder.counters == {"recorded": 1}


def test_secrets_are_pseudonyms_in_what_is_written_found_and_asked_for():
    secret = "hunter2hunter2"
    token = [ObjectId(), Binary(b"hunter2hunter2", 5), secret]

    def work(client: Any) -> Any:
        users = client.shop.users
        users.insert_one({"_id": 1, "password": secret, "token": token})
        users.update_one({"password": secret}, {"$set": {"api_key": secret}})
        client.shop.command("createUser", "ann", pwd=secret, roles=[])
        found = users.find_one({"password": secret})
        return [found["_id"], type(found["token"][0])]

    runs = recorded(work, redaction=REDACTOR)
    assert secret.encode() not in stored(runs)
    assert str(token[0]).encode() not in stored(runs)
    runs.replayed_the_same()


def test_a_client_whose_hosts_are_in_the_dns_asks_for_none_in_a_replay():
    with mongo_server() as (url, _):
        runs = Runs(lambda: work(url))
    with MongoClient("mongodb+srv://shop.invalid", connect=False) as client:
        replay = runs.replayed(lambda: client.shop.pens.find_one({"_id": 1}))
    assert replay.result == {"_id": 1}
    assert replay.playback.missed == []


def test_it_is_off_where_a_place_is_missing(monkeypatch, caplog):
    uninstall_interceptors()
    try:
        with monkeypatch.context() as patch:
            patch.delattr("pymongo.synchronous.pool.Connection.send_message")
            install_interceptors(["pymongo"])
            assert "pymongo" not in installed()
            assert "Connection.send_message" in caplog.text
            assert not hasattr(Connection.receive_message, "__wrapped__")
            uninstall_interceptors()
    finally:
        install_interceptors(["*", "pymongo"])


def test_the_operation_of_an_async_client_comes_again():
    async def work(url: str) -> Any:
        async with AsyncMongoClient(url) as client:
            pens = client.shop.pens
            await pens.insert_many([{"cents": each} for each in range(7)])
            found = [each async for each in pens.find({}, batch_size=3)]
            with pytest.raises(DuplicateKeyError) as caught:
                await pens.insert_one({"_id": found[0]["_id"]})
            async with client.start_session() as session, await session.start_transaction():
                await pens.delete_one({"cents": 1}, session=session)
            at_once = await asyncio.gather(*(pens.find_one({"cents": each}) for each in (2, 3)))
            return shown([found, caught.value.details, at_once])

    with mongo_server() as (url, _):
        runs = Runs(lambda: asyncio.run(work(url)))
    runs.replayed_the_same()


def test_an_async_client_is_told_again_that_its_server_is_not_there():
    async def work(url: str) -> Any:
        async with AsyncMongoClient(url, serverSelectionTimeoutMS=20) as client:
            with pytest.raises(ServerSelectionTimeoutError) as caught:
                await client.shop.pens.find_one({})
            return str(caught.value)

    # One of another set: where nobody listens at all, the driver leaves a socket unclosed.
    with mongo_server() as (url, _):
        runs = Runs(lambda: asyncio.run(work(url.replace("=shop", "=other"))))
    runs.replayed_the_same()


def test_commands_of_threads_are_those_of_the_operation():
    def work(client: Any) -> Any:
        found: list[Any] = []
        thread = threading.Thread(
            target=lambda: found.append(client.shop.pens.find_one({"_id": 3}))
        )
        thread.start()
        thread.join()
        return found

    recorded(work, with_pens).replayed_the_same()


def test_time_that_a_timeout_leaves_is_no_difference():
    def work(client: Any) -> Any:
        with pymongo.timeout(20):
            client.shop.pens.insert_one({"_id": 1})
            return client.shop.pens.find_one({})

    recorded(work).replayed_the_same()


def test_an_exhaust_cursor_is_said_to_be_not_replayable():
    def work(client: Any) -> Any:
        kind = pymongo.CursorType.EXHAUST
        return len(list(client.shop.pens.find({}, cursor_type=kind, batch_size=3)))

    runs = recorded(work, with_pens)
    assert runs.result == 10
    assert "exhaust" in runs.recording.get_metadata()[NOT_REPLAYABLE]


def test_without_an_operation_nothing_is_different():
    with mongo_server(replica_set=False) as (url, store), MongoClient(url) as client:
        client.shop.pens.insert_one({"_id": 1})
        assert client.shop.pens.find_one({}) == {"_id": 1}
        assert [next(iter(each)) for each in store.commands if "$db" in each][-2:] == [
            "insert",
            "find",
        ]
        assert ObjectId() != ObjectId()

"""Redis is asked when it is recorded; a replay answers with the server gone."""

import asyncio
import logging
import threading

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from playback_core import RecordingKeyError, SandboxOptions
from playback_core.codec.redaction import Redactor
from playback_core.interceptor import installed
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from tests.interceptors.cutting_server import cutting_server
from tests.interceptors.redis_server import recorded, redis_cluster, redis_sentinel, redis_server
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


def sent(replay):
    """Return what was sent by alias, without the answer of the operation."""
    outputs = replay.playback.playback_outputs[:-1]
    return [(key.split(" #")[0].removeprefix("output: redis "), v["kwargs"]) for key, v in outputs]


def commands(replay):
    return [fields["command"] for _, fields in sent(replay)]


def error_of(call):
    try:
        return call()
    except redis.RedisError as error:
        return told(error)


async def awaited_error_of(awaitable):
    try:
        return await awaitable
    except redis.RedisError as error:
        return told(error)


def told(error):
    state = {name: value for name, value in vars(error).items() if name != "__notes__"}
    # One in its arguments, as `hiredis` gives, is equal to none but itself.
    return type(error), list(map(str, error.args)), state


def test_reads_are_answered_and_writes_compared_with_the_server_gone():
    def work(port):
        client = redis.Redis(port=port)
        texts = redis.Redis.from_url(f"redis://localhost:{port}/0", decode_responses=True)
        client.set("stock", 7, ex=60)
        return [
            *(client.ping(), client.get("stock"), texts.get("stock"), client.get("gone")),
            *(client.incr("stock"), client.exists("stock", "gone"), client.ttl("stock") > 50),
            *(client.hset("ann", mapping={"name": "Ann", "age": 3}), client.hget("ann", "age")),
            *(client.hmget("ann", ["age", "gone"]), client.hgetall("ann"), texts.hgetall("ann")),
            *(client.zadd("rank", {"a": 1.5}), client.zrange("rank", 0, -1, withscores=True)),
            *(client.sadd("tags", "x", "y"), client.smembers("tags"), client.mget("stock", "no")),
            *(client.rpush("jobs", "one"), client.blpop("jobs", timeout=1), client.dump("stock")),
            *(client.object("encoding", "stock"), client.time(), client.type("tags")),
            *(client.xadd("log", {"of": "ann"}), client.xread({"log": 0}), client.info("server")),
        ]

    replay = recorded(work).replayed_the_same()
    kinds = dict.fromkeys(alias for alias, _ in sent(replay))
    assert list(kinds) == ["SET", "INCRBY", "HSET", "ZADD", "SADD", "RPUSH", "BLPOP", "XADD"]
    assert commands(replay)[0] == ["SET", "stock", "7", "EX", "60"]


def test_arguments_are_told_as_they_go_over_the_wire():
    def work(port):
        client = redis.Redis(port=port)
        client.execute_command(b"set", b"key", b"\xff")
        return client.execute_command("get", "key")

    runs = recorded(work)
    assert commands(runs.replayed_the_same()) == [["SET", "key", b"\xff"]]
    assert runs.replayed(lambda: redis.Redis(port=0).get(b"key")).result == b"\xff"


def test_keys_are_iterated_page_by_page():
    def work(port):
        client = redis.Redis(port=port)
        return sorted(client.scan_iter(count=10)), sorted(client.hscan_iter("h"))

    def prepare(client):
        client.mset({f"key-{n}": n for n in range(100)})
        client.hset("h", mapping={"a": 1, "b": 2})

    runs = recorded(work, prepare)
    assert len(runs.result[0]) == 101
    runs.replayed_the_same()


def test_errors_come_again_as_they_were():
    def work(port):
        client = redis.Redis(port=port)
        client.set("text", "x")
        refused = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
        slow = redis.Redis(port=port, socket_timeout=0.05, retry=Retry(NoBackoff(), 0))
        lock = client.lock("l", timeout=10)
        lock.acquire()
        client.delete("l")
        return [
            error_of(lambda: client.lpush("text", 1)),
            error_of(lambda: client.execute_command("NOSUCH")),
            error_of(lambda: refused.get("x")),
            error_of(lambda: slow.blpop("none", timeout=5)),
            error_of(lock.release),
            error_of(lambda: client.set("text", {})),
        ]

    runs = recorded(work)
    kinds = [kind for kind, *_ in runs.result]
    expected = ["Response", "Response", "Connection", "Timeout", "LockNotOwned", "Data"]
    assert [kind.__name__ for kind in kinds] == [f"{name}Error" for name in expected]
    runs.replayed_the_same()


def test_a_pipeline_is_one_call_and_an_output_if_it_writes():
    def work(port):
        client = redis.Redis(port=port)
        with client.pipeline() as pipe:
            first = pipe.set("a", 1).hset("h", "x", 1).hget("h", "x").hmget("h", ["x"]).execute()
            assert len(pipe) == 0
            second = pipe.get("a").get("b").execute()
        with client.pipeline(transaction=False) as pipe:
            third = pipe.get("a").zcard("z").execute()
            pipe.lpush("a", 1).get("a")
            fourth = list(map(repr, pipe.execute(raise_on_error=False)))
            pipe.lpush("a", 1)
            fifth = error_of(pipe.execute)
            return first, second, third, fourth, fifth, len(pipe), pipe.execute()

    runs = recorded(work)
    assert runs.aliases == ["redis pipeline"] * 5
    replay = runs.replayed_the_same()
    assert [fields["transaction"] for _, fields in sent(replay)] == [True, False, False]
    assert [each["command"] for each in sent(replay)[1][1]["commands"]] == [
        ["LPUSH", "a", "1"],
        ["GET", "a"],
    ]


def test_a_transaction_that_watches_keys_is_tried_again_in_a_replay_too():
    tries = []

    def work(port):
        client = redis.Redis(port=port)
        other = redis.Redis(port=port)
        tries.append(0)

        def double(pipe):
            stock = int(pipe.get("stock"))
            tries[-1] += 1
            if tries[-1] == 1:
                other.set("stock", 5)
            pipe.multi()
            pipe.set("stock", stock * 2)

        with client.pipeline() as pipe:
            pipe.watch("stock")
            pipe.unwatch()
            assert not pipe.watching
        return client.transaction(double, "stock"), client.get("stock")

    runs = recorded(work, lambda client: client.set("stock", 1))
    assert runs.result == ([True], b"10")
    runs.replayed_the_same()
    assert tries == [2, 2]


def fail_in_pipelines(port):
    """Give what pipelines come to whose errors are raised when they are executed, or given."""
    client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
    other = redis.Redis(port=port)
    pipe = client.pipeline()
    pipe.watch("stock")
    other.set("stock", 2)
    pipe.multi()
    results = [error_of(pipe.set("stock", 3).execute), pipe.watching, len(pipe)]
    pipe.watch("stock")
    other.client_kill_filter(_type="normal", skipme=True)
    results += [error_of(lambda: pipe.get("stock")), pipe.watching]
    pipe.watch("stock")
    pipe.multi()
    pipe.set("stock", 4)
    other.client_kill_filter(_type="normal", skipme=True)
    results += [error_of(pipe.execute), pipe.watching, pipe.explicit_transaction]
    pipe.execute_command("SET", "alone")
    results.append(error_of(lambda: pipe.execute(raise_on_error=False)))
    pipe.get("stock").discard()
    results.append(error_of(pipe.execute))
    pipe.set("stock", {})
    return [*results, error_of(pipe.execute), len(pipe)]


async def fail_in_asynchronous_pipelines(port):
    client = redis.asyncio.Redis(port=port, retry=redis.asyncio.retry.Retry(NoBackoff(), 0))
    other = redis.asyncio.Redis(port=port)
    pipe = client.pipeline()
    await pipe.watch("stock")
    await other.set("stock", 2)
    pipe.multi()
    pipe.set("stock", 3)
    results = [await awaited_error_of(pipe.execute()), pipe.watching, len(pipe)]
    await pipe.watch("stock")
    await other.client_kill_filter(_type="normal", skipme=True)
    results += [await awaited_error_of(pipe.get("stock")), pipe.watching]
    pipe.execute_command("SET", "alone")
    results.append(await awaited_error_of(pipe.execute(raise_on_error=False)))
    pipe.set("stock", "x").lpush("stock", 1)
    results.append(await awaited_error_of(pipe.execute()))
    await client.aclose()
    await other.aclose()
    return results


@pytest.mark.parametrize(
    ("work", "kinds"),
    [
        (fail_in_pipelines, ["Watch"] * 3 + ["Response"] * 2 + ["Data"]),
        (
            lambda port: asyncio.run(fail_in_asynchronous_pipelines(port)),
            ["Watch"] * 2 + ["Response"] * 2,
        ),
    ],
    ids=["sync", "async"],
)
def test_errors_that_a_pipeline_raises_late_come_again_as_they_were(work, kinds):
    runs = recorded(work)
    errors = [each[0] for each in runs.result if isinstance(each, tuple)]
    assert [kind.__name__ for kind in errors] == [f"{kind}Error" for kind in kinds]
    runs.replayed_the_same()


def test_a_connection_that_is_lost_in_the_middle_of_a_pipeline_is_lost_again():
    def work(port):
        client = redis.Redis(port=port, protocol=2, driver_info=None, retry=Retry(NoBackoff(), 0))
        with client.pipeline() as pipe:
            pipe.set("stock", 1).get("stock")
            return error_of(pipe.execute), len(pipe)

    with cutting_server(b"+OK\r\n+QUEUED\r\n") as port:
        runs = Runs(lambda: work(port))
    assert runs.result[0][0] is redis.ConnectionError
    runs.replayed_the_same()


def test_a_pipeline_that_raises_other_errors_than_it_did_has_no_result():
    def work(port, raise_on_error):
        with redis.Redis(port=port).pipeline() as pipe:
            pipe.set("a", "x").lpush("a", 1)
            return error_of(lambda: list(map(str, pipe.execute(raise_on_error))))

    for was in (True, False):
        runs = recorded(lambda port, was=was: work(port, was))
        runs.replayed_the_same()
        with pytest.raises(RecordingKeyError, match="raise_on_error=False"):
            runs.replayed(lambda is_now=not was: work(0, is_now))


def test_a_lock_has_the_token_that_it_was_recorded_with():
    def work(port):
        client = redis.Redis(port=port)
        with client.lock("orders", timeout=5) as lock:
            held = client.lock("orders", blocking_timeout=0.01).acquire()
            return lock.owned(), lock.extend(5), held

    runs = recorded(work)
    assert runs.result == (True, True, False)
    runs.replayed_the_same()


def test_scripts_are_loaded_where_they_were_when_recorded():
    def work(port):
        client = redis.Redis(port=port)
        add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
        with client.pipeline() as pipe:
            add(keys=["n"], args=[1], client=pipe)
            queued = pipe.execute()
        return (
            add(keys=["n"], args=[5]),
            add(keys=["n"], args=[5]),
            queued,
            client.script_exists("x"),
        )

    runs = recorded(work)
    assert runs.result == (6, 11, [1], [False])
    runs.replayed_the_same()


def test_messages_that_were_received_come_again_in_order():
    heard = []

    def work(port):
        client = redis.Redis(port=port, decode_responses=True)
        with client.pubsub() as subscriber:
            subscriber.subscribe("orders", news=heard.append)
            client.publish("orders", "one")
            client.publish("news", "two")
            client.publish("orders", "three")
            waited = [subscriber.get_message(timeout=1) for _ in range(4)]
            listened = next(subscriber.listen())
            return waited, listened, subscriber.get_message(), subscriber.get_message()

    runs = recorded(work)
    assert [each and each["data"] for each in runs.result[0]] == [1, 2, "one", None]
    assert runs.result[1:] == ({**runs.result[0][2], "data": "three"}, None, None)
    runs.replayed_the_same()
    assert [each["data"] for each in heard] == ["two", "two"]


def test_a_subscriber_that_looks_more_often_finds_nothing_and_one_that_waits_is_missed():
    def work(port, *more):
        with redis.Redis(port=port).pubsub() as subscriber:
            subscriber.subscribe("orders")
            received = [subscriber.get_message(timeout=1)]
            return received + [subscriber.get_message(timeout=wait) for wait in more]

    runs = recorded(work)
    assert runs.replayed(lambda: work(0, 0, 0)).result == [*runs.result, None, None]
    with pytest.raises(RecordingKeyError, match="redis message"):
        runs.replayed(lambda: work(0, None))


def test_a_thread_that_hears_messages_for_the_application_hears_them_again():
    def work(port):
        client = redis.Redis(port=port)
        heard, done = [], threading.Event()

        def hear(message):
            heard.append(message["data"])
            done.set()

        subscriber = client.pubsub(ignore_subscribe_messages=True)
        subscriber.subscribe(news=hear)
        assert subscriber.get_message(timeout=5) is None
        client.publish("news", "one")
        thread = subscriber.run_in_thread(sleep_time=0.01)
        assert done.wait(10)
        thread.stop()
        thread.join()
        return heard

    replay = recorded(work).replayed()
    assert replay.result == [b"one"]
    assert replay.playback.missed == []


def test_a_wait_that_was_given_up_is_given_up_again():
    async def work(port):
        async with redis.asyncio.Redis(port=port) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.blpop("none", timeout=20), 0.1)
            return await client.get("a")

    runs = recorded(lambda port: asyncio.run(work(port)), lambda client: client.set("a", 1))
    runs.replayed_the_same()


def test_the_newer_protocol_replays_the_same_way():
    def work(port):
        with redis.Redis(port=port, protocol=3, decode_responses=True) as client:
            client.hset("ann", mapping={"age": 3})
            client.zadd("rank", {"a": 1})
            results = [client.hgetall("ann"), client.zrange("rank", 0, -1, withscores=True)]
            with client.pubsub() as subscriber:
                subscriber.subscribe("news")
                return [*results, subscriber.get_message(timeout=5), client.client_info()["id"]]

    recorded(work).replayed_the_same()


def test_a_sentinel_need_not_say_again_who_the_master_is(tmp_path):
    with redis_server() as master, redis_sentinel(tmp_path, master) as port:

        def work():
            sentinel = Sentinel([("127.0.0.1", port)])
            shop = sentinel.master_for("shop")
            return shop.set("a", 1), shop.get("a"), sentinel.discover_master("shop")

        runs = Runs(work)
    assert runs.result == (True, b"1", ("127.0.0.1", master))
    replay = runs.replayed_the_same()
    assert sent(replay)[0][1]["server"] == "shop/0"


def test_clients_with_one_connection_and_blocking_pools_need_no_server():
    def work(port):
        with redis.Redis(port=port, single_connection_client=True) as client:
            client.set("a", 1)
        pool = redis.BlockingConnectionPool(port=port)
        shared = redis.Redis(connection_pool=pool)
        with shared.client() as single:
            result = single.get("a"), shared.get("a"), shared.pipeline().get("a").execute()
        pool.disconnect()
        return result

    recorded(work).replayed_the_same()


def test_a_client_that_is_connected_already_is_not_touched():
    with redis_server() as port:
        client = redis.Redis(port=port)
        client.set("a", 1)

        def work():
            with client.pipeline() as pipe:
                return client.get("a"), pipe.incr("b").execute(), client.get("b"), client.close()

        runs = Runs(work)
        before = client.info("commandstats")
        (connection,) = client.connection_pool._available_connections
        runs.replayed_the_same()
        after = client.info("commandstats")
        assert (after["cmdstat_get"], after["cmdstat_incrby"]) == (
            before["cmdstat_get"],
            before["cmdstat_incrby"],
        )
        assert client.connection_pool._available_connections == [connection]
        client.connection_pool.disconnect()


def test_asynchronous_clients_replay_the_same_way():
    async def work(port):
        client = redis.asyncio.Redis(port=port, decode_responses=True)
        results = [await client.set("a", 1), await client.get("a")]
        async with client.pipeline() as pipe:
            results.append(await pipe.incr("a").hget("h", "x").execute())

        async def double(pipe):
            value = int(await pipe.get("a"))
            pipe.multi()
            pipe.set("a", value * 2)

        results.append(await client.transaction(double, "a"))
        async with client.lock("l", timeout=5) as lock:
            results.append(await lock.owned())
        add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
        results.append(await add(keys=["a"], args=[5]))
        results.append([key async for key in client.scan_iter()])
        async with client.pubsub() as subscriber:
            await subscriber.subscribe("c")
            await client.publish("c", "hi")
            results += [await subscriber.get_message(timeout=1) for _ in range(2)]
        async with redis.asyncio.Redis(port=port, single_connection_client=True) as single:
            results.append(await single.get("a"))
        await client.aclose()
        # After connections were closed, which starts tasks of the library's own.
        one, other = redis.asyncio.Redis(port=port), redis.asyncio.Redis(port=port)
        results.append(await asyncio.gather(one.incr("a"), other.incr("b"), one.get("c")))
        await one.aclose()
        await other.aclose()
        try:
            await client.lpush("a", 1)
        except redis.ResponseError as error:
            results.append(error.args)
        await client.aclose()
        return results

    recorded(lambda port: asyncio.run(work(port))).replayed_the_same()


def test_threads_share_a_client():
    def work(port):
        client = redis.Redis(port=port)
        results = {}

        def count(name):
            results[name] = [client.incr(name) for _ in range(3)]

        threads = [threading.Thread(target=count, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    recorded(work).replayed_the_same()


def use_cluster(client):
    results = [client.set("a", 1), client.get("a"), client.mget_nonatomic(["a", "b"])]
    results += [client.ping(target_nodes="primaries"), list(client.scan_iter())]
    with client.pipeline() as pipe:
        results += pipe.set("q", 1).get("q").get("none").execute()
    with client.pipeline(transaction=True) as pipe:
        pipe.watch("q")
        results.append(pipe.get("q"))
        client.set("q", 2)
        pipe.multi()
        pipe.set("q", 3)
        results.append(error_of(pipe.execute))
        pipe.lpush("q", 1)
        return [*results, error_of(pipe.execute)]


async def use_cluster_asynchronously(port):
    async with redis.asyncio.RedisCluster(host="127.0.0.1", port=port) as client:
        results = [await client.set("a", 1), await client.get("a")]
        async with client.pipeline() as pipe:
            results += await pipe.set("q", 1).get("q").execute()
        pipe = client.pipeline(transaction=True)
        await pipe.watch("q")
        results.append(await pipe.get("q"))
        await client.set("q", 2)
        pipe.multi()
        pipe.set("q", 3)
        return [*results, await awaited_error_of(pipe.execute())]


def test_a_cluster_replays_with_a_client_of_before_one_of_its_own_and_an_asynchronous_one():
    def work(port):
        with redis.RedisCluster(host="127.0.0.1", port=port) as client:
            return use_cluster(client)

    with redis_cluster() as port:
        client = redis.RedisCluster(host="127.0.0.1", port=port)
        runs = [
            Runs(lambda: work(port)),
            Runs(lambda: use_cluster(client)),
            Runs(lambda: asyncio.run(use_cluster_asynchronously(port))),
        ]
        client.close()
    for each in runs:
        each.replayed_the_same()
    client.encoder.decode_responses = True
    with pytest.raises(RecordingKeyError, match="redis GET"):
        runs[1].replayed(lambda: client.get("a"))


def test_servers_and_databases_are_kept_apart():
    with redis_server() as first, redis_server() as second:

        def work(first_db=0):
            clients = [
                redis.Redis(port=first, db=first_db),
                redis.Redis(port=first, db=1),
                redis.Redis(port=second),
            ]
            for number, client in enumerate(clients):
                client.set("k", number)
            return [client.get("k") for client in reversed(clients)]

        runs = Runs(work)
    runs.replayed_the_same()
    with pytest.raises(RecordingKeyError, match=r"'server'\] was"):
        runs.replayed(lambda: work(first_db=2))


def test_a_read_from_another_host_means_the_same_and_is_listed_as_normalised():
    runs = recorded(lambda port: redis.Redis(port=port).get("k"), lambda client: client.set("k", 1))
    replay = runs.replayed(lambda: redis.Redis(host="redis.example", port=6380).get("k"))
    assert replay.result == b"1"
    assert [(each.alias, each.how) for each in replay.playback.moved] == [
        ("redis GET", "normalised")
    ]


def test_changed_code_shows_what_it_asks_and_what_it_sends():
    def work(port, key="k", value=2):
        client = redis.Redis(port=port)
        client.set("k", value)
        return client.get(key)

    runs = recorded(work)
    replay = runs.replayed(lambda: work(0, value=3))
    assert not replay.is_equal
    with pytest.raises(RecordingKeyError, match="redis GET"):
        runs.replayed(lambda: work(0, key="other"))
    with pytest.raises(RecordingKeyError, match="redis GET"):
        runs.replayed(lambda: redis.Redis(port=0, decode_responses=True).get("k"))


def test_a_pipeline_with_a_command_more_has_no_result_for_it():
    def work(port, *more):
        pipe = redis.Redis(port=port).pipeline().set("a", 1)
        for key in more:
            pipe.get(key)
        return pipe.execute()

    runs = recorded(work)
    with pytest.raises(RecordingKeyError, match="1 commands were recorded, and now are 2"):
        runs.replayed(lambda: work(0, "a"))


def test_a_pipeline_of_fewer_commands_is_a_miss_that_names_what_differs():
    def work(port, keys=("a", "b")):
        with redis.Redis(port=port) as client, client.pipeline() as pipeline:
            for key in keys:
                pipeline.set(key, 1)
            return pipeline.execute()

    ports = []
    runs = recorded(lambda port: ports.append(port) or work(port))
    named = r"2 commands were recorded, and now are 1.*\['commands'\]\[1\] was .*\"b\""
    with pytest.raises(RecordingKeyError, match=named):
        runs.replayed(lambda: work(ports[0], keys=("a",)))


def test_another_way_to_read_scores_is_another_call():
    def work(port, cast=float):
        client = redis.Redis(port=port)
        return client.zrange("z", 0, -1, withscores=True, score_cast_func=cast)

    runs = recorded(work, lambda client: client.zadd("z", {"a": 1}))
    with pytest.raises(RecordingKeyError, match="redis ZRANGE"):
        runs.replayed(lambda: work(0, cast=int))


def test_a_command_may_be_allowed_to_reach_the_server():
    with redis_server() as port:
        client = redis.Redis(port=port)
        client.set("new", "here")
        runs = Runs(lambda: client.get("old"))
        single = redis.Redis(port=port)
        recorder = runs.recorder
        results = []
        operation = recorder.operation(category="work")(lambda: results.append(single.get("new")))
        allowed = SandboxOptions.parse(["alias:redis GET", f"localhost:{port}"])
        playback = recorder.play(runs.recording_id, lambda recording: operation(), sandbox=allowed)
        assert results == [b"here"]
        assert [each.alias for each in playback.substituted] == ["redis GET"]
        client.close()
        single.close()


def test_passwords_are_never_stored():
    def work(port):
        client = redis.Redis.from_url(f"redis://:hunter2@localhost:{port}")
        error_of(lambda: client.execute_command("AUTH", "ann", "hunter2"))
        error_of(lambda: client.execute_command("CONFIG", "SET", "masterauth", "hunter2"))
        error_of(lambda: client.acl_setuser("bob", passwords=["+hunter2"]))
        refused = error_of(client.pipeline().auth("hunter2", "ann").execute)
        settings = len(client.config_get("requirepass"))
        queued = client.pipeline().auth("hunter2").get("a").execute()
        return client.set("a", 1), queued, refused[0], settings

    runs = recorded(work, lambda client: client.config_set("requirepass", "hunter2"))
    assert runs.result[2] is redis.AuthenticationError or runs.result[2] is redis.ResponseError
    told = [(each.decoded_arguments(), each.decoded_result()) for each in runs.recording.entries]
    assert "hunter2" not in repr(told)
    runs.replayed_the_same()


def test_hash_fields_are_redacted_by_their_names():
    def work(port):
        client = redis.Redis(port=port)
        client.hset("ann", mapping={"password": "hunter2", "age": 3})
        results = [client.hget("ann", "password"), client.hgetall("ann")]
        results.append(client.hmget("ann", ["age", "password"]))
        return len(results + client.pipeline().hget("ann", "password").execute())

    runs = recorded(work, redaction=Redactor(key=b"k"))
    told = [(e.decoded_arguments(), e.decoded_result()) for e in runs.recording.entries]
    assert "hunter2" not in repr(told)
    assert "psd_" in repr(told)
    runs.replayed_the_same()


def test_without_an_operation_redis_is_as_it_was():
    with redis_server() as port:
        client = redis.Redis(port=port)
        assert client.set("a", 1)
        assert client.pipeline().get("a").execute() == [b"1"]
        client.close()


def test_uninstalling_puts_the_librarys_own_functions_back():
    uninstall_interceptors()
    before = redis.Redis.execute_command, redis.client.Pipeline.execute
    install_interceptors()
    assert redis.Redis.execute_command is not before[0]
    uninstall_interceptors()
    assert (redis.Redis.execute_command, redis.client.Pipeline.execute) == before


def test_a_version_without_one_of_the_places_is_left_alone(monkeypatch, caplog):
    uninstall_interceptors()
    monkeypatch.delattr(redis.client.Pipeline, "immediate_execute_command")
    with caplog.at_level(logging.WARNING, logger="playback"):
        install_interceptors(["redis"])
    assert "redis.client:Pipeline.immediate_execute_command" in caplog.text
    assert "redis" not in installed()

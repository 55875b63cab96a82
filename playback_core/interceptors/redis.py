"""Redis by `redis`: commands that read are inputs, all others outputs; a pipeline is one call."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._redis_calls import Command, OnServer
from playback_core.interceptors._redis_clients import place_of
from playback_core.interceptors._redis_pipelines import (
    ImmediateCommand,
    ImmediateCommandOfCluster,
    Pipeline,
)
from playback_core.library_interception import INPUT, UNRECORDED, Call
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current_session


class _Message(OnServer):
    """A place that waits for what was published, or looks whether there is any."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        subscriber, *options = args
        waits = options[0] if options else kwargs.get("block", True)
        names = [*subscriber.channels, *subscriber.patterns]
        names += getattr(subscriber, "shard_channels", ())
        channels = sorted(map(_text, names))
        # By its number: one that came once is not there again for who asks once more.
        session = current_session()
        number = session.number_output(f"redis {channels}") if session is not None else 0
        fields = {**place_of(subscriber), "channels": channels, "number": number}
        return Call(INPUT, "redis message", fields, waits)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        # A parser may have a list of its own for what was pushed.
        return value, [*value] if isinstance(value, list) else value

    def answer_missing(self, call: Call) -> Outcome | None:
        # Who looks again and again, as a thread does, finds nothing more.
        return None if call.about else Outcome(None)


class _Unrecorded(CallTarget):
    """A place that connects or disconnects: its own business, and nobody's in a replay."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, str(self), {}, args[0])

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome()


class _Client(_Unrecorded):
    """The same, where what is awaited is the client."""

    def answer_missing(self, call: Call) -> Outcome | None:
        # It can be awaited itself, so that it would be.
        return Outcome(_awaited(call.about))


class _Slot(_Unrecorded):
    """A place that may ask a cluster where the keys of a command are."""

    def answer_missing(self, call: Call) -> Outcome | None:
        # In a replay there is one node, for all of them.
        return Outcome(0)


class _Connecting(_Unrecorded):
    """The same, where it gives a connection: in a replay one that is not connected."""

    def answer_missing(self, call: Call) -> Outcome | None:
        pool = call.about
        connection = pool.make_connection()
        if hasattr(pool, "_in_use_connections"):
            pool._in_use_connections.add(connection)
        return Outcome(connection)


class _AwaitedConnecting(_Connecting):
    """The same, where some versions have a function that returns the coroutine."""

    def replacement(self, original: Function) -> Function:
        async def connecting(*args: Any, **kwargs: Any) -> Any:
            return await original(*args, **kwargs)

        return super().replacement(connecting)


async def _awaited(value: Any) -> Any:
    return value


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _client_targets(module: str) -> list[Target]:
    return [
        Command(module, "Redis.execute_command"),
        ImmediateCommand(module, "Pipeline.immediate_execute_command"),
        Pipeline(module, "Pipeline.execute"),
        Command(module, "PubSub.execute_command"),
        _Message(module, "PubSub.parse_response"),
    ]


def _cluster_targets(module: str) -> list[Target]:
    return [
        Command(module, "RedisCluster.execute_command", optional=True),
        ImmediateCommandOfCluster(
            module, "TransactionStrategy._immediate_execute_command", optional=True
        ),
        Pipeline(module, "ClusterPipeline.execute", optional=True),
    ]


def _each_pool(module: str, method: str, kind: type[Target]) -> list[Target]:
    return [
        kind(module, f"{pool}.{method}") for pool in ("ConnectionPool", "BlockingConnectionPool")
    ]


INTERCEPTOR: Final = Interceptor(
    library="redis",
    targets=[
        *_client_targets("redis.client"),
        *_client_targets("redis.asyncio.client"),
        *_each_pool("redis.connection", "get_connection", _Connecting),
        *_each_pool("redis.asyncio.connection", "get_connection", _AwaitedConnecting),
        # It starts tasks, which a replay that has nothing to close would not.
        *_each_pool("redis.asyncio.connection", "disconnect", _Unrecorded),
        *_cluster_targets("redis.cluster"),
        *_cluster_targets("redis.asyncio.cluster"),
        _Client("redis.asyncio.cluster", "RedisCluster.initialize", optional=True),
        _Slot("redis.cluster", "RedisCluster.determine_slot", optional=True),
        _Slot("redis.asyncio.cluster", "RedisCluster._determine_slot", optional=True),
    ],
)

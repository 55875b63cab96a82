"""Redis by `redis`: commands that read are inputs, all others outputs; a pipeline is one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._redis_clients import (
    is_transaction,
    leave_empty,
    parts_of,
    place_of,
    queued,
)
from playback_core.interceptors._redis_commands import CONCEALED, is_read, named, told, unnamed
from playback_core.library_interception import INPUT, OUTPUT, UNRECORDED, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current_session

_Args = tuple[Any, ...]
_Kwargs = dict[str, Any]


class _OnServer(CallTarget):
    """A call that tells its server; one of another host means the same, of another db does not."""

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "server": fields["server"].rpartition("/")[2]}


class _Command(_OnServer):
    """A place that sends one command and returns what came of it."""

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        client = args[0]
        name, fields = told(args[1:], kwargs)
        kind = INPUT if is_read(name) else OUTPUT
        fields.update(place_of(client))
        if "target_nodes" in kwargs and isinstance(kwargs["target_nodes"], str):
            fields["nodes"] = kwargs["target_nodes"]
        return Call(kind, f"redis {name}", fields, (client, fields["command"]))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, named(call.about[1], value)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return unnamed(call.about[1], stored)


class _ImmediateCommand(_Command):
    """A command of a pipeline that is sent at once, as it watches keys."""

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        pipeline, (name, *_) = call.about
        if name == "WATCH":
            pipeline.watching = True
        elif name in pipeline.UNWATCH_COMMANDS:
            pipeline.watching = False
        return super().answer(call, stored, missing)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        if type(error).__name__ == "WatchError":
            leave_empty(call.about[0])
        return error


class _Pipeline(_OnServer):
    """A place that sends the commands of a pipeline: an output if one of them is."""

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        pipeline = args[0]
        queue = queued(pipeline)
        if not queue and not getattr(pipeline, "watching", False):
            return None
        told_ones = [told(*parts_of(each)) for each in queue]
        fields = {
            **place_of(pipeline),
            "transaction": is_transaction(pipeline),
            "commands": [each for _, each in told_ones],
        }
        kind = INPUT if all(is_read(name) for name, _ in told_ones) else OUTPUT
        words = [each["command"] for _, each in told_ones]
        return Call(kind, "redis pipeline", fields, (pipeline, words))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, _each(named, call.about[1], value)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        if not any(CONCEALED in command for command in call.about[1]):
            return error
        # Its text tells the command.
        stored = type(error).__new__(type(error))
        vars(stored).update(vars(error))
        stored.args = (CONCEALED,)
        return stored

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        pipeline, commands = call.about
        leave_empty(pipeline)
        if len(stored) != len(commands):
            raise missing(f"{len(stored)} commands were recorded, and now are {len(commands)}.")
        return _each(unnamed, commands, stored)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        leave_empty(call.about[0])
        return error


class _Message(_OnServer):
    """A place that waits for what was published, or looks whether there is any."""

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
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

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        return Call(UNRECORDED, str(self), {}, args[0])

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome()


class _Client(_Unrecorded):
    """The same, where what is awaited is the client."""

    def answer_missing(self, call: Call) -> Outcome | None:
        # It can be awaited itself, so that it would be.
        return Outcome(_awaited(call.about))


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


def _each(change: Callable[..., Any], commands: Sequence[Any], results: Any) -> list[Any]:
    return [change(*pair) for pair in zip(commands, results, strict=True)]


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _client_targets(module: str) -> list[Target]:
    return [
        _Command(module, "Redis.execute_command"),
        _ImmediateCommand(module, "Pipeline.immediate_execute_command"),
        _Pipeline(module, "Pipeline.execute"),
        _Command(module, "PubSub.execute_command"),
        _Message(module, "PubSub.parse_response"),
    ]


def _cluster_targets(module: str) -> list[Target]:
    return [
        _Command(module, "RedisCluster.execute_command", optional=True),
        _Pipeline(module, "ClusterPipeline.execute", optional=True),
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
    ],
)

"""Redis by `redis`: commands that read are inputs, all others outputs; a pipeline is one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from playback_core.interceptor import CallTarget, Interceptor, Target
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
        client, *words = args
        name, fields = told(words, kwargs)
        kind = INPUT if is_read(name) else OUTPUT
        fields.update(_place(client))
        targets = kwargs.get("target_nodes")
        if isinstance(targets, str):
            fields["nodes"] = targets
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
            _empty(call.about[0])
        return error


class _Pipeline(_OnServer):
    """A place that sends the commands of a pipeline: an output if one of them is."""

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        pipeline = args[0]
        queue = _queue(pipeline)
        if not queue and not getattr(pipeline, "watching", False):
            return None
        told_ones = [told(*_parts(each)) for each in queue]
        fields = {
            **_place(pipeline),
            "transaction": _is_transaction(pipeline),
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
        _empty(pipeline)
        if len(stored) != len(commands):
            raise missing(f"{len(stored)} commands were recorded, and now are {len(commands)}.")
        return _each(unnamed, commands, stored)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        _empty(call.about[0])
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
        fields = {**_place(subscriber), "channels": channels, "number": number}
        return Call(INPUT, "redis message", fields, waits)

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


def _place(client: Any) -> dict[str, Any]:
    """Return where a client sends its commands, without user and password."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        return {"server": "cluster"}
    options = pool.connection_kwargs
    # That of a sentinel has a name, and no host of its own.
    host = options.get("path") or getattr(pool, "service_name", None)
    if host is None:
        host = f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    place = {"server": f"{host}/{options.get('db') or 0}"}
    return {**place, "decoded": True} if options.get("decode_responses") else place


def _holder(pipeline: Any) -> tuple[Any, str]:
    # A pipeline of a cluster has had its commands in several places.
    holder = getattr(pipeline, "_execution_strategy", pipeline)
    names = ("_command_queue", "command_stack", "_command_stack")
    return holder, next(name for name in names if hasattr(holder, name))


def _queue(pipeline: Any) -> Sequence[Any]:
    holder, name = _holder(pipeline)
    queue: Sequence[Any] = getattr(holder, name)
    return queue


def _parts(command: Any) -> tuple[Sequence[Any], _Kwargs]:
    if isinstance(command, tuple):
        return command[0], command[1]
    return command.args, getattr(command, "options", None) or getattr(command, "kwargs", {})


def _is_transaction(pipeline: Any) -> bool:
    # A method of that name is no flag.
    names = ("explicit_transaction", "transaction", "is_transaction", "_transaction")
    flagged = any(getattr(pipeline, name, False) is True for name in names)
    return flagged or type(_holder(pipeline)[0]).__name__ == "TransactionStrategy"


def _empty(pipeline: Any) -> None:
    """Leave a pipeline as it is when it has been executed; it has no connection."""
    holder, name = _holder(pipeline)
    setattr(holder, name, [])
    if holder is pipeline and hasattr(pipeline, "watching"):
        pipeline.scripts = set()
        pipeline.watching = pipeline.explicit_transaction = False


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

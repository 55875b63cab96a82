"""Connections of psycopg: opening them, and what stands for them in a replay."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg.adapt import Transformer

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Target
from playback_core.interceptors._pg_address import address_of, asked_params, note_asked, set_address
from playback_core.interceptors._pg_hollow import (
    HollowPGconn,
    detached,
    facts_of,
    hollow_connection,
    without_handles,
)
from playback_core.library_interception import INPUT, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current


class Connect(CallTarget):
    """`connect` of a class of connections."""

    _named: Final = ("host", "hostaddr", "port", "dbname", "user")

    def __init__(self, attribute: str) -> None:
        super().__init__("psycopg", attribute)

    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)

        if iscoroutinefunction(original):

            async def awaited(cls: Any, *args: Any, **kwargs: Any) -> Any:
                connection = await intercepted(cls, *args, **kwargs)
                note_asked(connection, *args, **kwargs)
                return connection

            return awaited

        def called(cls: Any, *args: Any, **kwargs: Any) -> Any:
            connection = intercepted(cls, *args, **kwargs)
            note_asked(connection, *args, **kwargs)
            return connection

        return called

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        told = self._server(*args[1:], **kwargs)
        return Call(INPUT, "psycopg connect", told, (args, kwargs))

    def _server(self, info: str = "", **options: Any) -> dict[str, Any]:
        params = asked_params(info, **options)
        return {name: str(params[name]) for name in self._named if params.get(name) is not None}

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, facts_of(value.pgconn)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return without_handles(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return hollow_connection(stored, *call.about[0], **call.about[1])

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(hollow_connection(None, *call.about[0], **call.about[1]))

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        # A replay may be configured for another server.
        return {}


class ConnectFunction(Target):
    """`psycopg.connect`, which is that of a class as it was before ours came in."""

    def replacement(self, original: Function) -> Function:
        cls: Any = original.__self__  # type: ignore[attr-defined]

        def connect(*args: Any, **kwargs: Any) -> Any:
            return cls.connect(*args, **kwargs)

        return connect


class AsBytes(Target):
    """The text of an identifier or literal, for a context."""

    def replacement(self, original: Function) -> Function:
        def as_bytes(composable: Any, context: Any = None) -> Any:
            return original(composable, detached(context))

        return as_bytes


class Mogrify(Target):
    """The text of a statement with its parameters in it."""

    def replacement(self, original: Function) -> Function:
        def mogrify(cursor: Any, query: Any, params: Any = None) -> Any:
            context = detached(cursor)
            if context is cursor:
                return original(cursor, query, params)
            told = cursor._query_cls(Transformer(context))
            told.convert(query, params)
            return told.query.decode()

        return mogrify


class Notifies(CallTarget):
    """The notifications that come, as a stream."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(INPUT, "psycopg notifies", {})


class PipelineStep(Target):
    """What a pipeline asks of the server: nothing, where results come with their statements."""

    def replacement(self, original: Function) -> Function:
        def step(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(pipeline.pgconn, HollowPGconn):
                pipeline.command_queue.clear()
                pipeline.result_queue.clear()
                return
            yield from original(pipeline, *args, **kwargs)

        return step


class OfTheReplay(Target):
    """A method of connections; one opened before a replay is left alone by it.

    Within the replay a hollow one stands for it.
    """

    def __init__(self, attribute: str) -> None:
        super().__init__("psycopg", attribute)

    def replacement(self, original: Function) -> Function:
        if iscoroutinefunction(original):

            async def awaited(connection: Any, *args: Any, **kwargs: Any) -> Any:
                if current() is not None:
                    connection = of_the_replay(connection)
                return await original(connection, *args, **kwargs)

            return awaited

        def called(connection: Any, *args: Any, **kwargs: Any) -> Any:
            if current() is not None:
                connection = of_the_replay(connection)
            return original(connection, *args, **kwargs)

        return called


class InfoOfTheReplay(Target):
    """What is told of a connection: in a replay, of the one that stands for it."""

    def replacement(self, original: Function) -> Function:
        def init(info: Any, pgconn: Any) -> None:
            session = _replay()
            if session is not None:
                for connection, hollow in _stands_for.get(session, {}).values():
                    if connection.pgconn is pgconn:
                        pgconn = hollow.pgconn
            original(info, pgconn)

        return init


_stands_for: Final[WeakKeyDictionary[Session, dict[int, tuple[Any, Any]]]] = WeakKeyDictionary()
_CARRIED_OVER: Final = (
    *("_autocommit", "_isolation_level", "_read_only", "_deferrable", "_adapters", "row_factory"),
    *("cursor_factory", "server_cursor_factory", "_notice_handlers", "_notify_handlers"),
)


def of_the_replay(connection: Any) -> Any:
    """Return what stands in the current replay for a connection, itself where there is none."""
    session = _replay()
    if session is None or isinstance(connection.pgconn, HollowPGconn) or connection.closed:
        return connection
    known = _stands_for.setdefault(session, {})
    if id(connection) not in known:
        hollow = hollow_connection(facts_of(connection.pgconn), type(connection))
        for name in _CARRIED_OVER:
            if name in vars(connection):
                setattr(hollow, name, vars(connection)[name])
        set_address(hollow, address_of(connection))
        # It has nobody to close it.
        hollow._pool = None
        known[id(connection)] = connection, hollow
    return known[id(connection)][1]


def _replay() -> Session | None:
    branch = current()
    if branch is None or not (branch.session.replaying and branch.intercepting):
        return None
    return branch.session

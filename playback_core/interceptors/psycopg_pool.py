"""psycopg_pool: which connection an operation gets from a pool, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

import psycopg

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor
from playback_core.interceptors._pg_hollow import facts_of, hollow_connection
from playback_core.interceptors._statements import setting_up
from playback_core.library_interception import INPUT, UNRECORDED, Call, Missing
from playback_core.outcome import Outcome
from playback_core.session import Session

_IN_CONFIGURING: Final = (psycopg.Error, LookupError, TypeError, ValueError, AttributeError)
"""What setting a connection up may raise where no server answers it."""


class _GetConnection(CallTarget):
    """A connection that is got from a pool, and what the pool asks it to see that it works.

    In a replay it is a hollow one, configured as the pool configures its own.
    """

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(INPUT, "psycopg_pool getconn", {}, args[0])

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, facts_of(value.pgconn)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return _connection_of(call.about, stored)

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(_connection_of(call.about, None))


def _connection_of(pool: Any, facts: dict[str, Any] | None) -> Any:
    # They may be functions, that ask somebody for a password, say.
    info = pool.conninfo if isinstance(pool.conninfo, str) else ""
    options = pool.kwargs if isinstance(pool.kwargs, dict) else {}
    connection = hollow_connection(facts, pool.connection_class, info, **options)
    connection._pool = pool
    configure = getattr(pool, "_configure", None)
    if configure is None:
        return connection
    if iscoroutinefunction(configure):
        return _configured_later(connection, configure)
    with setting_up(), suppress(*_IN_CONFIGURING):
        configure(connection)
    return _settled(connection)


async def _configured_later(connection: Any, configure: Callable[[Any], Any]) -> Any:
    with setting_up(), suppress(*_IN_CONFIGURING):
        done = configure(connection)
        if isawaitable(done):
            await done
    return _settled(connection)


def _settled(connection: Any) -> Any:
    connection.pgconn.transaction_status = int(psycopg.pq.TransactionStatus.IDLE)
    return connection


class _Upkeep(CallTarget):
    """What a pool does for itself: not recorded, and not done in a replay."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, "psycopg_pool upkeep", {}, args)

    def answer_missing(self, call: Call) -> Outcome | None:
        returned = call.about[1] if len(call.about) > 1 else None
        if isinstance(returned, psycopg.BaseConnection):
            returned._pool = None
        return Outcome(None)


_UPKEEP: Final = ("putconn", "open", "_open", "wait", "check", "drain", "resize", "close")

INTERCEPTOR: Final = Interceptor(
    library="psycopg_pool",
    distribution="psycopg-pool",
    targets=[
        *(
            _GetConnection("psycopg_pool", f"{name}.getconn")
            for name in ("ConnectionPool", "AsyncConnectionPool")
        ),
        *(
            _Upkeep("psycopg_pool", f"{cls}.{name}")
            for cls in ("ConnectionPool", "AsyncConnectionPool")
            for name in _UPKEEP
        ),
        *(
            _Upkeep("psycopg_pool", f"{cls}.{name}")
            for cls in ("NullConnectionPool", "AsyncNullConnectionPool")
            for name in ("wait", "check", "resize")
        ),
    ],
)

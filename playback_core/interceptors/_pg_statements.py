"""Statements of psycopg: how they are told, what is kept of them, and given again."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from types import coroutine
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.types.json import Json, Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget
from playback_core.interceptors._dialects import POSTGRESQL
from playback_core.interceptors._parameters import known_rows, looked_at
from playback_core.interceptors._pg_address import address_of
from playback_core.interceptors._pg_hollow import (
    STATE,
    Detached,
    HollowPGconn,
    without_handles,
)
from playback_core.interceptors._pg_replayed import ReplayedTransformer, results_again
from playback_core.interceptors._pg_results import results_kept
from playback_core.interceptors._statements import (
    ToldStatements,
    is_transaction_step,
    leaves_open,
    note_failure,
)
from playback_core.library_interception import (
    INPUT,
    UNRECORDED,
    Call,
    LibraryInterception,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current

_PLAIN: Final = frozenset((type(None), bool, int, float, str, bytes))
_MODES: Final = ("isolation_level", "read_only", "deferrable")
_NOTHING: Final = {"transaction": int(pq.TransactionStatus.IDLE), "results": []}


def driven_generator(original: Function, interception: LibraryInterception) -> Function:
    """Return one of psycopg's generators with an interception around it.

    They are run as coroutines are: both by connections that wait, and by those that await.
    """
    awaited = coroutine(original)

    async def run(*args: Any, **kwargs: Any) -> Any:
        return await awaited(*args, **kwargs)

    intercepted = drive(run, interception)

    def generated(*args: Any, **kwargs: Any) -> Any:
        if current() is None:
            return (yield from original(*args, **kwargs))
        return (yield from intercepted(*args, **kwargs).__await__())

    return generated


class Statements(ToldStatements, CallTarget):
    """What is told, kept and given again of anything that is sent to the server."""

    def __init__(self, attribute: str, *, many: bool = False) -> None:
        CallTarget.__init__(self, "psycopg", attribute)
        ToldStatements.__init__(self, "psycopg", POSTGRESQL, many=many)

    def address(self, cursor: Any) -> str | None:
        return address_of(self.connection(cursor))

    def mode(self, cursor: Any) -> str | None:
        connection = self.connection(cursor)
        if connection.autocommit:
            return "autocommit"
        level, *others = (getattr(connection, name) for name in _MODES)
        if level is None and others == [None, None]:
            return None
        given = zip(_MODES, (level and level.name, *others), strict=True)
        return ", ".join(f"{name}={value}" for name, value in given if value is not None)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, self.connection(call.about))
        pgconn = call.about.connection.pgconn
        return without_handles(error, [int(pgconn.status), int(pgconn.transaction_status)])

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, self.connection(call.about))
        state = vars(error).pop(STATE, None)
        pgconn = call.about.connection.pgconn
        if state is not None and isinstance(pgconn, HollowPGconn):
            pgconn.status, pgconn.transaction_status = state
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        if call.kind is UNRECORDED:
            return Outcome(None)
        if is_transaction_step(call):
            return Outcome(self.answer(call, _after_step(call), _none_missing))
        is_set_up = call.kind is INPUT and call.alias == self._set_up
        return Outcome(self.answer(call, _NOTHING, _none_missing)) if is_set_up else None


def _after_step(call: Call) -> dict[str, Any]:
    status = pq.TransactionStatus
    return _NOTHING | {"transaction": int(status.INTRANS if leaves_open(call) else status.IDLE)}


def _none_missing(hint: str) -> Exception:
    return LookupError(hint)


class Execute(Statements):
    """`execute` of a cursor: sync, async, server-side."""

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = None, *rest: Any, **options: Any
    ) -> tuple[Any, str, Any]:
        if options:
            parameters = options.get("params", parameters)
        return cursor, query if type(query) is str else query_text(query, cursor), parameters

    def plain(self, parameters: Any) -> Any:
        return _plain_parameters(parameters)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, kept(call.about)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        give(call.about, stored)
        return call.about


class Stream(Execute):
    """`stream` of a cursor, whose rows are kept as they are given."""

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        connection = call.about.connection
        pgconn = connection.pgconn
        if isinstance(pgconn, HollowPGconn) and not connection.autocommit:
            pgconn.transaction_status = int(pq.TransactionStatus.INTRANS)
        return stored


class ExecuteMany(Statements):
    """`executemany` of a cursor."""

    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)

        if iscoroutinefunction(original):

            async def awaited(cursor: Any, query: Any, params_seq: Any, **options: Any) -> Any:
                rows = params_seq if current() is None else looked_at(params_seq)
                return await intercepted(cursor, query, rows, **options)

            return awaited

        def called(cursor: Any, query: Any, params_seq: Any, **options: Any) -> Any:
            rows = params_seq if current() is None else looked_at(params_seq)
            return intercepted(cursor, query, rows, **options)

        return called

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = (), *rest: Any, **options: Any
    ) -> tuple[Any, str, Any]:
        rows = known_rows(parameters)
        return cursor, query_text(query, cursor), [*map(_plain_parameters, rows)]

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, kept(call.about, rowcount=call.about.rowcount)

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        give(call.about, stored)


class Command(Statements):
    """What a connection sends by itself: BEGIN, COMMIT, savepoints, FETCH of a named cursor."""

    def replacement(self, original: Function) -> Function:
        return driven_generator(original, LibraryInterception(str(self), self))

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        text = query_text(args[1], args[0])
        if text.startswith("DEALLOCATE"):
            # The cache of prepared statements is psycopg's own affair.
            return Call(UNRECORDED, "psycopg DEALLOCATE", {})
        return super().describe((args[0], text), {})

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        # In a pipeline there is no result yet.
        results = [] if value is None else [value]
        return value, results_kept(results, call.about, _state_of(call.about.pgconn))

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        set_state(call.about.pgconn, stored)
        results = results_again(stored)
        return results[0] if results else None


def _state_of(pgconn: Any) -> dict[str, Any]:
    state = {"transaction": pgconn.transaction_status}
    encoding = pgconn._encoding
    if encoding != "utf-8":
        state["encoding"] = encoding
    return state


def kept(cursor: Any, **facts: Any) -> Any:
    results, facts = cursor._results, _state_of(cursor._pgconn) | facts
    if not results:
        message = getattr(cursor, "_statusmessage", None)  # of psycopg 3.3
        if message is not None:
            facts["message"] = message.decode()
    return results_kept(results, cursor, facts)


def give(cursor: Any, stored: Any) -> None:
    set_state(cursor._pgconn, stored)
    cursor._reset()
    cursor._tx = ReplayedTransformer(cursor)
    cursor._results[:] = results_again(stored)
    if cursor._results:
        cursor._select_current_result(0)
    if isinstance(cursor, psycopg.ServerCursor | psycopg.AsyncServerCursor):
        cursor._described = True
        if hasattr(cursor, "_iter_rows"):  # of psycopg 3.3
            cursor._iter_rows = None
    if "rowcount" in stored:
        cursor._rowcount = stored["rowcount"]
    if "message" in stored:
        cursor._statusmessage = stored["message"].encode()


def set_state(pgconn: Any, stored: Any) -> None:
    if isinstance(pgconn, HollowPGconn):
        pgconn.transaction_status = stored["transaction"]
        pgconn.parameters.update(stored.get("settings", {}))
        pgconn._encoding = stored.get("encoding", "utf-8")


def query_text(query: Any, context: Any) -> str:
    """Return a statement, text or composed, as text."""
    if isinstance(query, str):
        return query
    if isinstance(query, (bytes, bytearray)):
        return query.decode()
    as_string: Callable[[Detached], str] | None = getattr(query, "as_string", None)
    return str(query) if as_string is None else as_string(Detached(context.adapters))


def _plain(value: Any) -> Any:
    if isinstance(value, (Json, Jsonb)):
        return {"json": value.obj}
    if isinstance(value, Range):
        return {"range": [value.lower, value.upper, value.bounds]}
    if isinstance(value, Multirange):
        return {"ranges": [*map(_plain, value)]}
    return value


def _plain_parameters(params: Any) -> Any:
    if params is None or isinstance(params, dict):
        return params and {name: _plain(value) for name, value in params.items()}
    return params if _PLAIN.issuperset(map(type, params)) else list(map(_plain, params))

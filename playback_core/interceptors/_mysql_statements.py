"""Statements by PyMySQL: how they are told, what is kept of them, and given again."""

from __future__ import annotations

from dataclasses import fields
from functools import wraps
from typing import Any, Final

from pymysql.cursors import SSCursor

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget
from playback_core.interceptors._dialects import MYSQL
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._mysql_address import address_of, note_statement
from playback_core.interceptors._mysql_connection import set_status
from playback_core.interceptors._mysql_loading import content_of_loaded
from playback_core.interceptors._mysql_results import ReplayedResult, result_kept
from playback_core.interceptors._parameters import looked_at
from playback_core.interceptors._rows import RecordedRows
from playback_core.interceptors._sql import Statement
from playback_core.interceptors._statements import (
    ToldStatements,
    is_transaction_step,
    note_failure,
)
from playback_core.library_interception import INPUT, UNRECORDED, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session

_OPEN: Final = "_playback_open"
_LOADING: Final = "pymysql LOAD"
_NOTHING: Final[dict[str, Any]] = {
    "affected": 0,
    "inserted": 0,
    "warnings": 0,
    "message": b"",
    "status": None,
    "returned": 0,
}
"""What a statement came to whose method tells nothing of it, as `commit` does."""

_MODES: Final = {False: None, True: "autocommit", None: "as the server has it"}
_EMPTY: Final = {**_NOTHING, "columns": [], "description": [], "tables": [], "ended": True}


class Told(ToldStatements, CallTarget):
    """What is sent to the server, told as statements.

    What it is about is the cursor or connection by which it is sent.
    """

    def __init__(self, module: str, attribute: str, *, many: bool = False) -> None:
        CallTarget.__init__(self, module, attribute)
        ToldStatements.__init__(self, "pymysql", MYSQL, many=many)

    def address(self, cursor: Any) -> str | None:
        connection = _connection(cursor)
        return None if connection is None else address_of(connection)

    def mode(self, cursor: Any) -> str | None:
        connection = _connection(cursor)
        return None if connection is None else _MODES.get(connection.autocommit_mode)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        call = super().describe(args, kwargs)
        if call is not None and call.alias.startswith(_LOADING):
            content = content_of_loaded(*self.arguments(*args, **kwargs))
            call.fields |= {} if content is None else {"file": content}
        return call

    def may_be_told_later(self, told: Statement) -> bool:
        return super().may_be_told_later(told) and told.verb != "LOAD"

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, self.connection(call.about))
        copy = plain_error(error)
        connection = _connection(call.about)
        vars(copy)[_OPEN] = connection is not None and connection._sock is not None
        return copy

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, self.connection(call.about))
        is_open = vars(error).pop(_OPEN, True)
        connection = _connection(call.about)
        if not is_open and connection is not None:
            connection._force_close()
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        if is_transaction_step(call):
            return Outcome(self.answer(call, _NOTHING, LookupError))
        is_set_up = call.kind is INPUT and call.alias == self._set_up
        return Outcome(self.answer(call, _EMPTY, LookupError)) if is_set_up else None


def _connection(about: Any) -> Any:
    return about.connection if hasattr(about, "_executed") else about


class Execute(Told):
    """`execute` of a cursor."""

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = None, *rest: Any, **options: Any
    ) -> tuple[Any, Any, Any]:
        parameters = options.get("args", parameters)
        if not (parameters is None or isinstance(parameters, (list, tuple, dict))):
            parameters = [parameters]
        return cursor, _query_text(query), parameters

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, result_kept(session, call.about.connection, returned=value)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        cursor, stored = call.about, {**_NOTHING, **stored}
        unbuffered = isinstance(cursor, SSCursor)
        cursor._clear_result()
        _give(cursor.connection, stored, missing, unbuffered=unbuffered)
        cursor._do_get_result()
        cursor._executed = call.fields["sql"]
        note_statement(cursor.connection, call.fields["sql"])
        if self._many:
            cursor.rowcount = stored["returned"]
        return stored["returned"]


class ExecuteMany(Execute):
    """`executemany` of a cursor."""

    def replacement(self, original: Function) -> Function:
        intercepted = super().replacement(original)

        def with_rows(cursor: Any, query: Any, args: Any) -> Any:
            if current() is not None:
                args = looked_at(args)
            return intercepted(cursor, query, args)

        return with_rows

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        cursor, _, rows = args
        return super().describe(args, kwargs) if rows else Call(UNRECORDED, "", {}, cursor)

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = (), *rest: Any, **options: Any
    ) -> tuple[Any, Any, Any]:
        return cursor, _query_text(query), parameters


class Query(Told):
    """`query` of a connection: what cursors send, and what is sent without one."""

    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def followed(connection: Any, sql: Any, unbuffered: bool) -> Any:
            result = original(connection, sql, unbuffered)
            note_statement(connection, sql)
            return result

        intercepted = super().replacement(followed)

        def query(connection: Any, sql: Any, unbuffered: bool = False) -> Any:
            return intercepted(connection, sql, unbuffered)

        return query

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = None, *rest: Any, **options: Any
    ) -> tuple[Any, Any, Any]:
        return cursor, _query_text(query), None

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        call = super().describe(args, kwargs)
        return call if call is None else _Unbuffered.of(call, args[2:], kwargs)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, result_kept(session, call.about, returned=value)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        unbuffered, stored = isinstance(call, _Unbuffered), {**_NOTHING, **stored}
        _give(call.about, stored, missing, unbuffered=unbuffered)
        if "sql" in call.fields:
            note_statement(call.about, call.fields["sql"])
        return stored["returned"]


class _Unbuffered(Call):
    """One whose rows are read when they are asked for."""

    @classmethod
    def of(cls, call: Call, args: Args, kwargs: Kwargs) -> Call:
        """Return the call as one of these where its arguments say so."""
        unbuffered = args[0] if args else kwargs.get("unbuffered", False)
        return (
            cls(**{each.name: getattr(call, each.name) for each in fields(call)})
            if unbuffered
            else call
        )


class NextResult(Query):
    """`next_result` of a connection: another result of the statement before."""

    def replacement(self, original: Function) -> Function:
        return CallTarget.replacement(self, original)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        call = Call(INPUT, "pymysql next result", {}, args[0])
        return _Unbuffered.of(call, args[1:], kwargs)


def _query_text(query: Any) -> Any:
    return bytes(query).decode() if isinstance(query, (bytes, bytearray)) else query


def _give(connection: Any, stored: Any, missing: Missing, *, unbuffered: bool) -> None:
    session = current_session()
    if session is None:
        raise missing("Its replay has ended.")
    recorded = RecordedRows(session, stored, missing)
    connection._result = ReplayedResult(recorded, unbuffered=unbuffered)
    connection._affected_rows = connection._result.affected_rows
    set_status(connection, stored["status"])

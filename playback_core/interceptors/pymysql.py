"""PyMySQL: statements, transactions and connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from pymysql.cursors import SSCursor

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._mysql_connection import MODULE, Close, Connect, set_status
from playback_core.interceptors._mysql_results import ReplayedResult, keep_row, result_kept
from playback_core.interceptors._parameters import looked_at
from playback_core.interceptors._rows import RecordedRows
from playback_core.interceptors._statements import ToldStatements, note_failure
from playback_core.library_interception import INPUT, UNRECORDED, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session

_CURSORS: Final = "pymysql.cursors"
_OPEN: Final = "_playback_open"
_EMPTY: Final = {
    "affected": 0,
    "inserted": 0,
    "warnings": 0,
    "message": b"",
    "status": None,
    "columns": [],
    "description": [],
    "tables": [],
    "ended": True,
    "returned": 0,
}


class _Told(ToldStatements, CallTarget):
    """What is sent to the server, told as statements.

    What it is about is the cursor or connection by which it is sent.
    """

    def __init__(self, module: str, attribute: str, *, many: bool = False) -> None:
        CallTarget.__init__(self, module, attribute)
        ToldStatements.__init__(self, "pymysql", many=many)

    def database(self, cursor: Any) -> str | None:
        connection = _connection(cursor)
        if connection is None:
            return None
        # It is a text until it is connected.
        name = connection.db.decode() if isinstance(connection.db, bytes) else connection.db
        return f"{connection.host}:{connection.port}/{name}"

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
        is_set_up = call.kind is INPUT and call.alias == self._set_up
        return Outcome(self.answer(call, _EMPTY, LookupError)) if is_set_up else None


def _connection(about: Any) -> Any:
    return about.connection if hasattr(about, "_executed") else about


class _Execute(_Told):
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
        cursor = call.about
        unbuffered = isinstance(cursor, SSCursor)
        cursor._clear_result()
        _give(cursor.connection, stored, missing, unbuffered=unbuffered)
        cursor._do_get_result()
        cursor._executed = call.fields["sql"]
        if self._many:
            cursor.rowcount = stored["returned"]
        return stored["returned"]


class _ExecuteMany(_Execute):
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


class _Query(_Told):
    """`query` of a connection: what cursors send, and what is sent without one."""

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
        unbuffered = isinstance(call, _Unbuffered)
        _give(call.about, stored, missing, unbuffered=unbuffered)
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


class _NextResult(_Query):
    """`next_result` of a connection: another result of the statement before."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        call = Call(INPUT, "pymysql next result", {}, args[0])
        return _Unbuffered.of(call, args[1:], kwargs)


class _Command(_Told):
    """A method of a connection that sends one statement, which `text` gives."""

    def __init__(self, attribute: str, text: Callable[..., str]) -> None:
        super().__init__(MODULE, attribute)
        self._text = text

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return super().describe((args[0], self._text(*args, **kwargs)), {})

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, {"status": call.about.server_status, "value": value}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        call.about._result = None
        set_status(call.about, stored["status"])
        return stored.get("value")


class _SetCharacterSet(_Command):
    """`set_character_set`, which a connection remembers."""

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        names = ("charset", "encoding", "collation")
        known = {name: getattr(call.about, name) for name in names}
        return value, {"status": call.about.server_status, "known": known}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        vars(call.about).update(stored.get("known", {}))
        return super().answer(call, stored, missing)


class _Ping(_Told):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(INPUT, "pymysql ping", {}, args[0])

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


class _ReadRow(Target):
    """Where a row is read that was not buffered."""

    def replacement(self, original: Function) -> Function:
        def read(result: Any) -> Any:
            row = original(result)
            if current() is not None:
                keep_row(result, row)
            return row

        return read


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


def _names(connection: Any, charset: str, collation: str | None = None) -> str:
    return f"SET NAMES {charset} COLLATE {collation}" if collation else f"SET NAMES {charset}"


INTERCEPTOR: Final = Interceptor(
    library="pymysql",
    distribution="PyMySQL",
    targets=[
        Connect(),
        Close(),
        _Execute(_CURSORS, "Cursor.execute"),
        _ExecuteMany(_CURSORS, "Cursor.executemany", many=True),
        _Query(MODULE, "Connection.query"),
        _NextResult(MODULE, "Connection.next_result"),
        _Ping(MODULE, "Connection.ping"),
        _Command("Connection.begin", lambda connection: "BEGIN"),
        _Command("Connection.commit", lambda connection: "COMMIT"),
        _Command("Connection.rollback", lambda connection: "ROLLBACK"),
        _Command("Connection.select_db", lambda connection, db: f"USE {db}"),
        _Command("Connection.show_warnings", lambda connection: "SHOW WARNINGS"),
        _Command(
            "Connection._send_autocommit_mode",
            lambda connection: f"SET AUTOCOMMIT = {int(connection.autocommit_mode)}",
        ),
        _SetCharacterSet("Connection.set_character_set", _names),
        _ReadRow(MODULE, "MySQLResult._read_rowdata_packet_unbuffered"),
    ],
)

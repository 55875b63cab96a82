"""PyMySQL: statements, transactions and connections."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from pymysql.constants import SERVER_STATUS

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor, Target
from playback_core.interceptors._mysql_address import note_chosen, note_statement
from playback_core.interceptors._mysql_connection import (
    MODULE,
    Close,
    Connect,
    facts_of,
    in_autocommit,
    open_hollow,
    set_status,
)
from playback_core.interceptors._mysql_results import keep_row
from playback_core.interceptors._mysql_statements import (
    Execute,
    ExecuteMany,
    NextResult,
    Query,
    Told,
)
from playback_core.library_interception import INPUT, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current

_CURSORS: Final = "pymysql.cursors"


class _Command(Told):
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


class _Autocommit(_Command):
    """What puts a connection in autocommit, which sends nothing where it is in it already."""

    def answer_missing(self, call: Call) -> Outcome | None:
        given = super().answer_missing(call)
        if given is not None:
            others = call.about.server_status & ~SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT
            set_status(call.about, others | in_autocommit(call.about))
        return given


class _SelectDatabase(_Command):
    """`select_db`, which a connection does not remember by itself."""

    def __init__(self) -> None:
        super().__init__("Connection.select_db", _use)

    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def followed(connection: Any, db: Any) -> None:
            original(connection, db)
            note_chosen(connection, db)

        return super().replacement(followed)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        note_statement(call.about, call.fields["sql"])
        return super().answer(call, stored, missing)


class _SetCharacterSet(_Command):
    """`set_character_set`, which a connection remembers."""

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        names = ("charset", "encoding", "collation")
        known = {name: getattr(call.about, name) for name in names}
        return value, {"status": call.about.server_status, "known": known}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        vars(call.about).update(stored.get("known", {}))
        return super().answer(call, stored, missing)


class _Ping(Told):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(INPUT, "pymysql ping", {}, args[0])

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, facts_of(call.about)

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        # It has opened it again, where it was asked to.
        if call.about._sock is None:
            open_hollow(call.about, stored)

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


def _names(connection: Any, charset: str, collation: str | None = None) -> str:
    return f"SET NAMES {charset} COLLATE {collation}" if collation else f"SET NAMES {charset}"


def _use(connection: Any, db: Any) -> str:
    name = db.decode() if isinstance(db, bytes) else db
    return f"USE `{name}`"


INTERCEPTOR: Final = Interceptor(
    library="pymysql",
    distribution="PyMySQL",
    targets=[
        Connect(),
        Close(),
        Execute(_CURSORS, "Cursor.execute"),
        ExecuteMany(_CURSORS, "Cursor.executemany", many=True),
        Query(MODULE, "Connection.query"),
        NextResult(MODULE, "Connection.next_result"),
        _Ping(MODULE, "Connection.ping"),
        _Command("Connection.begin", lambda connection: "BEGIN"),
        _Command("Connection.commit", lambda connection: "COMMIT"),
        _Command("Connection.rollback", lambda connection: "ROLLBACK"),
        _SelectDatabase(),
        _Command("Connection.show_warnings", lambda connection: "SHOW WARNINGS"),
        _Autocommit(
            "Connection._send_autocommit_mode",
            lambda connection: f"SET AUTOCOMMIT = {int(connection.autocommit_mode)}",
        ),
        _SetCharacterSet("Connection.set_character_set", _names),
        _ReadRow(MODULE, "MySQLResult._read_rowdata_packet_unbuffered"),
    ],
)

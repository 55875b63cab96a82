"""Where there is no MariaDB: a server that speaks MySQL's protocol, over tables of SQLite."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

from mysql_mimic import ColumnType, MysqlServer, ResultColumn, ResultSet
from mysql_mimic.errors import MysqlError
from mysql_mimic.session import BaseSession
from mysql_mimic.types import ServerStatus
from mysql_mimic.variables import GlobalVariables, SessionVariables

_VARIABLES: Final = {"transaction_isolation": "REPEATABLE-READ", "lower_case_table_names": "0"}
_ENDS: Final = ("COMMIT", "ROLLBACK")
_IGNORED: Final = ("SET", "USE")
_TYPES: Final = {
    int: ColumnType.LONGLONG,
    float: ColumnType.DOUBLE,
    Decimal: ColumnType.NEWDECIMAL,
    bytes: ColumnType.BLOB,
    date: ColumnType.DATE,
    datetime: ColumnType.DATETIME,
}


class _Code(IntEnum):
    """Numbers of errors that `mysql-mimic` has no names for."""

    DUP_ENTRY = 1062
    PARSE_ERROR = 1064


class _Session(BaseSession):
    """One connection: its statements are SQLite's, what it tells of them is MySQL's."""

    def __init__(self, path: str) -> None:
        self.variables = SessionVariables(GlobalVariables())
        self.username = self.database = None
        self._tables = sqlite3.connect(
            path, isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES
        )
        self._tables.create_function("VERSION", 0, lambda: "8.0.30")
        self._tables.create_function("DATABASE", 0, lambda: "shop")
        self._connection: Any = None
        self._ok: Any = None

    async def init(self, connection: Any) -> None:
        self._connection, self._ok = connection, connection.ok
        connection.status_flags = ServerStatus.SERVER_STATUS_AUTOCOMMIT

    async def close(self) -> None:
        self._tables.close()

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        verb = sql.split(None, 1)[0].upper().rstrip(";")
        if "@@" in sql:
            return [(_VARIABLES.get(sql.split("@@")[1].strip(), ""),)], [sql]
        if verb == "SHOW":
            return [("Note", 1003, "shown")], ["Level", "Code", "Message"]
        if verb in _ENDS and not self._tables.in_transaction:
            return None
        if verb in _IGNORED:
            self._told(affected_rows=0)
            if "AUTOCOMMIT" in sql.upper():
                self._flag(ServerStatus.SERVER_STATUS_AUTOCOMMIT, on=sql.rstrip().endswith("1"))
            return None
        try:
            cursor = self._tables.execute(sql.replace("AUTO_INCREMENT", ""))
            rows = cursor.fetchall()
        except sqlite3.IntegrityError as error:
            raise MysqlError(str(error), _Code.DUP_ENTRY) from error
        except sqlite3.Error as error:
            raise MysqlError(str(error), _Code.PARSE_ERROR) from error
        self._flag(ServerStatus.SERVER_STATUS_IN_TRANS, on=self._tables.in_transaction)
        if cursor.description is None:
            self._told(affected_rows=max(0, cursor.rowcount), last_insert_id=cursor.lastrowid or 0)
            return None
        names = [each[0] for each in cursor.description]
        return ResultSet(rows, [_column(name, index, rows) for index, name in enumerate(names)])

    def _told(self, **told: int) -> None:
        self._connection.ok = lambda **more: self._ok(**{**told, **more})

    def _flag(self, flag: Any, *, on: bool) -> None:
        flags = self._connection.status_flags
        self._connection.status_flags = flags | flag if on else flags & ~flag


def _column(name: str, index: int, rows: list[Any]) -> ResultColumn:
    value = next((row[index] for row in rows if row[index] is not None), "")
    return ResultColumn(name, _TYPES.get(type(value), ColumnType.VAR_STRING))


@contextmanager
def mysql_server(path: str) -> Iterator[int]:
    """Run a server for a block, over a file of SQLite, and give its port."""
    loop = asyncio.new_event_loop()
    server = MysqlServer(session_factory=lambda: _Session(path))
    loop.run_until_complete(server.start_server(host="127.0.0.1", port=0))
    port = server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(_stopped(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stopped(server: MysqlServer) -> None:
    server.close()
    await server.wait_closed()

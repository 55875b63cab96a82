"""Connections of PyMySQL: opening them, and what they are in a replay."""

from __future__ import annotations

from typing import Any, Final

from pymysql.constants import SERVER_STATUS

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Target
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._mysql_address import note_statement
from playback_core.library_interception import INPUT, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session

MODULE: Final = "pymysql.connections"
_NAMED: Final = ("host", "port", "user", "db", "unix_socket")
_FACTS: Final = (
    *("protocol_version", "server_version", "server_thread_id", "server_capabilities"),
    *("server_language", "server_charset", "server_status", "host_info"),
)
_UNKNOWN: Final[dict[str, Any]] = {
    "protocol_version": 10,
    "server_version": "8.0.0",
    "server_thread_id": (1,),
    "server_capabilities": 0,
    "server_language": 255,
    "server_charset": "utf8mb4",
    "host_info": "no server, but a recording",
}
_QUIT: Final = b"\x01\x00\x00\x00\x01"


class HollowSocket:
    """What stands for the socket of a connection in a replay: nothing goes through it."""

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: nothing is waited for."""

    def sendall(self, data: bytes) -> None:
        """Refuse anything but a goodbye: it was not intercepted."""
        if bytes(data) == _QUIT:
            return
        hint = "A command of PyMySQL would have reached the server, and is not intercepted."
        session: Any = current_session()
        if session is not None and session.replaying:
            raise session.miss("pymysql", "pymysql: command", hint)
        raise ConnectionError(f"This connection is of a replay that has ended: {hint}")

    def close(self) -> None:
        """Do nothing: nothing is open."""


def is_hollow(connection: Any) -> bool:
    """Tell whether a connection is one of a replay."""
    return isinstance(connection._sock, HollowSocket)


def set_status(connection: Any, status: int | None) -> None:
    """Give a connection of a replay the status that a server has told."""
    if status is not None and is_hollow(connection):
        connection.server_status = status


def in_autocommit(connection: Any) -> int:
    """Return the bit of a status that says so, as a connection has asked for it."""
    is_in = connection.autocommit_mode in (None, True)
    return int(SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT) if is_in else 0


class Connect(CallTarget):
    """The opening of a connection."""

    def __init__(self) -> None:
        super().__init__(MODULE, "Connection.connect")

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        connection = args[0]
        told = {name: _text(getattr(connection, name)) for name in _NAMED}
        fields = {name: value for name, value in told.items() if value is not None}
        return Call(INPUT, "pymysql connect", fields, connection)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, facts_of(call.about)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return plain_error(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        open_hollow(call.about, stored)

    def answer_missing(self, call: Call) -> Outcome | None:
        open_hollow(call.about, {})
        return Outcome(None)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        # A replay may be configured for another server.
        return {}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def facts_of(connection: Any) -> dict[str, Any]:
    """Return what a connection knows of its server, as plain data."""
    known = vars(connection)
    return {name: known[name] for name in _FACTS if name in known}


def open_hollow(connection: Any, facts: dict[str, Any]) -> None:
    """Let a connection look as one that was opened, with what is known of its server."""
    vars(connection).update(_UNKNOWN | {"server_status": in_autocommit(connection)} | facts)
    connection._closed = False
    connection._sock = HollowSocket()
    connection._rfile = None
    connection._next_seq_id = 0
    connection._result = None
    if connection.init_command is not None:
        note_statement(connection, connection.init_command)


class Close(Target):
    """A replay closes no connection that was opened before it."""

    def __init__(self) -> None:
        super().__init__(MODULE, "Connection.close")

    def replacement(self, original: Function) -> Function:
        def close(connection: Any) -> None:
            branch = current()
            within_replay = branch is not None and branch.session.replaying
            if not within_replay or connection._sock is None or is_hollow(connection):
                original(connection)

        return close

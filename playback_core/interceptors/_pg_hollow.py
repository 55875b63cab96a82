"""Connections of psycopg to no server: what an application in a replay gets for one."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict

from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._pg_address import note_asked
from playback_core.session import current_session

REPORTED: Final = (
    *("server_version", "server_encoding", "client_encoding", "application_name", "TimeZone"),
    *("DateStyle", "IntervalStyle", "standard_conforming_strings", "integer_datetimes"),
    *("is_superuser", "session_authorization", "in_hot_standby", "search_path"),
    "default_transaction_read_only",
)
"""The settings of a server that libpq is told of."""

STATE: Final = "_playback_state"
"""The attribute of a stored error that says how it has left its connection."""

_FACTS: Final = ("host", "hostaddr", "port", "db", "user")

_UNKNOWN: Final[dict[str, Any]] = {
    "server_version": 160000,
    "backend_pid": 1,
    "encoding": "utf-8",
    "parameters": {
        "server_version": "16.0",
        "server_encoding": "UTF8",
        "client_encoding": "UTF8",
        "TimeZone": "UTC",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "standard_conforming_strings": "on",
        "integer_datetimes": "on",
    },
}

_REFUSED: Final = (
    *("connect_poll", "exec_", "exec_params", "exec_prepared", "prepare", "describe_prepared"),
    *("describe_portal", "close_prepared", "close_portal", "send_query", "send_query_params"),
    *("send_prepare", "send_query_prepared", "send_describe_prepared", "send_describe_portal"),
    *("send_close_prepared", "send_close_portal", "get_result", "consume_input", "reset"),
    *("reset_start", "reset_poll", "put_copy_data", "put_copy_end", "get_copy_data", "notifies"),
    *("get_cancel", "cancel_conn", "pipeline_sync", "send_flush_request", "trace", "untrace"),
    *(
        "set_trace_flags",
        "set_single_row_mode",
        "set_chunked_rows_mode",
        "encrypt_password",
        "change_password",
    ),
)

_Base: Final[Any] = pq.PGconn


def facts_of(pgconn: Any) -> dict[str, Any]:
    """Return as plain data what an application can ask a connection; no password."""
    facts = {name: (getattr(pgconn, name) or b"").decode() for name in _FACTS}
    told = ((name, pgconn.parameter_status(name.encode())) for name in REPORTED)
    return facts | {
        "server_version": pgconn.server_version,
        "backend_pid": pgconn.backend_pid,
        "encoding": pgconn._encoding,
        "parameters": {name: value.decode() for name, value in told if value is not None},
    }


class HollowPGconn(_Base):  # type: ignore[misc]
    """What stands for libpq's connection: it answers questions, and sends nothing.

    `status` and `transaction_status` are what the replay sets them to.
    """

    # Those of libpq's connection cannot be set.
    status = int(pq.ConnStatus.BAD)
    transaction_status = int(pq.TransactionStatus.UNKNOWN)
    pipeline_status = int(pq.PipelineStatus.OFF)
    server_version = backend_pid = 0
    host = hostaddr = port = db = user = options = password = b""
    _encoding = "utf-8"
    notice_handler = notify_handler = None
    socket = -1
    protocol_version = 3
    full_protocol_version = 30000
    error_message = b""
    needs_password = used_password = used_gssapi = ssl_in_use = False
    nonblocking = 0
    tty = b""
    info: Any = ()

    def __init__(self, facts: dict[str, Any] | None = None, password: str = "") -> None:
        known = facts or _UNKNOWN
        self.status = int(pq.ConnStatus.OK)
        self.transaction_status = int(pq.TransactionStatus.IDLE)
        self.parameters: dict[str, str] = dict(known["parameters"])
        self.server_version = known["server_version"]
        self.backend_pid = known["backend_pid"]
        self._encoding = known["encoding"]
        self.password = password.encode()
        for name in _FACTS:
            setattr(self, name, known.get(name, "").encode())

    def __repr__(self) -> str:
        return f"<HollowPGconn of a replay at 0x{id(self):x}>"

    def __del__(self) -> None:
        """Do nothing: there is nothing to close."""

    def parameter_status(self, name: bytes) -> bytes | None:
        value = self.parameters.get(name.decode())
        return None if value is None else value.encode()

    def get_error_message(self, encoding: str = "") -> str:
        return ""

    def finish(self) -> None:
        # libpq's own calls it once more when it goes, with nothing left of ours.
        if self.status != pq.ConnStatus.BAD:
            self.status = int(pq.ConnStatus.BAD)
            self.transaction_status = int(pq.TransactionStatus.UNKNOWN)

    def enter_pipeline_mode(self) -> None:
        self.pipeline_status = int(pq.PipelineStatus.ON)

    def exit_pipeline_mode(self) -> None:
        self.pipeline_status = int(pq.PipelineStatus.OFF)

    def is_busy(self) -> int:
        return 0

    def flush(self) -> int:
        return 0


def _refusing(name: str) -> Any:
    def refuse(self: HollowPGconn, *args: Any, **kwargs: Any) -> Any:
        raise _not_intercepted(f"{name} of libpq")

    return refuse


def _not_intercepted(what: str) -> Exception:
    hint = f"{what} would have reached the server, and is not intercepted."
    session: Any = current_session()
    if session is not None and session.replaying:
        error: Exception = session.miss("psycopg", f"psycopg: {what}", hint)
        return error
    return psycopg.InterfaceError(f"This connection is of a replay that has ended: {hint}")


def run_hollow(steps: Any, *args: Any, **kwargs: Any) -> Any:
    """Run one of psycopg's generators that has nobody to wait for."""
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    steps.close()
    raise _not_intercepted("what psycopg waits for")


for _name in _REFUSED:
    setattr(HollowPGconn, _name, _refusing(_name))


def hollow_connection(
    facts: dict[str, Any] | None,
    cls: Any,
    conninfo: str = "",
    *,
    autocommit: bool = False,
    prepare_threshold: int | None = 5,
    context: Any = None,
    row_factory: Any = None,
    cursor_factory: Any = None,
    **kwargs: Any,
) -> Any:
    """Return a connection to no server, made as `connect` of its class makes one."""
    params = conninfo_to_dict(conninfo, **kwargs)
    connection = cls(HollowPGconn(facts, str(params.get("password") or "")))
    note_asked(connection, conninfo, **kwargs)
    connection._autocommit = bool(autocommit)
    if row_factory:
        connection.row_factory = row_factory
    if cursor_factory:
        connection.cursor_factory = cursor_factory
    if context:
        connection._adapters = AdaptersMap(context.adapters)
    connection.prepare_threshold = prepare_threshold
    # Not of the class, where each statement of others would pay for it.
    is_async = isinstance(connection, psycopg.AsyncConnection)
    connection.wait = _run_hollow_later if is_async else run_hollow
    connection._should_cancel = _has_nothing_to_cancel
    return connection


async def _run_hollow_later(steps: Any, *args: Any, **kwargs: Any) -> Any:
    return run_hollow(steps)


def _has_nothing_to_cancel() -> bool:
    return False


class Detached(NamedTuple):
    """A context of adapters without a connection: libpq escapes by none that is hollow."""

    adapters: AdaptersMap
    connection: None = None


def detached(context: Any) -> Any:
    """Return a context that texts can be escaped by: of a hollow connection its adapters."""
    connection = None if context is None else context.connection
    is_hollow = connection is not None and isinstance(connection.pgconn, HollowPGconn)
    return Detached(context.adapters) if is_hollow else context


def without_handles(error: BaseException, state: list[int] | None = None) -> BaseException:
    """Return a copy of an error of psycopg that holds nothing of libpq's, as pickling makes."""
    copy = plain_error(error)
    if state is not None:
        vars(copy)[STATE] = state
    result = error.pgresult if isinstance(error, psycopg.Error) else None
    if result is not None and isinstance(copy, psycopg.Error):
        fields = {int(field): result.error_field(field) for field in pq.DiagnosticField}
        copy._info = {field: value for field, value in fields.items() if value is not None}
    return copy

"""psycopg 3: statements, transactions and connections, sync and async."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from playback_core.interceptor import Interceptor, Target
from playback_core.interceptors._pg_connections import (
    AsBytes,
    Connect,
    ConnectFunction,
    InfoOfTheReplay,
    Mogrify,
    Notifies,
    OfTheReplay,
    PipelineStep,
)
from playback_core.interceptors._pg_copy import EndCopy, MadeCopy, ReadCopy, StartCopy, WriteCopy
from playback_core.interceptors._pg_statements import Command, Execute, ExecuteMany, Stream

_METHODS: Final = (
    *("cursor", "commit", "rollback", "transaction", "pipeline", "close", "cancel"),
    "cancel_safe",
    *("set_autocommit", "set_isolation_level", "set_read_only", "set_deferrable"),
    *("tpc_begin", "tpc_prepare", "tpc_commit", "tpc_rollback", "tpc_recover"),
)
"""Those of connections that ask the server something, or begin to."""


def _copying() -> Iterable[Target]:
    for prefix in ("", "Async"):
        yield StartCopy(f"{prefix}Cursor._start_copy_gen")
        yield MadeCopy("psycopg", f"{prefix}Copy.__init__")
        yield ReadCopy("psycopg", f"{prefix}Copy._read_gen")
        yield EndCopy(f"{prefix}LibpqWriter.finish")
        for kind in ("", "Queued"):
            yield WriteCopy("psycopg.copy", f"{prefix}{kind}LibpqWriter.write")


INTERCEPTOR: Final = Interceptor(
    library="psycopg",
    targets=[
        Connect("Connection.connect"),
        Connect("AsyncConnection.connect"),
        ConnectFunction("psycopg", "connect"),
        Execute("Cursor.execute"),
        Execute("AsyncCursor.execute"),
        Execute("ServerCursor.execute"),
        Execute("AsyncServerCursor.execute"),
        ExecuteMany("Cursor.executemany", many=True),
        ExecuteMany("AsyncCursor.executemany", many=True),
        Command("BaseConnection._exec_command"),
        Stream("Cursor.stream"),
        Stream("AsyncCursor.stream"),
        *_copying(),
        *(
            PipelineStep("psycopg", f"{cls}.{name}")
            for cls in ("Pipeline", "AsyncPipeline")
            for name in ("_communicate_gen", "_fetch_gen")
        ),
        *(
            OfTheReplay(f"{cls}.{name}")
            for cls in ("Connection", "AsyncConnection")
            for name in _METHODS
        ),
        Notifies("psycopg", "Connection.notifies"),
        Notifies("psycopg", "AsyncConnection.notifies"),
        InfoOfTheReplay("psycopg", "ConnectionInfo.__init__"),
        AsBytes("psycopg.sql", "Identifier.as_bytes"),
        AsBytes("psycopg.sql", "Literal.as_bytes"),
        Mogrify("psycopg", "ClientCursor.mogrify"),
        Mogrify("psycopg", "AsyncClientCursor.mogrify"),
    ],
)

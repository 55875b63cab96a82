"""Servers and connections of a replay: the driver's own objects, with nothing behind them."""

from __future__ import annotations

import sys
from typing import Any, Final

from pymongo.hello import Hello
from pymongo.server_description import ServerDescription

# What a description has under these names comes from these fields of a server's answer.
_FIELDS: Final = {
    "max_bson_size": "maxBsonObjectSize",
    "max_message_size": "maxMessageSizeBytes",
    "max_write_batch_size": "maxWriteBatchSize",
    "min_wire_version": "minWireVersion",
    "max_wire_version": "maxWireVersion",
    "logical_session_timeout_minutes": "logicalSessionTimeoutMinutes",
    "replica_set_name": "setName",
}
_TYPES: Final[dict[str, dict[str, Any]]] = {
    "Mongos": {"isWritablePrimary": True, "msg": "isdbgrid"},
    "RSSecondary": {"secondary": True},
}
_USUAL: Final[dict[str, Any]] = {
    "address": ["localhost", 27017],
    "type": "Standalone",
    "hello": {"minWireVersion": 0, "maxWireVersion": 21, "logicalSessionTimeoutMinutes": 30},
}


def facts_of(server: Any) -> dict[str, Any]:
    """Return what is known of a server, as plain data."""
    description = server.description
    hello = {field: getattr(description, name) for name, field in _FIELDS.items()}
    return {
        "address": list(description.address),
        "type": description.server_type_name,
        "hello": {field: value for field, value in hello.items() if value is not None},
    }


def hollow_server(topology: Any, facts: dict[str, Any] | None) -> Any:
    """Return a server of a client, as a recording knew it; without facts, one as most are."""
    # Not there in versions that are not intercepted.
    from pymongo.pool_shared import PoolState

    known = _USUAL if facts is None else facts
    host, port = known["address"]
    role = _TYPES.get(known["type"], {"isWritablePrimary": True})
    hello = Hello({"ok": 1, "hosts": [f"{host}:{port}"], **role, **known["hello"]})
    description = ServerDescription((host, port), hello, round_trip_time=0.0)
    pool = topology._create_pool_for_server((host, port))
    pool.state = PoolState.READY
    pool.is_writable = description.is_writable
    # Nobody has to look whether its connections are still open.
    pool._check_interval_seconds = None
    pool._playback_description = description
    module: Any = sys.modules[type(topology).__module__]
    return module.Server(description, pool, _NoMonitor())


def hollow_connection(pool: Any) -> Any:
    """Return a connection of a hollow server's pool."""
    module: Any = sys.modules[type(pool).__module__]
    connection_class = getattr(module, "AsyncConnection", None) or module.Connection
    connection = connection_class(_NoSocket(), pool, pool.address, pool.next_connection_id, False)
    pool.next_connection_id += 1
    description = getattr(pool, "_playback_description", None)
    if description is not None:
        _tell(connection, description)
    connection.performed_handshake = connection.ready = True
    return connection


def _tell(connection: Any, description: ServerDescription) -> None:
    connection.is_writable = description.is_writable
    for name in ("max_bson_size", "max_message_size", "max_write_batch_size", "max_wire_version"):
        setattr(connection, name, getattr(description, name))
    timeout = description.logical_session_timeout_minutes
    connection.logical_session_timeout_minutes = timeout
    connection.supports_sessions = timeout is not None and description.is_readable
    kind = description.server_type_name
    connection.is_repl = kind.startswith("RS")
    connection.is_standalone = kind == "Standalone"
    connection.is_mongos = kind == "Mongos"


class _NoMonitor:
    """Stands for what watches a server."""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def request_check(self) -> None: ...


class _NoSocket:
    """Stands for what a connection sends by."""

    @property
    def get_conn(self) -> _NoSocket:
        return self

    def settimeout(self, timeout: float | None) -> None: ...

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

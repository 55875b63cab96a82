"""What clients and pipelines of redis-py hold, in the versions there are and in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def place_of(client: Any) -> dict[str, Any]:
    """Return where a client sends its commands, without user and password."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        encoder = getattr(getattr(client, "cluster_client", client), "encoder", None)
        return _told("cluster", getattr(encoder, "decode_responses", False))
    options = pool.connection_kwargs
    # That of a sentinel has a name, and no host of its own.
    host = options.get("path") or getattr(pool, "service_name", None)
    if host is None:
        host = f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    return _told(f"{host}/{options.get('db') or 0}", options.get("decode_responses"))


def _told(server: str, is_decoding: Any) -> dict[str, Any]:
    return {"server": server, "decoded": True} if is_decoding else {"server": server}


def _holder(pipeline: Any) -> tuple[Any, str]:
    # A pipeline of a cluster has had its commands in several places.
    holder = getattr(pipeline, "_execution_strategy", pipeline)
    names = ("_command_queue", "command_stack", "_command_stack")
    return holder, next(name for name in names if hasattr(holder, name))


def queued(pipeline: Any) -> Sequence[Any]:
    """Return the commands that a pipeline has not sent yet."""
    holder, name = _holder(pipeline)
    queue: Sequence[Any] = getattr(holder, name)
    return queue


def parts_of(command: Any) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the arguments and the options of a queued command."""
    if isinstance(command, tuple):
        return command[0], command[1]
    return command.args, getattr(command, "options", None) or getattr(command, "kwargs", {})


def is_transaction(pipeline: Any) -> bool:
    """Tell whether the commands of a pipeline are run as one."""
    # A method of that name is no flag.
    names = ("explicit_transaction", "transaction", "is_transaction", "_transaction")
    flagged = any(getattr(pipeline, name, False) is True for name in names)
    return flagged or type(_holder(pipeline)[0]).__name__ == "TransactionStrategy"


def is_watching(pipeline: Any) -> bool:
    """Tell whether a pipeline watches keys, so that to run it with no commands sends something."""
    holder = _holder(pipeline)[0]
    return bool(getattr(pipeline, "watching", False) or getattr(holder, "_watching", False))


def leave_empty(pipeline: Any) -> None:
    """Leave a pipeline as it is when it has been executed; it has no connection."""
    holder, name = _holder(pipeline)
    setattr(holder, name, [])
    if hasattr(holder, "_pipeline_slots"):
        holder._pipeline_slots = set()
        holder._watching = holder._explicit_transaction = False
    if holder is pipeline and hasattr(pipeline, "watching"):
        pipeline.scripts = set()
        pipeline.watching = pipeline.explicit_transaction = False

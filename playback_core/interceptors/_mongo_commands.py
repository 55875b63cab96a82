"""What a command of MongoDB is as plain data: whether it reads, and what it is told by."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptors._mongo_messages import command_of
from playback_core.interceptors._mongo_values import plain

_READS: Final = """
    buildinfo collstats connectionstatus count currentop datasize dbhash dbstats distinct explain
    find getcmdlineopts getlog getmore getparameter hello hostinfo ismaster listcollections
    listcommands listdatabases listindexes listsearchindexes ping replsetgetconfig
    replsetgetstatus rolesinfo serverstatus top usersinfo whatsmyuri
"""
_UPKEEP: Final = """
    authenticate endsessions getnonce killcursors logout saslcontinue saslstart
"""
_ALL_READS: Final = frozenset(_READS.split())
_ALL_UPKEEP: Final = frozenset(_UPKEEP.split())
_WRITING_STAGES: Final = ("$out", "$merge")

# What tells of the driver and its connection, and not of what is asked for.
_LEFT_OUT: Final = ("$db", "$clusterTime", "$readPreference", "lsid", "txnNumber")
_REMAINING_TIME: Final = "maxTimeMS"
_PASSWORDS: Final = ("pwd",)
_CONCEALED: Final = "(concealed)"

# Documents whose order means something.
_ORDERED: Final = frozenset({"sort", "$sort", "key", "hint"})
_DIRECTIONS: Final = frozenset({1, -1, "2d", "2dsphere", "geoHaystack", "hashed", "text"})


def is_upkeep(name: str) -> bool:
    """Tell whether a command is the driver's own, about connections, sessions and cursors."""
    return name.lower() in _ALL_UPKEEP


def is_read(name: str, message: bytes) -> bool:
    """Tell whether a command only reads; one that is not known does not."""
    if name != "aggregate":
        return name.lower() in _ALL_READS
    stages = command_of(message).get("pipeline", ())
    return not any(stage in _WRITING_STAGES for each in stages for stage in each)


def told(message: bytes, place: dict[str, Any], *, is_timed: bool) -> dict[str, Any]:
    """Return the fields of a command at a place; if it `is_timed`, not the time it has left."""
    command = command_of(message)
    database = command.get("$db", "")
    for name in (*_LEFT_OUT, _REMAINING_TIME) if is_timed else _LEFT_OUT:
        command.pop(name, None)
    for name in _PASSWORDS:
        if name in command:
            command[name] = _CONCEALED
    return {**place, "database": database, "command": _in_order(plain(command))}


def _in_order(value: Any) -> Any:
    # The keys of a dict have none where it is compared.
    if type(value) is dict:
        return {
            name: list(map(list, part.items()))
            if name in _ORDERED and _is_ordering(part)
            else _in_order(part)
            for name, part in value.items()
        }
    return [_in_order(part) for part in value] if type(value) is list else value


def _is_ordering(value: Any) -> bool:
    return type(value) is dict and all(
        isinstance(part, (int, float, str)) and part in _DIRECTIONS for part in value.values()
    )

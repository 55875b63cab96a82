"""Guards statements on SQLite connections that are open, which cause no audit event."""

import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import Any, Final

from playback_core.errors import SideEffectBlocked
from playback_core.sandbox.attempts import Args, Attempt, database
from playback_core.sandbox.judge import judge

# Of sqlite3.h; the module names them from Python 3.11 on, and is not to be imported for them.
_OK: Final = 0
_DENY: Final = 1
_ATTACH: Final = 24

_new: Final[list[tuple[int, Any]]] = []


def guard_open_connections() -> None:
    """Guard the connections that were opened before there was a hook.

    One of another thread can't be guarded, nor be used by any other than that thread.
    """
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is not None:
        for each in gc.get_objects():
            # Its type, since a proxy's class is a guest that may do anything when it is asked.
            if issubclass(type(each), sqlite3.Connection):
                _guard_connection(each)


def note_connection(connection: Any) -> None:
    """Keep a connection to be guarded: while it causes its event it can't be yet."""
    _new.append((get_ident(), connection))


def guard_new_connections() -> None:
    """Guard the connections that this thread has made since."""
    if _new:
        own = get_ident()
        for each in tuple(_new):
            if each[0] == own:
                _new.remove(each)
                _guard_connection(each[1])


def _guard_connection(connection: Any) -> None:
    # Its type can't be changed, so that SQLite's authorizer is what there is: it is asked when a
    # statement is prepared, and to set it makes SQLite prepare again what is cached.
    sqlite3 = sys.modules["sqlite3"]
    try:
        # Not what a subclass or a factory of the application's makes of it.
        cursor = sqlite3.Cursor(connection)
        cursor.row_factory = None
        rows = cursor.execute("PRAGMA database_list").fetchall()
        files = tuple(os.fsdecode(row[2]) for row in rows if row[2])
        connection.set_authorizer(partial(_authorize, files))
    except (sqlite3.Error, TypeError):
        return  # closed, or of another thread


def _authorize(files: tuple[str, ...], action: int, first: Any, *rest: Any) -> int:
    try:
        if action == _ATTACH:
            judge(_attached if first is None else database, (first,))
        if files:
            judge(_statement(files), ())
    except SideEffectBlocked:
        # It is noted; what is raised here does not reach the caller, who gets a DatabaseError.
        return _DENY
    return _OK


def _attached(args: Args) -> Attempt:
    # SQLite tells a name that is written in the statement, and no other.
    return Attempt("attach a SQLite database by a parameter")


def _statement(files: tuple[str, ...]) -> Callable[[Args], Attempt]:
    return lambda args: Attempt(f"run a statement in SQLite database {files[0]!r}", paths=files)

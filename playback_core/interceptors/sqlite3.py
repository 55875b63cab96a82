"""SQLite by `sqlite3`: queries are inputs, what changes something and transactions are outputs.

`connect` gives connections of a class of ours, which is the application's, too, where it has one.
"""

from __future__ import annotations

import sqlite3
from functools import wraps
from typing import Any, Final

from playback_core.interceptor import Interceptor, Target, is_installed
from playback_core.interceptors._sqlite_connection import Connection, RecordedConnection
from playback_core.interceptors._sqlite_cursor import both
from playback_core.replacing import Function

_FACTORY_PLACE: Final = 5


class _Connect(Target):
    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def connect(*args: Any, **kwargs: Any) -> Any:
            # It may have been wrapped since, by the guard of a replay for one, and so stay.
            if not is_installed("sqlite3"):
                return original(*args, **kwargs)
            if len(args) > _FACTORY_PLACE:
                before, after = args[:_FACTORY_PLACE], args[_FACTORY_PLACE + 1 :]
                return original(*before, _ours(args[_FACTORY_PLACE]), *after, **kwargs)
            kwargs["factory"] = _ours(kwargs.get("factory", sqlite3.Connection))
            return original(*args, **kwargs)

        return connect


def _ours(factory: Any) -> Any:
    if factory is sqlite3.Connection:
        return Connection
    # A function that makes connections makes its own.
    is_class = isinstance(factory, type) and issubclass(factory, sqlite3.Connection)
    return both(factory, RecordedConnection) if is_class else factory


INTERCEPTOR: Final = Interceptor(
    library="sqlite3",
    targets=[_Connect("sqlite3", "connect"), _Connect("sqlite3.dbapi2", "connect")],
)

"""Where the database of a PyMySQL connection is: also after another one was chosen by it."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from pymysql.constants import CLIENT

from playback_core.interceptors._sql import used_database
from playback_core.session import current_session

_CHOSEN: Final = "_playback_chosen"
_USE: Final = "use"
_MARGIN: Final = 64
"""How many spaces may be before it."""

_NO_LETTERS: Final = frozenset(("", "/", "-", "#"))
"""What a comment begins with, behind which a statement may be."""


class _ChosenInReplay(WeakKeyDictionary[Any, tuple[Any, str]]):
    """What a replay has chosen: a connection from before it must not remember that."""


def address_of(connection: Any) -> str:
    """Return where the database of a connection is, as a URL without a password."""
    host = connection.host
    where = connection.unix_socket or f"{host}:{connection.port}"
    user = _text(connection.user)
    return f"mysql://{where}/{_chosen(connection) or _text(connection.db)}?user={user}"


def note_statement(connection: Any, sql: Any) -> None:
    """Note which database a connection has from now on, where a statement has chosen one."""
    # Asked for each statement, also where none is recorded: it costs little.
    start = _read(sql[:_MARGIN]).lstrip()[:3].lower()
    is_several = connection.client_flag & CLIENT.MULTI_STATEMENTS
    if start == _USE or start[:1] in _NO_LETTERS or is_several:
        database = used_database(_read(sql))
        if database is not None:
            note_chosen(connection, database)


def _read(sql: Any) -> str:
    # Of what is sent as bytes, values may be in no encoding.
    return sql if isinstance(sql, str) else bytes(sql).decode(errors="replace")


def note_chosen(connection: Any, database: Any) -> None:
    """Note which database a connection has from now on, until it is opened again."""
    chosen = connection._sock, _text(database)
    session = current_session()
    if session is not None and session.replaying:
        session.remembered.setdefault(_ChosenInReplay, _ChosenInReplay())[connection] = chosen
    else:
        vars(connection)[_CHOSEN] = chosen


def _chosen(connection: Any) -> str | None:
    session = current_session()
    in_replay = None if session is None else session.remembered.get(_ChosenInReplay)
    chosen = None if in_replay is None else in_replay.get(connection)
    socket, database = chosen or vars(connection).get(_CHOSEN) or (None, None)
    return database if socket is connection._sock else None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")

"""SQLAlchemy: its pools and dialects, so that only an application's own statements are recorded.

Statements are recorded by the interceptors of the drivers. What an engine sends by itself to set
a connection up, to try it and to clean it is not: whether it does depends on the state of a pool.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

from playback_core.drivers import drive
from playback_core.guard import FailingOpen
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor, Target, is_installed
from playback_core.interceptors._statements import by_itself, forget_changes
from playback_core.library_interception import (
    INPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session

_BASIC: Final = ("server_version_info", "default_schema_name", "default_isolation_level")
_LIMIT: Final = "max_identifier_length"
_PLAIN: Final = frozenset({type(None), bool, int, float, str})

# What the function has that SQLAlchemy makes to open connections.
_ARGS: Final = "cargs_tup"
_OPTIONS: Final = "cparams"

_OF_MYSQL: Final = frozenset({"mysql", "mariadb"})

_LIBRARIES: Final = {"pysqlite": "sqlite3", "psycopg_async": "psycopg"}
"""The modules of drivers that have another name with SQLAlchemy."""

_learnt: Final[WeakKeyDictionary[Any, list[str]]] = WeakKeyDictionary()
"""By dialect, the names of what it has learnt of its server, by asking it."""

_told_by_replays: Final[WeakSet[Any]] = WeakSet()
"""Dialects that know of their server only what recordings have told them."""


class _Checkout(LibraryCalls):
    """A connection being taken from the pool of an engine.

    What is recorded of it is what the dialect knows of its server: in a replay there is none. There
    the connection is one of its own, so that none of a replay is left in the pool.
    """

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        dialect = args[0].dialect
        fields = {"dialect": f"{dialect.name}+{dialect.driver}"}
        return Call(INPUT, "sqlalchemy connect", fields, args[0])

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, _facts(call.about.dialect)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return _connection_of_replay(call.about, stored)

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(_connection_of_replay(call.about, {}))


class _RawConnection(Target):
    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def connected(engine: Any) -> Any:
            dialect = engine.dialect
            if dialect in _told_by_replays:
                connection = original(engine)
                _initialise(engine, connection)
                return connection
            if _asks_no_more(dialect):
                return original(engine)
            before = set(vars(dialect))
            connection = original(engine)
            learnt = (name for name in vars(dialect) if name not in before)
            _learnt[dialect] = [name for name in learnt if not _is_computed(dialect, name)]
            return connection

        return drive(connected, LibraryInterception("sqlalchemy connect", _Checkout()))


class _Finalising(Target):
    """A connection being given back: reset, and maybe closed, at any time."""

    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def finalise(*args: Any, **kwargs: Any) -> Any:
            branch = current()
            if branch is None:
                return original(*args, **kwargs)
            with FailingOpen(branch.session, "Taking back a connection of", "sqlalchemy"):
                _forget_changes(*args)
            with by_itself():
                return original(*args, **kwargs)

        return finalise


def _forget_changes(connection: Any, record: Any, pool: Any, *rest: Any) -> None:
    # The pool resets it: whoever takes it next begins anew, as with the new one of a replay.
    own = record.dbapi_connection if connection is None and record is not None else connection
    if own is not None:
        forget_changes(pool._dialect.get_driver_connection(own))


def _is_computed(dialect: Any, name: str) -> bool:
    # A replay has to compute it, too: a dialect may set more by that.
    return hasattr(getattr_static(type(dialect), name, None), "__get__")


def _asks_no_more(dialect: Any) -> bool:
    return "default_schema_name" in vars(dialect)


def _connection_of_replay(engine: Any, facts: dict[str, Any]) -> Any:
    from sqlalchemy.pool import NullPool

    dialect, pool = engine.dialect, engine.pool
    _refuse_unknown(dialect)
    if not _asks_no_more(dialect):
        _told_by_replays.add(dialect)
        # Until it may ask: other threads of the replay connect at the same time.
        dialect.initialize = _nothing
    options = {"reset_on_return": pool._reset_on_return, "_dispatch": pool.dispatch}
    with by_itself():
        connection = NullPool(_creator(engine), dialect=dialect, **options).connect()
    if dialect in _told_by_replays:
        _tell(dialect, facts)
    return connection


def _refuse_unknown(dialect: Any) -> None:
    """Raise for a driver that is not intercepted: of one in C a sandbox may see nothing."""
    session = current_session()
    library = _LIBRARIES.get(dialect.driver, dialect.driver)
    if isinstance(session, PlaybackSession) and session.sandbox and not is_installed(library):
        alias = f"sqlalchemy connect {dialect.name}+{dialect.driver}"
        raise session.miss(alias, alias, f"There is no interceptor of {library} in place.")


def _creator(engine: Any) -> Callable[..., Any]:
    """Return what opens a connection as the engine does, without asking the application.

    Its own `creator`, or its listeners to `do_connect`, may ask a server for a password.
    """
    own, dialect = engine.pool._creator, engine.dialect
    code, cells = getattr(own, "__code__", None), getattr(own, "__closure__", None)
    known = dict(zip(code.co_freevars, cells, strict=True)) if code and cells else {}
    if _ARGS in known and _OPTIONS in known:
        args, options = known[_ARGS].cell_contents, known[_OPTIONS].cell_contents
    elif dialect.name == "sqlite":
        creator: Callable[..., Any] = own
        return creator
    else:
        args, options = dialect.create_connect_args(engine.url)
    return lambda record=None: dialect.connect(*args, **options)


def _nothing(connection: Any) -> None:
    """Be told nothing of a server, as there is none."""


def _facts(dialect: Any) -> dict[str, Any]:
    """Return what a dialect has learnt of its server, as far as it is plain data."""
    names = {*_BASIC, _LIMIT, *_learnt.get(dialect, ())}
    known = vars(dialect)
    return {name: known[name] for name in names if name in known and _is_plain(known[name])}


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return _PLAIN.issuperset(map(type, value))
    return type(value) in _PLAIN


def _tell(dialect: Any, facts: dict[str, Any]) -> None:
    own = vars(dialect)
    told = {"default_schema_name": None, **facts}
    if own.get("_user_defined_max_identifier_length"):
        told.pop(_LIMIT, None)
    if dialect.name in _OF_MYSQL:
        _tell_of_mysql(dialect, told)
    own.update(told)


def _tell_of_mysql(dialect: Any, told: dict[str, Any]) -> None:
    # How names are quoted is no plain data, and depends on these.
    if told.get("is_mariadb") and not dialect.is_mariadb:
        dialect._set_mariadb(True, told["server_version_info"])
    if told.get("_server_ansiquotes") and not dialect._server_ansiquotes:
        dialect.identifier_preparer = dialect.preparer(dialect, server_ansiquotes=True)


def _initialise(engine: Any, connection: Any) -> None:
    """Let a dialect ask its server after all: the engine does so once, and that was in a replay."""
    from sqlalchemy.engine import Connection

    dialect = engine.dialect
    _told_by_replays.discard(dialect)
    vars(dialect).pop("initialize", None)
    asking = Connection(
        engine,
        connection=connection,
        _has_events=False,
        _allow_revalidate=False,
        _allow_autobegin=False,
    )
    dialect.initialize(asking)
    dialect.do_rollback(connection)


INTERCEPTOR: Final = Interceptor(
    library="sqlalchemy",
    targets=[
        _RawConnection("sqlalchemy.engine.base", "Engine.raw_connection"),
        _Finalising("sqlalchemy.pool.base", "_finalize_fairy"),
    ],
)

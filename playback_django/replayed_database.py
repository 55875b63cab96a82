"""Connections to databases as a replay has them: none of them is connected to anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from playback_core.interceptors._rows import RecordedRows
from playback_core.playback_session import PlaybackSession
from playback_core.session import Session, current_session, unsealed
from playback_django.database_facts import recorded_facts, tell_facts


class Column(NamedTuple):
    """What a replayed cursor tells of a column: its name."""

    name: str
    type_code: Any = None
    display_size: Any = None
    internal_size: Any = None
    precision: Any = None
    scale: Any = None
    null_ok: Any = None


class ReplayedCursor:
    """What is below a cursor of Django in a replay: what its last statement came to."""

    # What Django's operations look for when queries are logged.
    _query = None
    query = None
    statement = None
    arraysize = 1

    def __init__(self, db: Any, name: str | None) -> None:
        self.connection = db.connection
        self.name = name
        self.rows: RecordedRows | None = None

    @property
    def description(self) -> list[Column] | None:
        names = None if self.rows is None else self.rows.names
        return None if names is None else [Column(name) for name in names]

    @property
    def rowcount(self) -> int:
        rows = self.rows
        if rows is None:
            return -1
        at_end = rows.about.get("rowcount_at_end") if rows.done else None
        count: int = rows.about.get("rowcount", -1) if at_end is None else at_end
        return count

    @property
    def lastrowid(self) -> Any:
        return None if self.rows is None else self.rows.about.get("lastrowid")

    def __iter__(self) -> Iterator[Any]:
        rows = self.rows
        while rows is not None and (found := rows.fetch(1)):
            yield found[0]

    def close(self) -> None:
        self.rows = None

    def __getattr__(self, name: str) -> Any:
        raise _missing(name, "a cursor's")


class _Unconnected:
    """What `connection.connection` is in a replay: the driver's, in memory, where it is SQLite."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._own: Any = None

    def commit(self) -> None:
        """End a transaction of nobody."""

    rollback = close = commit

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self._db.vendor != "sqlite":
            raise _missing(name, "a connection's")
        if self._own is None:
            with unsealed():
                self._own = self._db.Database.connect(":memory:", check_same_thread=False)
        return getattr(self._own, name)


def _missing(name: str, whose: str) -> Exception:
    session = current_session()
    if name.startswith("_") or not isinstance(session, PlaybackSession):
        return AttributeError(name)
    hint = f"It is {whose} own, of the driver, which is not recorded: use what Django has for it."
    return session.miss("django database", f"{name} of a driver", hint)


class _Replayed:
    """What is different in a connection of a replay."""

    def create_cursor(self, name: str | None = None) -> ReplayedCursor:
        return ReplayedCursor(self, name)

    def _set_autocommit(self, autocommit: bool) -> None:
        """Tell nobody."""

    def close_if_health_check_failed(self) -> None:
        """Ask nobody."""

    def close_if_unusable_or_obsolete(self) -> None:
        """Ask nobody."""

    def is_usable(self) -> bool:
        return True

    def _close(self) -> None:
        """Leave the one that is open outside the replay as it is."""


def begin_connection(db: Any) -> None:
    """Have a connection of a replay look like one that was just opened."""
    db.check_settings()
    db.in_atomic_block = db.closed_in_transaction = False
    db.needs_rollback = db.errors_occurred = False
    db.savepoint_ids, db.atomic_blocks, db.run_on_commit = [], [], []
    db.autocommit = db.settings_dict["AUTOCOMMIT"]
    db.connection = _Unconnected(db)


@lru_cache(maxsize=64)
def _replayed_class(own: Any) -> Any:
    return type(own.__name__, (_Replayed, own), {"__module__": own.__module__})


class _Connections:
    """The connections of one replay, those of each thread apart."""

    def __init__(self) -> None:
        self._of_thread = threading.local()
        self._facts: dict[str, dict[str, Any]] = {}

    def connection(self, handler: Any, alias: str, session: Session) -> Any:
        known: dict[str, Any] = vars(self._of_thread)
        db = known.get(alias)
        if db is None:
            db = known[alias] = handler.create_connection(alias)
            own: Any = type(db)
            db.__class__ = _replayed_class(own)
            if alias not in self._facts:
                self._facts[alias] = recorded_facts(db, session)
            tell_facts(db, self._facts[alias])
        return db


_by_session: Final[WeakKeyDictionary[Session, _Connections]] = WeakKeyDictionary()


def replayed_connection(handler: Any, alias: str, session: Session) -> Any:
    """Return the connection of this thread in a replay, for an alias of `DATABASES`."""
    connections = _by_session.get(session)
    if connections is None:
        connections = _by_session.setdefault(session, _Connections())
    return connections.connection(handler, alias, session)

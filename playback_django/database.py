"""Databases by Django's own layer: queries are inputs, what changes something and transactions
are outputs.

It is above the drivers, so that each database replays that Django has a backend for; what the
drivers' interceptors would see of it is part of it. A replay has connections of its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor, Target
from playback_core.interceptors._statements import by_itself
from playback_core.library_interception import (
    INPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
)
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Branch, current
from playback_django.cursors import FetchingByName, Iterating, Showing
from playback_django.replayed_database import begin_connection, replayed_connection
from playback_django.statements import (
    CallingProcedure,
    Executing,
    alias_of,
    kept_error,
)
from playback_django.transactions import BASE, Autocommit, Ending


class _Connecting(LibraryCalls):
    """A connection being opened: what keeps it from that is recorded, and nothing else."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        db = args[0]
        return Call(INPUT, alias_of(db, "connect"), {"vendor": db.vendor}, db)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return kept_error(error)

    def answer_missing(self, call: Call) -> Outcome | None:
        begin_connection(call.about)
        return Outcome(None)


class _ConnectInterception(LibraryInterception):
    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        # One that was opened needs no entry: it may be open already when it is recorded.
        return value


class _Driven(Target):
    """A place of a connection with an interception around it."""

    def __init__(self, attribute: str, calls: LibraryCalls, kind: Any = LibraryInterception):
        super().__init__(BASE, f"BaseDatabaseWrapper.{attribute}")
        self._calls = calls
        self._kind = kind

    def replacement(self, original: Function) -> Function:
        return drive(original, self._kind(str(self), self._calls))


class _ByItself(Target):
    """A place where Django uses a connection for itself, as its state has it."""

    def __init__(self, attribute: str) -> None:
        super().__init__(BASE, f"BaseDatabaseWrapper.{attribute}")

    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def called(db: Any, *args: Any, **kwargs: Any) -> Any:
            if current() is None or db.connection is None:
                return original(db, *args, **kwargs)
            with by_itself():
                return original(db, *args, **kwargs)

        return called


class _HealthCheck(_ByItself):
    def __init__(self) -> None:
        super().__init__("close_if_health_check_failed")

    def replacement(self, original: Function) -> Function:
        checked = super().replacement(original)

        @wraps(original)
        def called(db: Any) -> Any:
            # Asked before each statement, and mostly nothing to do.
            if db.health_check_done or not db.health_check_enabled:
                return None
            return checked(db)

        return called


class _Asking(Target):
    """The place where Django asks a server what it is."""

    def __init__(self) -> None:
        super().__init__(BASE, "BaseDatabaseWrapper.temporary_connection")

    def replacement(self, original: Function) -> Function:
        @wraps(original)
        @contextmanager
        def asking(db: Any) -> Any:
            if current() is None:
                with original(db) as cursor:
                    yield cursor
                return
            with by_itself(), original(db) as cursor:
                yield cursor

        return asking


class _Choosing(Target):
    """The place where a connection is looked up by its alias."""

    def __init__(self) -> None:
        super().__init__("django.utils.connection", "BaseConnectionHandler.__getitem__")

    def replacement(self, original: Function) -> Function:
        from django.db.utils import ConnectionHandler

        def chosen(handler: Any, alias: str) -> Any:
            branch = current()
            # A call that is let run has the real one.
            if branch is None or not branch.session.replaying or not branch.intercepting:
                return original(handler, alias)
            if not isinstance(handler, ConnectionHandler) or alias not in handler.settings:
                return original(handler, alias)
            return replayed_connection(handler, alias, branch.session)

        return chosen


INTERCEPTOR: Final = Interceptor(
    library=BASE,
    distribution="django",
    targets=[
        Executing("_execute"),
        Executing("_executemany", many=True),
        CallingProcedure(),
        FetchingByName(),
        Iterating(),
        _Driven("connect", _Connecting(), _ConnectInterception),
        _Driven("_commit", Ending("COMMIT")),
        _Driven("_rollback", Ending("ROLLBACK")),
        Autocommit(),
        _ByItself("close"),
        _ByItself("close_if_unusable_or_obsolete"),
        _HealthCheck(),
        _Asking(),
        _Choosing(),
        *(Showing(backend) for backend in ("sqlite3", "postgresql", "mysql", "oracle")),
    ],
)

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
from playback_core.interceptors._statements import by_itself, left_out, matters, note_failure
from playback_core.library_interception import (
    INPUT,
    OUTPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.replacing import Function
from playback_core.session import Branch, Session, current, within
from playback_django.database_facts import note_used
from playback_django.replayed_database import begin_connection, replayed_connection
from playback_django.statements import (
    CallingProcedure,
    Executing,
    FetchingByName,
    Iterating,
    Showing,
    alias_of,
    kept_error,
)

_BASE: Final = "django.db.backends.base.base"
_LEFT_OUT: Final = "django set-up"


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


class _Transaction(LibraryCalls):
    """A step of a transaction, with what the log of queries has of it, where there is one."""

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        db = call.about
        return value, db.queries_log[-1] if db.queries_logged and db.queries_log else None

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return kept_error(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        if stored is not None:
            call.about.queries_log.append(stored)


class _Ending(_Transaction):
    """The end of a transaction."""

    def __init__(self, statement: str) -> None:
        self._statement = statement

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        db, statement = args[0], self._statement
        if db.connection is None or not matters(db, statement):
            return left_out(_LEFT_OUT, statement, db)
        return Call(OUTPUT, alias_of(db, statement), {"sql": statement}, db)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, call.about)
        return super().keep_error(call, error)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, call.about)
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None) if call.alias == _LEFT_OUT else None


class _Beginning(_Transaction):
    """The beginning of a transaction, which some drivers have a statement for, and some not."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        db = args[0]
        note_used(db)
        matters(db, "BEGIN")
        return Call(OUTPUT, alias_of(db, "BEGIN"), {"sql": "BEGIN"}, db)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        super().answer(call, stored, missing)
        call.about.autocommit = False


class _Driven(Target):
    """A place of a connection with an interception around it."""

    def __init__(self, attribute: str, calls: LibraryCalls, kind: Any = LibraryInterception):
        super().__init__(_BASE, f"BaseDatabaseWrapper.{attribute}")
        self._calls = calls
        self._kind = kind

    def replacement(self, original: Function) -> Function:
        return drive(original, self._kind(str(self), self._calls))


class _Autocommit(Target):
    """The place where a transaction begins, and where what waits for its end runs."""

    def __init__(self) -> None:
        super().__init__(_BASE, "BaseDatabaseWrapper.set_autocommit")

    def replacement(self, original: Function) -> Function:
        begin = drive(original, LibraryInterception(str(self), _Beginning()))

        @wraps(original)
        def set_autocommit(db: Any, autocommit: bool, *args: Any, **kwargs: Any) -> None:
            branch = current()
            if branch is None or not branch.intercepting:
                original(db, autocommit, *args, **kwargs)
            elif not autocommit:
                db.validate_no_atomic_block()
                db.ensure_connection()
                begin(db, autocommit, *args, **kwargs)
            else:
                _end_transaction(branch, db, original)

        return set_autocommit


def _end_transaction(branch: Branch, db: Any, original: Function) -> None:
    # What waits for the commit is the application's; what the driver does is not.
    waits, db.run_commit_hooks_on_set_autocommit_on = (
        db.run_commit_hooks_on_set_autocommit_on,
        False,
    )
    try:
        db.validate_no_atomic_block()
        db.ensure_connection()
        with within(branch.inner):
            original(db, True)
    finally:
        db.run_commit_hooks_on_set_autocommit_on = waits
    if waits:
        db.run_and_clear_commit_hooks()
        db.run_commit_hooks_on_set_autocommit_on = False


class _ByItself(Target):
    """A place where Django uses a connection for itself, as its state has it."""

    def __init__(self, attribute: str) -> None:
        super().__init__(_BASE, f"BaseDatabaseWrapper.{attribute}")

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
        super().__init__(_BASE, "BaseDatabaseWrapper.temporary_connection")

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
            if branch is None or not isinstance(handler, ConnectionHandler):
                return original(handler, alias)
            session = branch.session
            # A call that is let run has the real one.
            if not isinstance(session, PlaybackSession) or not branch.intercepting:
                return original(handler, alias)
            if alias not in handler.settings:
                return original(handler, alias)
            return replayed_connection(handler, alias, session)

        return chosen


INTERCEPTOR: Final = Interceptor(
    library=_BASE,
    distribution="django",
    targets=[
        Executing("_execute"),
        Executing("_executemany", many=True),
        CallingProcedure(),
        FetchingByName(),
        Iterating(),
        _Driven("connect", _Connecting(), _ConnectInterception),
        _Driven("_commit", _Ending("COMMIT")),
        _Driven("_rollback", _Ending("ROLLBACK")),
        _Autocommit(),
        _ByItself("close"),
        _ByItself("close_if_unusable_or_obsolete"),
        _HealthCheck(),
        _Asking(),
        _Choosing(),
        *(Showing(backend) for backend in ("sqlite3", "postgresql", "mysql", "oracle")),
    ],
)

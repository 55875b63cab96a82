"""Transactions of Django: how they begin and end, and what waits for their end."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Target
from playback_core.interceptors._statements import (
    is_transaction_step,
    left_out,
    matters,
    note_failure,
)
from playback_core.library_interception import (
    OUTPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Branch, Session, current, within
from playback_django.database_facts import note_used
from playback_django.statements import alias_of, kept_error

BASE: Final = "django.db.backends.base.base"
_LEFT_OUT: Final = "django set-up"


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


class Ending(_Transaction):
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
        is_known = call.alias == _LEFT_OUT or is_transaction_step(call)
        return Outcome(None) if is_known else None


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

    def answer_missing(self, call: Call) -> Outcome | None:
        call.about.autocommit = False
        return Outcome(None)


class Autocommit(Target):
    """The place where a transaction begins, and where what waits for its end runs."""

    def __init__(self) -> None:
        super().__init__(BASE, "BaseDatabaseWrapper.set_autocommit")

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

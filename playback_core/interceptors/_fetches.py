"""Fetches from a driver's cursors: the rows they give are kept, and given again."""

from __future__ import annotations

from typing import Any, Final, Literal

from playback_core.interception import Args, CallInterception, Kwargs, Plan, pass_by
from playback_core.interceptors._dbapi import Driver
from playback_core.interceptors._rows import RecordedRows
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.session import Branch, Session

Amount = Literal["one", "next", "many", "all"]
"""Of what is fetched: a row or None, a row or an exception, some rows, all that are left."""

_AT_END: Final = (StopIteration, StopAsyncIteration)


class FetchInterception(CallInterception):
    """Keeps the rows that a statement's cursor gives, and gives them again.

    They belong to the entry of the statement: a fetch has none of its own. They are rows as the
    driver has them, sequences of values. What an application's own factory makes of them is made
    around this, in a replay, too.
    """

    noun = "fetch"

    def __init__(self, driver: Driver, amount: Amount) -> None:
        super().__init__(f"{driver.library} fetch")
        self._driver = driver
        self._amount = amount
        self._gives_rows = amount in ("many", "all")
        self._fixed_count = None if amount == "all" else 1

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        session = branch.session
        if not (branch.intercepting and session.open):
            pass_by(branch)
            return None
        cursor = args[0]
        rows = self._driver.rows(cursor)
        if rows is None or rows.session is not session:
            return None if self._driver.is_idle(cursor) else self._begin_foreign(session)
        count = self._fixed_count
        if self._amount == "many":
            count = self._driver.size(cursor, args[1:], kwargs)
        if isinstance(rows, RecordedRows):
            return None, self._again(cursor, rows, count)
        return branch.inner, (rows, count)

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        kept, count = step
        if self._gives_rows:
            if kept.add(value) and (count is None or len(value) < count):
                kept.end()
        elif value is None and self._amount == "one":
            kept.end()
        else:
            kept.add((value,))
        self._driver.fetched(args[0], kept)
        return value

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        kept = step[0]
        if isinstance(error, _AT_END):
            kept.end()
        else:
            kept.fail(error)
        self._driver.fetched(args[0], kept)

    def _again(self, cursor: Any, recorded: RecordedRows, count: int | None) -> Outcome:
        failure = recorded.failure()
        if failure is not None:
            return Outcome(exception=failure)
        rows = recorded.fetch(count)
        if self._gives_rows:
            return Outcome(self._driver.given_again(cursor, rows))
        if rows:
            return Outcome(rows[0])
        return Outcome(None) if self._amount == "one" else Outcome(exception=StopIteration())

    def _begin_foreign(self, session: Session) -> Plan:
        if isinstance(session, PlaybackSession):
            hint = "The statement of this cursor was not run within the replayed operation."
            raise session.miss(self.alias, self.alias, hint)
        return None

"""What the drivers of databases share: statements, the rows fetched of them, transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from playback_core.interception import Args, Kwargs
from playback_core.interceptors._dialects import OTHER, Dialect
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.interceptors._statements import (
    ToldStatements,
    forget_changes,
    is_set_up,
    is_transaction_step,
    leaves_open,
    left_out,
    matters,
    note_failure,
    tell_database,
)
from playback_core.library_interception import OUTPUT, Call, LibraryCalls, Missing
from playback_core.outcome import Outcome
from playback_core.session import Session, current, current_session

Rows = KeptRows | RecordedRows


class Driver(ABC):
    """What differs between drivers: where a cursor's results are, and what they are."""

    library: str
    dialect: Dialect = OTHER

    @abstractmethod
    def rows(self, cursor: Any) -> Rows | None:
        """Return what `set_rows` has put there; it costs little."""

    @abstractmethod
    def set_rows(self, cursor: Any, rows: Rows) -> None:
        """Keep for a cursor what its last statement came to."""

    @abstractmethod
    def result(self, cursor: Any) -> tuple[list[str] | None, dict[str, Any], bool]:
        """Return what a statement came to.

        The names of the columns, None where it has none; what else is known as plain data, as
        `rowcount`; and whether its rows hold only None, numbers, str and bytes, False if unknown.
        """

    def answered(self, cursor: Any, rows: RecordedRows) -> None:  # noqa: B027 - may do nothing
        """Make a cursor look as after its statement, in a replay: its attributes."""

    def given_again(self, cursor: Any, rows: list[Any]) -> Any:
        """Return the rows of a replayed `fetchmany` or `fetchall`, as the driver gives several."""
        return rows

    def fetched(self, cursor: Any, rows: KeptRows) -> None:  # noqa: B027 - may do nothing
        """Note what a fetch has changed of a cursor's attributes."""

    def is_idle(self, cursor: Any) -> bool:
        """Tell whether a cursor has no rows of a statement that ran before the operation."""
        return False

    def in_transaction(self, rows: Rows) -> bool:
        """Tell whether a statement may have left a transaction open, in a replay, too."""
        return True

    def address(self, connection: Any) -> str | None:
        """Return where the database of a connection is, None where nobody knows; no password."""
        return None

    def mode(self, connection: Any) -> str | None:
        """Tell how transactions of a connection begin and end; None: as by default."""
        return None

    def size(self, cursor: Any, args: Args, kwargs: Kwargs) -> int | None:
        """Return how many rows `fetchmany` is asked for, None for all; `args` without cursor."""
        size = args[0] if args else kwargs.get("size")
        return int(cursor.arraysize if size is None else size)


class StatementCalls(ToldStatements):
    """Statements run by a cursor, which are given again as their text and parameters ask."""

    def __init__(self, driver: Driver, *, many: bool = False) -> None:
        super().__init__(driver.library, driver.dialect, many=many)
        self._driver = driver

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        driver, cursor = self._driver, call.about
        rows = KeptRows(session, *driver.result(cursor))
        driver.set_rows(cursor, rows)
        self._note_transaction(call, rows)
        return value, rows

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, self.connection(call.about))
        session = current_session()
        if session is not None:
            # The rows of an earlier statement are gone.
            self._driver.set_rows(call.about, KeptRows(session, None, {}))
        return error

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        # A method that ends a transaction, which is told as its statement is, gives nothing.
        rows = self._answer(call.about, stored or {}, missing)
        if rows is not None:
            self._note_transaction(call, rows)
        return self.result(call.about)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, self.connection(call.about))
        before = self._driver.rows(call.about)
        about = before.about if isinstance(before, RecordedRows) else {}
        # The rows of an earlier statement are gone, but not the key it gave.
        kept = {name: about[name] for name in ("lastrowid",) if name in about}
        self._answer(call.about, kept, _none_missing)
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        told: dict[str, Any] = {"ended": True, "rowcount": -1}
        if is_transaction_step(call):
            told["in_transaction"] = leaves_open(call)
        elif call.alias == self._set_up:
            told["columns"] = []
        else:
            return None
        return Outcome(self.answer(call, told, _none_missing))

    def address(self, cursor: Any) -> str | None:
        return self._driver.address(self.connection(cursor))

    def mode(self, cursor: Any) -> str | None:
        return self._driver.mode(self.connection(cursor))

    def result(self, cursor: Any) -> Any:
        """Return what running a statement returns."""
        return cursor

    def _note_transaction(self, call: Call, rows: Rows) -> None:
        if call.kind is OUTPUT and not self._driver.in_transaction(rows):
            forget_changes(self.connection(call.about))

    def _answer(self, cursor: Any, stored: dict[str, Any], missing: Missing) -> RecordedRows | None:
        branch = current()
        if branch is None:
            return None
        rows = RecordedRows(branch.session, stored, missing)
        self._driver.set_rows(cursor, rows)
        self._driver.answered(cursor, rows)
        return rows


class TransactionCalls(LibraryCalls):
    """The end of a transaction by a method of a connection: as if its statement had been run."""

    def __init__(self, driver: Driver, statement: str) -> None:
        self._driver = driver
        self._alias = f"{driver.library} {statement}"
        self._set_up = f"{driver.library} set-up"
        self._statement = statement

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        if is_set_up() or not matters(args[0], self._statement):
            return left_out(self._set_up, self._statement, args[0])
        fields: dict[str, Any] = {"sql": self._statement}
        number = tell_database(fields, self._driver.library, self._driver.address(args[0]))
        return Call(OUTPUT, self._alias, fields, args[0], rank=number)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, None

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, call.about)
        return error

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        note_failure(call, call.about)
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        is_known = call.alias == self._set_up or is_transaction_step(call)
        return Outcome(None) if is_known else None


def _none_missing(hint: str) -> Exception:
    return LookupError(hint)

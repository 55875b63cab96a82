"""What the drivers of databases share: statements, the rows fetched of them, transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

from playback_core.drivers import drive
from playback_core.interception import Args, CallInterception, Interception, Kwargs, Plan, pass_by
from playback_core.interceptor import Target
from playback_core.interceptors._parameters import named, named_rows
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.interceptors._sql import normal_form, statement
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
from playback_core.session import Branch, Session, current, current_session

Rows = KeptRows | RecordedRows
Amount = Literal["one", "next", "many", "all"]
"""Of what is fetched: a row or None, a row or an exception, some rows, all that are left."""

_AT_END: Final = (StopIteration, StopAsyncIteration)

_setting_up: Final[ContextVar[bool]] = ContextVar("playback_setting_up", default=False)


@contextmanager
def setting_up() -> Iterator[None]:
    """Answer the statements of a block with nothing, in a replay: they set a connection up.

    While recording they belong in an inner branch, which records none of them.
    """
    token = _setting_up.set(True)
    try:
        yield
    finally:
        _setting_up.reset(token)


class Driver(ABC):
    """What differs between drivers: where a cursor's results are, and what they are."""

    library: str

    @abstractmethod
    def rows(self, cursor: Any) -> Rows | None:
        """Return what `set_rows` has put there; it costs little."""

    @abstractmethod
    def set_rows(self, cursor: Any, rows: Rows) -> None:
        """Keep for a cursor what its last statement came to."""

    @abstractmethod
    def names(self, cursor: Any) -> list[str] | None:
        """Return the names of the columns of a cursor's result, None where it has none."""

    @abstractmethod
    def about(self, cursor: Any) -> dict[str, Any]:
        """Return what else is known after a statement, as plain data: `rowcount` and the like."""

    def answered(self, cursor: Any, rows: RecordedRows) -> None:  # noqa: B027 - may do nothing
        """Make a cursor look as after its statement, in a replay: its attributes."""

    def ended(self, cursor: Any, rows: KeptRows) -> None:  # noqa: B027 - may do nothing
        """Note what is known of a statement only when all of its rows were fetched."""

    def exact(self, cursor: Any) -> bool:
        """Tell whether its rows hold only None, numbers, str and bytes; False if unknown."""
        return False

    def size(self, cursor: Any, args: Args, kwargs: Kwargs) -> int:
        """Return how many rows `fetchmany` is asked for; `args` without the cursor."""
        size = args[0] if args else kwargs.get("size")
        return int(cursor.arraysize if size is None else size)


class ToldStatements(LibraryCalls):
    """Statements, told by their text and parameters.

    `many` is for those that are run once for each of many rows of parameters.
    """

    def __init__(self, library: str, *, many: bool = False) -> None:
        self._many = many
        self._prefix = f"{library} "

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        cursor, text, parameters = self.arguments(*args, **kwargs)
        if not isinstance(text, str):
            return None
        told = statement(text)
        if _setting_up.get():
            return Call(INPUT, f"{self._prefix}set-up", {"sql": told.folded}, cursor)
        if told.savepoint:
            sql = f"{told.verb} {_label(told.savepoint)}"
            return Call(OUTPUT, self._prefix + told.verb, {"sql": sql}, cursor)
        fields: dict[str, Any] = {"sql": text.strip() if told.reads else told.folded}
        if parameters:
            given = named_rows if self._many else named
            fields["parameters"] = given(told.parameters, parameters)
        return Call(INPUT if told.reads else OUTPUT, self._prefix + told.title, fields, cursor)

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = None, *rest: Any, **options: Any
    ) -> tuple[Any, str, Any]:
        """Return cursor, text and parameters of a call, by the names the driver has for them."""
        return cursor, query, parameters

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        text = fields.get("sql")
        return {**fields, "sql": normal_form(text)} if isinstance(text, str) else fields


class StatementCalls(ToldStatements):
    """Statements run by a cursor, which are given again as their text and parameters ask."""

    def __init__(self, driver: Driver, *, many: bool = False) -> None:
        super().__init__(driver.library, many=many)
        self._driver = driver

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        driver, cursor = self._driver, call.about
        names = driver.names(cursor)
        exact = names is not None and driver.exact(cursor)
        rows = KeptRows(session, names, driver.about(cursor), exact=exact)
        driver.set_rows(cursor, rows)
        return value, rows

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        session = current_session()
        if session is not None:
            # The rows of an earlier statement are gone.
            self._driver.set_rows(call.about, KeptRows(session, None, {}))
        return error

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        self._answer(call.about, stored, missing)
        return self.result(call.about)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        self._answer(call.about, {}, _none_missing)
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        if not _setting_up.get():
            return None
        self._answer(call.about, {"columns": [], "ended": True, "rowcount": -1}, _none_missing)
        return Outcome(self.result(call.about))

    def result(self, cursor: Any) -> Any:
        """Return what running a statement returns."""
        return cursor

    def _answer(self, cursor: Any, stored: dict[str, Any], missing: Missing) -> None:
        branch = current()
        if branch is not None:
            rows = RecordedRows(branch.session, stored, missing)
            self._driver.set_rows(cursor, rows)
            self._driver.answered(cursor, rows)


class TransactionCalls(LibraryCalls):
    """The end of a transaction by a method of a connection: as if its statement had been run."""

    def __init__(self, driver: Driver, statement: str) -> None:
        self._alias = f"{driver.library} {statement}"
        self._set_up = f"{driver.library} set-up"
        self._statement = statement

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        if _setting_up.get():
            return Call(INPUT, self._set_up, {"sql": self._statement}, args[0])
        return Call(OUTPUT, self._alias, {"sql": self._statement}, args[0])

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, None

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None) if _setting_up.get() else None


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

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        session = branch.session
        if not (branch.intercepting and session.open):
            pass_by(branch)
            return None
        cursor = args[0]
        rows = self._driver.rows(cursor)
        if rows is None or rows.session is not session:
            return self._begin_foreign(session)
        count = self._count(cursor, args, kwargs)
        if isinstance(rows, RecordedRows):
            return None, self._again(rows.fetch(count))
        return branch.inner, (rows, count)

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        kept, count = step
        if self._amount in ("many", "all"):
            if kept.add(value) and (count is None or len(value) < count):
                self._end(args[0], kept)
        elif value is None and self._amount == "one":
            self._end(args[0], kept)
        else:
            kept.add((value,))
        return value

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        if isinstance(error, _AT_END):
            self._end(args[0], step[0])

    def _end(self, cursor: Any, kept: KeptRows) -> None:
        kept.end()
        self._driver.ended(cursor, kept)

    def _count(self, cursor: Any, args: Args, kwargs: Kwargs) -> int | None:
        if self._amount == "many":
            return self._driver.size(cursor, args[1:], kwargs)
        return None if self._amount == "all" else 1

    def _again(self, rows: list[tuple[Any, ...]]) -> Outcome:
        if self._amount in ("many", "all"):
            return Outcome(rows)
        if rows:
            return Outcome(rows[0])
        return Outcome(None) if self._amount == "one" else Outcome(exception=StopIteration())

    def _begin_foreign(self, session: Session) -> Plan:
        if isinstance(session, PlaybackSession):
            hint = "The statement of this cursor was not run within the replayed operation."
            raise session.miss(self.alias, self.alias, hint)
        return None


class Intercepted(Target):
    """A place whose calls go to an interception of any kind."""

    def __init__(
        self,
        module: str,
        attribute: str,
        interception: Interception,
        *,
        optional: bool = False,
    ) -> None:
        super().__init__(module, attribute, optional=optional)
        self._interception = interception

    def replacement(self, original: Function) -> Function:
        return drive(original, self._interception)


def statements(module: str, attribute: str, calls: LibraryCalls, **options: Any) -> Intercepted:
    """Return the place of a method that runs statements, or ends transactions."""
    return Intercepted(module, attribute, LibraryInterception(attribute, calls), **options)


def fetches(module: str, attribute: str, driver: Driver, amount: Amount) -> Intercepted:
    """Return the place of a method that fetches rows."""
    return Intercepted(module, attribute, FetchInterception(driver, amount))


_savepoints: Final[WeakKeyDictionary[Session, dict[str, str]]] = WeakKeyDictionary()


def _label(name: str) -> str:
    """Return what a savepoint is called in the order they appear in: names have thread ids."""
    session = current_session()
    if session is None:
        return name
    labels = _savepoints.setdefault(session, {})
    return labels.setdefault(name, f"savepoint_{len(labels) + 1}")


def _none_missing(hint: str) -> Exception:
    return LookupError(hint)

"""What the drivers of databases share: statements, the rows fetched of them, transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakKeyDictionary

from playback_core.interception import Args, Kwargs
from playback_core.interceptors._parameters import named, named_rows
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.interceptors._sql import NAME, Statement, normal_form, statement
from playback_core.library_interception import (
    INPUT,
    OUTPUT,
    Call,
    LibraryCalls,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.session import Branch, Session, current, current_session, within

Rows = KeptRows | RecordedRows
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


@contextmanager
def by_itself() -> Iterator[None]:
    """Have a block recorded as nothing, and its statements answered by nothing in a replay.

    It is for what a library does with a connection by itself, as the state of a pool has it.
    """
    branch = current()
    session = None if branch is None else branch.session
    if branch is None or not isinstance(session, PlaybackSession):
        with within(None if branch is None else branch.inner):
            yield
        return
    # Sealed all the same, as its driver may not be intercepted.
    apart = Branch(session, branch.path, sealed=session.sandbox is not None)
    with within(apart), setting_up():
        yield


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

    def size(self, cursor: Any, args: Args, kwargs: Kwargs) -> int | None:
        """Return how many rows `fetchmany` is asked for, None for all; `args` without cursor."""
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
        fields: dict[str, Any] = {"sql": text.strip() if told.reads else told.folded}
        if told.name:
            fields["sql"] = _with_label(told)
        if parameters is not None and len(parameters):
            given = named_rows if self._many else named
            fields["parameters"] = given(told.places, parameters)
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


_names: Final[WeakKeyDictionary[Session, dict[str, dict[str, str]]]] = WeakKeyDictionary()


def _with_label(told: Statement) -> str:
    """Return a text with its savepoint or cursor named in the order they appear in.

    Their own names are made of ids of threads and objects.
    """
    session = current_session()
    kind = "cursor" if told.reads else "savepoint"
    of_session = {} if session is None else _names.setdefault(session, {})
    names = of_session.setdefault(kind, {})
    label = names.setdefault(told.name, f"{kind}_{len(names) + 1}")
    return told.folded.replace(NAME, label) if told.reads else f"{told.verb} {label}"


def _none_missing(hint: str) -> Exception:
    return LookupError(hint)

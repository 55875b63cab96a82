"""Rows by Django's cursors: those that are fetched, and those that are iterated over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Target
from playback_core.interceptors._fetches import Amount, FetchInterception
from playback_core.interceptors._rows import KeptRows
from playback_core.interceptors._sql import statement
from playback_core.interceptors._statements import with_label
from playback_core.library_interception import INPUT, Call
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import current, enter
from playback_django.parameters import plain_parameters
from playback_django.statements import DRIVER, MODULE, alias_of, dialect_of, text_of

_AMOUNTS: Final[dict[str, Amount]] = {"fetchone": "one", "fetchmany": "many", "fetchall": "all"}


class FetchingByName(Target):
    """The place where a cursor of Django looks the driver's methods up."""

    def __init__(self) -> None:
        super().__init__(MODULE, "CursorWrapper.__getattr__")

    def replacement(self, original: Function) -> Function:
        fetches = {name: _fetching(original, name) for name in _AMOUNTS}

        def looked_up(cursor: Any, attr: str) -> Any:
            branch = current()
            if branch is None:
                return original(cursor, attr)
            if attr in fetches:
                return partial(fetches[attr], cursor)
            found = original(cursor, attr)
            is_of_server = attr == "close" and getattr(cursor.cursor, "name", None)
            # To close one sends something.
            return partial(_within_driver, found) if is_of_server else found

        return looked_up


def _fetching(original: Function, name: str) -> Function:
    def fetch(cursor: Any, *args: Any, **kwargs: Any) -> Any:
        return original(cursor, name)(*args, **kwargs)

    return drive(fetch, FetchInterception(DRIVER, _AMOUNTS[name]))


class Iterating(Target):
    """The place where the rows of a cursor of Django are iterated over."""

    def __init__(self) -> None:
        super().__init__(MODULE, "CursorWrapper.__iter__")

    def replacement(self, original: Function) -> Function:
        def iterated(cursor: Any) -> Any:
            branch, rows = current(), DRIVER.rows(cursor)
            if branch is None or not isinstance(rows, KeptRows):
                return original(cursor)
            if rows.session is not branch.session or not branch.intercepting:
                return original(cursor)
            return _kept(cursor, original(cursor), rows)

        return iterated


def _kept(cursor: CursorWrapper, source: Iterator[Any], rows: KeptRows) -> Iterator[Any]:
    while True:
        try:
            row = _within_driver(source.__next__)
        except StopIteration:
            rows.end()
            DRIVER.ended(cursor, rows)
            return
        rows.add((row,))
        yield row


def _within_driver(call: Callable[[], Any]) -> Any:
    branch = current()
    try:
        enter(None if branch is None else branch.inner)
        return call()
    finally:
        # As the drivers of interceptions do: it is asked for each row.
        enter(branch)


class Showing(CallTarget):
    """The place where a backend tells the text of a statement, for the log of queries."""

    def __init__(self, backend: str) -> None:
        module = f"django.db.backends.{backend}.operations"
        super().__init__(module, "DatabaseOperations.last_executed_query", optional=True)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        operations, _, sql, params = args
        text = text_of(sql)
        told = statement(text, dialect_of(operations.connection))
        shown = with_label(told) if told.name else text
        fields = {"sql": shown, "parameters": plain_parameters(params)}
        return Call(INPUT, alias_of(operations.connection, "log"), fields, text)

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(call.about)

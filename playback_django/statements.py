"""Statements by Django's cursors, whatever the driver: as they are told, kept and given again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Target
from playback_core.interceptors._dbapi import Driver, Rows, StatementCalls
from playback_core.interceptors._dialects import MYSQL, OTHER, POSTGRESQL, SQLITE, Dialect
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._parameters import known_rows, looked_at
from playback_core.interceptors._rows import KeptRows, RecordedRows
from playback_core.interceptors._sql import Statement
from playback_core.library_interception import (
    OUTPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.replacing import Function
from playback_core.session import Session, current
from playback_django.database_facts import note_used
from playback_django.new_secrets import with_any_secret
from playback_django.parameters import plain_parameters
from playback_django.sessions import has_content, readable
from playback_django.token_keys import is_of_tokens, own_names, told_names, told_parameters

MODULE: Final = "django.db.backends.utils"
_ROWS: Final = "_playback_rows"
_INTEGER_RESULT: Final = "returned"
_DIALECTS: Final = {"postgresql": POSTGRESQL, "sqlite": SQLITE, "mysql": MYSQL}


def alias_of(db: Any, what: str) -> str:
    """Return the alias of what is asked of a database: that of `DATABASES` is part of it."""
    return f"django {db.alias} {what}"


def dialect_of(db: Any) -> Dialect:
    """Return how a database reads a text."""
    return _DIALECTS.get(db.vendor, OTHER)


class _Cursors(Driver):
    library = "django"

    def rows(self, cursor: Any) -> Rows | None:
        rows: Rows | None = vars(cursor).get(_ROWS)
        return rows

    def set_rows(self, cursor: Any, rows: Rows) -> None:
        vars(cursor)[_ROWS] = rows

    def result(self, cursor: Any) -> tuple[list[str] | None, dict[str, Any], bool]:
        own = cursor.cursor
        described = own.description
        names = None if described is None else [column[0] for column in described]
        about = {"rowcount": own.rowcount, "lastrowid": getattr(own, "lastrowid", None)}
        return names, about, False

    def answered(self, cursor: Any, rows: RecordedRows) -> None:
        cursor.cursor.rows = rows

    def given_again(self, cursor: Any, rows: list[Any]) -> Any:
        # Django looks for the end by what an empty fetch is equal to.
        return type(cursor.db.features.empty_fetchmany_value)(rows)

    def ended(self, cursor: Any, rows: KeptRows) -> None:
        # Of what RETURNING gives, SQLite knows it at the end.
        rowcount = cursor.cursor.rowcount
        if rows.about.get("rowcount") != rowcount:
            rows.tell(rowcount_at_end=rowcount)

    def size(self, cursor: Any, args: Args, kwargs: Kwargs) -> int | None:
        size = args[0] if args else kwargs.get("size")
        return int(cursor.cursor.arraysize if size is None else size)


DRIVER: Final = _Cursors()


class _Statements(StatementCalls):
    """What `_execute` and `_executemany` run: below `execute_wrapper`, and what logs queries."""

    def __init__(self, *, many: bool = False) -> None:
        super().__init__(DRIVER, many=many)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        call = super().describe(args, kwargs)
        if call is not None and call.alias != self._set_up:
            db = args[0].db
            call.alias = alias_of(db, call.alias.removeprefix(self._prefix))
            note_used(db)
            parameters = call.fields.get("parameters")
            if type(parameters) is dict and has_content(parameters):
                call.fields["parameters"] = readable(call.fields["parameters"])
            if type(parameters) is dict and is_of_tokens(call.fields["sql"]):
                call.fields["parameters"] = told_parameters(parameters)
        return call

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = None, *rest: Any, **options: Any
    ) -> tuple[Any, str, Any]:
        text = text_of(query)
        if not self._many:
            return cursor, text, parameters
        return cursor, text, [*map(plain_parameters, known_rows(parameters))]

    def plain(self, parameters: Any) -> Any:
        return parameters if self._many else plain_parameters(parameters)

    def may_be_told_later(self, told: Statement) -> bool:
        # What the content of a session says is known now, and what the names of tokens are.
        if has_content(told.places.names) or is_of_tokens(told.folded):
            return False
        return super().may_be_told_later(told)

    def connection(self, cursor: Any) -> Any:
        return cursor.db

    def address(self, cursor: Any) -> str | None:
        # `note_used` tells it, of each alias.
        return None

    def dialect(self, cursor: Any) -> Dialect:
        return dialect_of(cursor.db)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return with_any_secret(super().normalised(fields))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        cursor = call.about
        given, rows = super().keep(call, value, session)
        if rows.names is not None and is_of_tokens(call.fields.get("sql", "")):
            rows.names = told_names(rows.names)
        if isinstance(value, int):
            # What MySQL's drivers return.
            rows.tell(**{_INTEGER_RESULT: value})
        # What is fetched of the driver's own cursor would not be seen.
        return cursor if value is cursor.cursor else given, rows

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        super().keep_error(call, error)
        return kept_error(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        super().answer(call, stored, missing)
        rows = DRIVER.rows(call.about)
        if rows is not None and rows.names is not None and is_of_tokens(call.fields["sql"]):
            rows.names = own_names(rows.names)
        return stored.get(_INTEGER_RESULT, call.about)


def text_of(query: Any) -> str:
    """Return the text of a statement, which may be one that psycopg composes."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode()
    as_string: Callable[[None], str] | None = getattr(query, "as_string", None)
    return str(query) if as_string is None else as_string(None)


def kept_error(error: BaseException) -> BaseException:
    """Return what is stored of an error of Django: its cause, the driver's, has what is plain."""
    copy, cause = plain_error(error), error.__cause__
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(cause, psycopg.Error):
        from playback_core.interceptors._pg_hollow import without_handles

        copy.__cause__ = without_handles(cause)
    return copy


class Executing(Target):
    """The place where a cursor of Django gives a statement to the driver."""

    def __init__(self, attribute: str, *, many: bool = False) -> None:
        super().__init__(MODULE, f"CursorWrapper.{attribute}")
        self._many = many

    def replacement(self, original: Function) -> Function:
        calls = _Statements(many=self._many)
        intercepted = drive(original, LibraryInterception(str(self), calls))
        is_many = self._many

        def executing(cursor: Any, sql: Any, params: Any, *context: Any) -> Any:
            if current() is None:
                return intercepted(cursor, sql, params, *context)
            # Of itself: it is no answer of the database.
            cursor.db.validate_no_broken_transaction()
            given = looked_at(params) if is_many else params
            return intercepted(cursor, sql, given, *context)

        return executing


class _Procedure(LibraryCalls):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        cursor, name, *given = args
        params = [*given, *kwargs.values()]
        note_used(cursor.db)
        fields = {"procedure": name, "parameters": [*map(plain_parameters, params)]}
        return Call(OUTPUT, alias_of(cursor.db, f"CALL {name}"), fields, cursor)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        cursor = call.about
        rows = KeptRows(session, *DRIVER.result(cursor))
        DRIVER.set_rows(cursor, rows)
        rows.tell(parameters=plain_parameters(value))
        return value, rows

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return kept_error(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        branch = current()
        assert branch is not None
        rows = RecordedRows(branch.session, stored, missing)
        DRIVER.set_rows(call.about, rows)
        DRIVER.answered(call.about, rows)
        return stored["parameters"]


class CallingProcedure(Target):
    """The place where a cursor calls a stored procedure."""

    def __init__(self) -> None:
        super().__init__(MODULE, "CursorWrapper.callproc")

    def replacement(self, original: Function) -> Function:
        return drive(original, LibraryInterception(str(self), _Procedure()))

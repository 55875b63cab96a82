"""What a queryset would ask, told without asking: nothing connects to a database for it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections

from playback_core.interceptors._parameters import named
from playback_core.interceptors._sql import statement
from playback_django.parameters import plain_parameters


class _Unconnected(Exception):
    """The text of a query depends on what only the server knows."""


def query_told(queryset: Any) -> dict[str, Any]:
    """Return the SQL of a queryset and its parameters, by their columns where these are known.

    It is that of its database as the settings have it. The SQL is None where there would be no
    query, and where only a server could tell what it is.
    """
    if "raw_query" in vars(queryset):
        return _told(queryset.raw_query, queryset.params)
    # A copy: to make the text of a query changes it.
    query = queryset._chain().query
    compiler = query.get_compiler(connection=_database(queryset._db or DEFAULT_DB_ALIAS))
    try:
        return _told(*compiler.as_sql())
    except (EmptyResultSet, _Unconnected):
        return {"sql": None}


def _told(sql: str, params: Any) -> dict[str, Any]:
    if not params:
        return {"sql": sql}
    return {"sql": sql, "parameters": named(statement(sql).places, plain_parameters(params))}


@lru_cache(maxsize=16)
def _database(alias: str) -> Any:
    """Return a database that is never connected to: what its server is must not be asked."""
    database = connections.create_connection(alias)
    vars(database)["connect"] = _refuse
    return database


def _refuse() -> NoReturn:
    raise _Unconnected

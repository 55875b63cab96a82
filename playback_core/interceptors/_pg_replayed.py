"""Recorded results of PostgreSQL, again as what psycopg loads its rows from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import psycopg
from psycopg._py_transformer import Transformer
from psycopg._tz import get_tzinfo
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from playback_core.interceptors._pg_results import AS_JSON, AS_LOADED, TEXT_LOADER

_ZONED: Final = frozenset((1184, 1185, 3910, 3911, 4534, 6153))
"""timestamptz, and arrays, ranges and multiranges of it."""

_TEXTS: Final = frozenset((str, type(None)))


class ReplayedResult:
    """What stands for a result of libpq in a replay."""

    def __init__(self, plain: dict[str, Any], encoding: str) -> None:
        self._encoding = encoding
        self.status = plain["status"]
        self.command_status = plain["command"].encode()
        self.command_tuples = plain["affected"]
        self.binary_tuples = plain.get("binary", False)
        self.ntuples = plain.get("count", 0)
        self._columns = plain.get("columns", [])
        self.nfields = len(self._columns)
        self.columns = [values for each in plain.get("rows", ()) for values in each.values()]
        self.error_message = b""

    def form(self, number: int) -> str:
        """Return in which form the values of a column are kept."""
        form: str = self._columns[number][-1]
        return form

    def fname(self, number: int) -> bytes:
        name: str = self._columns[number][0]
        return name.encode(self._encoding)

    def ftype(self, number: int) -> int:
        oid: int = self._columns[number][1]
        return oid

    def fmod(self, number: int) -> int:
        modifier: int = self._columns[number][2]
        return modifier

    def fsize(self, number: int) -> int:
        size: int = self._columns[number][3]
        return size

    def fformat(self, number: int) -> int:
        form: int = self._columns[number][4]
        return form

    def ftable(self, number: int) -> int:
        return 0

    def ftablecol(self, number: int) -> int:
        return 0

    def get_value(self, row: int, column: int) -> bytes | None:
        value = self.columns[column][row]
        if self.form(column) == AS_JSON and value is not None:
            value = json.dumps(value)
        return None if value is None else _sent(value)


def results_again(stored: dict[str, Any]) -> list[ReplayedResult]:
    """Return what stands for the results that were stored."""
    encoding = stored.get("encoding", "utf-8")
    return [ReplayedResult(plain, encoding) for plain in stored["results"]]


class ReplayedTransformer(Transformer):
    """Loads the rows of replayed results, a column at a time.

    Loaders in C would read a connection of libpq; they have none here, and load moments in UTC.
    """

    def __init__(self, cursor: Any) -> None:
        super().__init__(cursor)
        self._conn = None
        self._zone_of = cursor.connection.pgconn

    def set_pgresult(self, result: Any, *, set_loaders: bool = True, format: Any = None) -> None:  # noqa: A002
        # What is fetched by name may be in another form than was told of it.
        super().set_pgresult(result, set_loaders=True)

    def load_rows(self, row0: int, row1: int, make_row: Callable[[Sequence[Any]], Any]) -> Any:
        result: Any = self._pgresult
        if result is None:
            raise psycopg.InterfaceError("result not set")
        columns = [self._loaded(result, each, row0, row1) for each in range(result.nfields)]
        rows: Any = zip(*columns, strict=True) if columns else [()] * (row1 - row0)
        return list(rows) if make_row is tuple else list(map(make_row, rows))

    def load_row(self, row: int, make_row: Callable[[Sequence[Any]], Any]) -> Any:
        return self.load_rows(row, row + 1, make_row)[0]

    def _loaded(self, result: ReplayedResult, number: int, row0: int, row1: int) -> list[Any]:
        values = result.columns[number][row0:row1]
        form = result.form(number)
        if form == AS_LOADED:
            return list(values)
        if form == AS_JSON:
            values = [None if each is None else json.dumps(each) for each in values]
        loaded = self._loaded_by(self._row_loaders[number], values)
        if result.ftype(number) in _ZONED:
            zone = get_tzinfo(self._zone_of)
            if zone is not UTC:
                return [_in_zone(value, zone) for value in loaded]
        return loaded

    def _loaded_by(self, load: Any, values: list[Any]) -> list[Any]:
        if type(load.__self__) is TEXT_LOADER and _TEXTS.issuperset(map(type, values)):
            return list(values)
        try:
            if None in values:
                return [None if each is None else load(_sent(each)) for each in values]
            return list(map(load, map(_sent, values)))
        except (ValueError, psycopg.DataError):
            # One that was redacted is no number, say, any more.
            return [None if each is None else _loaded_or_not(load, each) for each in values]


def _in_zone(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone)
    if isinstance(value, list):
        return [_in_zone(each, zone) for each in value]
    if isinstance(value, Range):
        lower, upper = _in_zone(value.lower, zone), _in_zone(value.upper, zone)
        return type(value)(lower, upper, value.bounds, empty=value.isempty)
    if isinstance(value, Multirange):
        return type(value)([_in_zone(each, zone) for each in value])
    return value


def _sent(value: Any) -> bytes:
    return value.encode() if value.__class__ is str else value


def _loaded_or_not(load: Callable[[Any], Any], value: Any) -> Any:
    try:
        return load(_sent(value))
    except (ValueError, psycopg.DataError):
        return value

"""Recorded results of PostgreSQL, again as what psycopg loads its rows from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg._py_transformer import Transformer
from psycopg._tz import get_tzinfo
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from playback_core.interceptors._pg_loaders import is_own_loader
from playback_core.interceptors._pg_results import AS_JSON, AS_LOADED

_MOMENT: Final = 1184
_ZONED: Final = frozenset((1184, 1185, 3910, 3911, 4534, 6153))
"""timestamptz, and arrays, ranges and multiranges of it."""

_REDACTED: Final = "psd_"
"""What a pseudonym begins with."""

_AS_IT_IS: Final[Any] = object()
_DIRECT: Final[dict[int, Any]] = {
    **dict.fromkeys((0, 18, 19, 25, 1042, 1043, 705), _AS_IT_IS),  # texts, and what is unknown
    1082: date.fromisoformat,
    1114: datetime.fromisoformat,
    1184: datetime.fromisoformat,
    1700: Decimal,
}
"""What makes of a text the same as psycopg's own loader of a type, without its being encoded."""

_TEXTS: Final = frozenset((str, type(None)))
_NUMBERS: Final = frozenset((bool, int, float, type(None)))


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
        if pq.__impl__ != "python":
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
        oid = result.ftype(number)
        loaded = self._loaded_by(self._row_loaders[number], oid, values)
        zone = get_tzinfo(self._zone_of) if oid in _ZONED else UTC
        if zone is UTC:
            return loaded
        if oid == _MOMENT:
            return [each if each is None else each.astimezone(zone) for each in loaded]
        return [in_zone(each, zone) for each in loaded]

    def _loaded_by(self, load: Any, oid: int, values: list[Any]) -> list[Any]:
        kinds = set(map(type, values))
        is_own = is_own_loader(oid, load.__self__)
        if is_own and _NUMBERS.issuperset(kinds):
            return list(values)
        if is_own and _TEXTS.issuperset(kinds):
            direct = _DIRECT.get(oid)
            if direct is _AS_IT_IS:
                return list(values)
            if direct is not None and len(kinds) == 1:
                with suppress(ValueError, ArithmeticError):
                    return list(map(direct, values))
        again: list[Any] = [None if each is None else _loaded(load, each) for each in values]
        return again


def in_zone(value: Any, zone: tzinfo) -> Any:
    """Return a loaded value whose moments that have a zone have the given one, at any depth."""
    if isinstance(value, list):
        return [in_zone(each, zone) for each in value]
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(zone)
    if isinstance(value, Range):
        lower, upper = in_zone(value.lower, zone), in_zone(value.upper, zone)
        return type(value)(lower, upper, value.bounds, empty=value.isempty)
    if isinstance(value, Multirange):
        return type(value)([in_zone(each, zone) for each in value])
    return value


def _loaded(load: Any, value: Any) -> Any:
    try:
        return load(_sent(value))
    except (ValueError, psycopg.DataError):
        if isinstance(value, str) and _REDACTED in value:
            # It is no number, say, any more.
            return value
        raise


def _sent(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return repr(value).encode() if isinstance(value, (int, float)) else value

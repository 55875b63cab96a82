"""Results of PostgreSQL as plain data.

A recording has the values as the server sent them, so that a replay loads them by the adapters,
and makes its rows by the factories, of the code that it runs. Only what the application loads by
adapters of its own is kept as loaded: a replay may not have those.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from psycopg import pq

from playback_core.codec import Deferred, encode
from playback_core.interceptors._pg_loaders import (
    AS_BYTES,
    AS_TEXT,
    foreign_columns,
    loaded_rows,
    loads_as_psycopg_does,
)

AS_SENT: Final = "sent"
AS_JSON: Final = "json"
AS_LOADED: Final = "loaded"
"""In which form the values of a column are kept."""

_COPYING: Final = frozenset((pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT))
_JSON: Final = frozenset((114, 3802))
_MOMENTS: Final = frozenset(
    (
        *(1082, 1083, 1114, 1184, 1186, 1266),  # date, time, timestamp, timestamptz, interval, ...
        *(1115, 1182, 1183, 1185, 1187, 1270),  # arrays of them
        *(3908, 3910, 3912, 3909, 3911, 3913),  # ranges, and arrays of those
        *(4533, 4534, 4535, 6152, 6153, 6155),  # multiranges
    )
)
_SETTINGS: Final = (b"TimeZone", b"DateStyle", b"IntervalStyle")
"""What moments depend on that a server sends."""

_NO_ENCODING: Final = "ascii"
"""What psycopg calls that of a server without one: it loads texts as bytes then."""

_CELL_BYTES: Final = 32
_RESULT_BYTES: Final = 400


class ResultsSnapshot(Deferred):
    """What a statement came to, encoded later: libpq's results do not change.

    `results` is the list that psycopg fills: in a pipeline it does so after the call.
    """

    __slots__ = ("_facts", "_results")

    def __init__(self, results: list[Any], facts: dict[str, Any]) -> None:
        self._results = results
        self._facts = facts

    def encode(self) -> bytes:
        facts = dict(self._facts)
        if "settings" in facts and not any(map(_has_moments, self._results)):
            del facts["settings"]
        encoding = facts.get("encoding", "utf-8")
        results = [plain_result(result, encoding=encoding) for result in self._results]
        return encode(facts | {"results": results})

    def __len__(self) -> int:
        return sum(map(_size_of, self._results))


def results_kept(results: list[Any], context: Any, facts: dict[str, Any]) -> Any:
    """Return what is stored of results that came to a cursor or connection.

    A snapshot of them, or plain data; `facts` are stored with them.
    """
    is_plain = "encoding" not in facts and loads_as_psycopg_does(context.adapters)
    # Where there are none, a pipeline may still get some.
    if is_plain and results and not any(map(_has_moments, results)):
        return ResultsSnapshot(results, facts)
    usual, settings = settings_of(context.connection.pgconn)
    facts["settings"] = settings
    if is_plain and usual:
        return ResultsSnapshot(results, facts)
    loaded = [_loaded_here(result, context, facts, usual=usual) for result in results]
    if not any(loaded):
        return ResultsSnapshot(results, facts)
    encoding = facts.get("encoding", "utf-8")
    plain = [plain_result(*pair, encoding=encoding) for pair in zip(results, loaded, strict=True)]
    return facts | {"results": plain}


def settings_of(pgconn: Any) -> tuple[bool, dict[str, str]]:
    """Return what the texts of moments depend on; and, before it, whether that is as usual."""
    return _settings(*map(pgconn.parameter_status, _SETTINGS))


@lru_cache(maxsize=64)
def _settings(*values: bytes | None) -> tuple[bool, dict[str, str]]:
    told = zip(_SETTINGS, values, strict=True)
    settings = {name.decode(): value.decode() for name, value in told if value is not None}
    is_iso = settings.get("DateStyle", "ISO").startswith("ISO")
    return is_iso and settings.get("IntervalStyle", "postgres") == "postgres", settings


def _has_moments(result: Any) -> bool:
    return result.nfields and not _MOMENTS.isdisjoint(map(result.ftype, range(result.nfields)))


def _loaded_here(
    result: Any, context: Any, facts: dict[str, Any], *, usual: bool
) -> dict[int, list[Any]]:
    """Return the columns that no replay could load from what was sent, by number."""
    columns = result.nfields
    if not (columns and result.ntuples):
        return {}
    oids = tuple(map(result.ftype, range(columns)))
    # What is not sent in the usual way only a connection with the settings could load.
    if facts.get("encoding") == _NO_ENCODING or not (usual or _MOMENTS.isdisjoint(oids)):
        numbers = [*range(columns)]
    else:
        numbers = foreign_columns(oids, result.fformat(0), context.adapters)
    if not numbers:
        return {}
    rows = list(zip(*loaded_rows(result, context), strict=True))
    return {number: list(rows[number]) for number in numbers}


def plain_result(
    result: Any, loaded: dict[int, list[Any]] | None = None, *, encoding: str = "utf-8"
) -> dict[str, Any]:
    """Return a result as plain data; `loaded` has the columns kept as loaded, by number."""
    plain: dict[str, Any] = {
        "status": int(result.status),
        "command": (result.command_status or b"").decode(),
        "affected": result.command_tuples,
    }
    if result.status in _COPYING:
        plain["binary"] = bool(result.binary_tuples)
    if result.nfields or result.ntuples:
        sent = _columns_sent(result, encoding)
        forms = [AS_SENT] * len(sent)
        for number, values in enumerate(sent):
            if loaded and number in loaded:
                sent[number], forms[number] = loaded[number], AS_LOADED
            elif result.ftype(number) in _JSON:
                sent[number], forms[number] = _parsed(values)
        names = [(result.fname(number) or b"").decode(encoding) for number in range(len(sent))]
        plain["count"] = result.ntuples
        plain["columns"] = [
            [names[number], *_type_of(result, number), forms[number]] for number in range(len(sent))
        ]
        # Each under its name, by which it may be redacted; a name may stand there twice.
        plain["rows"] = [{name: values} for name, values in zip(names, sent, strict=True)]
    return plain


def _type_of(result: Any, number: int) -> list[int]:
    told = (result.ftype, result.fmod, result.fsize, result.fformat)
    return [int(each(number)) for each in told]


def _columns_sent(result: Any, encoding: str) -> list[list[Any]]:
    if not result.ntuples:
        return [[] for _ in range(result.nfields)]
    if encoding == "utf-8":
        rows = loaded_rows(result, AS_TEXT)
        return [list(column) for column in zip(*rows, strict=True)]
    columns = zip(*loaded_rows(result, AS_BYTES), strict=True)
    if result.fformat(0) or encoding == _NO_ENCODING:
        return [*map(list, columns)]
    return [[_decoded(value, encoding) for value in column] for column in columns]


def _decoded(value: bytes | None, encoding: str) -> str | None:
    return None if value is None else value.decode(encoding)


def _parsed(values: list[Any]) -> tuple[list[Any], str]:
    # So that what is in it is redacted by its name, as elsewhere.
    try:
        return [None if each is None else json.loads(each) for each in values], AS_JSON
    except (ValueError, RecursionError):
        return values, AS_SENT


def _size_of(result: Any) -> int:
    rows, columns = result.ntuples, result.nfields
    if not rows:
        return _RESULT_BYTES
    size, value = 0, result.get_value
    sample = (0,) if rows == 1 else (0, rows // 2, rows - 1)
    for row in sample:
        for column in range(columns):
            size += len(value(row, column) or b"")
    row_bytes = size // len(sample) + columns * _CELL_BYTES
    return int(_RESULT_BYTES + rows * row_bytes)

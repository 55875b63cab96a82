"""The names of parameters that are given by position: those of the columns they go to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from playback_core.interceptors._tokens import Token

_BY_POSITION: Final = frozenset(("?", "%s"))
_BETWEEN: Final = frozenset(
    (
        *("LIKE", "ILIKE", "GLOB", "MATCH", "REGEXP", "IN", "NOT", "IS", "ANY", "ALL", "BETWEEN"),
        *("CAST", "LOWER", "UPPER", "COALESCE", "DISTINCT"),
    )
)
"""Words that stand between a column and what it is compared with."""

_PLAIN: Final = frozenset({tuple, list})
_MAX_ROWS: Final = 100_000

_NO_COLUMN: Final = _BETWEEN | {"", "SET", "WHERE", "WHEN", "THEN", "ELSE"}
_FIRST: Final = frozenset(("SELECT", "VALUES"))


def parameter_names(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return a name for each parameter that has a place; none where none has a name."""
    places = [index for index, token in enumerate(tokens) if token.kind == "place"]
    if not all(tokens[index].text in _BY_POSITION for index in places):
        return ()
    inserted = dict(_inserted(tokens))
    names: list[str] = []
    for index in places:
        name = inserted.get(index) or _name_before(tokens, index, names[-1] if names else "")
        names.append(name)
    if not any(names):
        return ()
    return tuple(name or f"parameter {number}" for number, name in enumerate(names, 1))


def named(names: Sequence[str], values: Any) -> Any:
    """Return the parameters of one statement by name, those of one name together.

    As they are where they have names already; as a list where they have none.
    """
    # Asking for the abstract type costs as much as all the rest.
    if type(values) not in _PLAIN and isinstance(values, Mapping):
        return dict(values)
    if len(names) != len(values):
        return list(values)
    found = dict(zip(names, values, strict=False))
    if len(found) < len(names):
        # An `IN (?, ?)`, or several rows of one statement.
        found = {name: [] for name in found}
        for name, value in zip(names, values, strict=True):
            found[name].append(value)
    return found


def named_rows(names: Sequence[str], rows: Sequence[Any] | RowsLookedAt) -> Any:
    """Return the parameters of a statement that is run for each of many rows, by column."""
    if isinstance(rows, RowsLookedAt):
        rows = rows.known()
    if not rows:
        return []
    if not all(isinstance(row, (tuple, list)) and len(row) == len(rows[0]) for row in rows):
        return [named(names, row) for row in rows]
    columns = [list(column) for column in zip(*rows, strict=True)]
    if len(names) != len(columns) or len(set(names)) < len(names):
        return columns
    return dict(zip(names, columns, strict=True))


class RowsLookedAt:
    """Rows of parameters of which the first are known before they are used; they are read once.

    What reading them raises comes where it would have come.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self._source = iter(rows)
        self._error: Exception | None = None
        self._seen: list[Any] = []
        try:
            self._seen.extend(islice(self._source, _MAX_ROWS))
        except Exception as error:  # noqa: BLE001 - the application's, raised again in its place
            self._error = error

    def __iter__(self) -> Iterator[Any]:
        yield from self._seen
        if self._error is not None:
            raise self._error
        yield from self._source

    def __bool__(self) -> bool:
        return bool(self._seen)

    def known(self) -> list[Any]:
        """Return all rows; raise ValueError where there are too many to be known."""
        if len(self._seen) == _MAX_ROWS:
            raise ValueError(f"its rows of parameters are {_MAX_ROWS:,} or more, from an iterator")
        return self._seen


def looked_at(rows: Any) -> Any:
    """Return rows of parameters so that they can be told before they are used."""
    return rows if isinstance(rows, (list, tuple)) else RowsLookedAt(rows)


def _inserted(tokens: Sequence[Token]) -> Iterable[tuple[int, str]]:
    """Tell of the places within `INSERT INTO table (columns) VALUES (...), (...)` their columns."""
    columns: list[str] = []
    start = next((i for i, token in enumerate(tokens) if token.word() == "INTO"), len(tokens))
    values = next((i for i, token in enumerate(tokens) if token.word() == "VALUES"), 0)
    if not start < values:
        return
    columns = [
        token.name()
        for token in tokens[start + 2 : values]
        if token.depth and token.kind in ("word", "quoted")
    ]
    column = 0
    for index, token in enumerate(tokens[values:], values):
        if token.depth == 0 and token.kind == "word" and index > values:
            return
        if token.text == "(" and token.depth == 0:
            column = 0
        elif token.text == "," and token.depth == 1:
            column += 1
        elif token.kind == "place" and column < len(columns):
            yield index, columns[column]


def _name_before(tokens: Sequence[Token], index: int, last: str) -> str:
    """Return the name that is compared with what has its place here: `last` in `IN (?, ?)`."""
    listed = False
    for token in reversed(tokens[max(0, index - 6) : index]):
        if token.kind == "place":
            return last if listed else ""
        if token.word() in _FIRST:
            return ""
        if token.text == "," or token.word() == "AND":
            listed = True
        elif token.kind == "quoted" or token.word() not in _NO_COLUMN:
            return "" if listed else token.name()
        elif listed or not (token.kind in ("operator", "word") or token.text == "("):
            return ""
    return ""

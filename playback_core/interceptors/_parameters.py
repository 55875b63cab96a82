"""The names of parameters: those of the columns they go to, by which secrets are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any, Final, NamedTuple

from playback_core.codec import encode_key
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


class Places(NamedTuple):
    """Where parameters go: the `names` of their columns, and their own `keys` if they have any.

    Without names they are a list. `sets` are the names of which all stand in one `IN (?, ?)`.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...] = ()
    sets: frozenset[str] = frozenset()


def places_of(tokens: Sequence[Token]) -> Places:
    """Return the places of parameters in a statement."""
    places = [index for index, token in enumerate(tokens) if token.kind == "place"]
    keys = [_key(tokens[index].text) for index in places]
    by_position = not any(keys)
    if not by_position and not all(keys):
        return Places(())
    inserted = dict(_inserted(tokens))
    names: list[str] = []
    for index in places:
        name = inserted.get(index) or _name_before(tokens, index, names[-1] if names else "")
        names.append(name)
    if not by_position:
        shown = [name or key for name, key in zip(names, keys, strict=True)]
        return Places(tuple(shown), tuple(keys), _sets(tokens, shown))
    if not any(names):
        return Places(())
    shown = [name or f"parameter {number}" for number, name in enumerate(names, 1)]
    return Places(tuple(shown), sets=_sets(tokens, shown))


def _sets(tokens: Sequence[Token], names: Sequence[str]) -> frozenset[str]:
    counts, found, number = Counter(names), set[str](), 0
    for index, token in enumerate(tokens):
        if token.kind != "place":
            continue
        if [each.text.upper() for each in tokens[index - 2 : index]] == ["IN", "("]:
            behind = takewhile(_is_listed, islice(tokens, index, None))
            listed = names[number : number + sum(each.kind == "place" for each in behind)]
            if 1 < len(listed) == counts[listed[0]] == listed.count(listed[0]):
                found.add(listed[0])
        number += 1
    return frozenset(found)


def _is_listed(token: Token) -> bool:
    return token.kind == "place" or token.text == ","


def unordered(places: Places, parameters: Any) -> Any:
    """Return parameters by name with those that are sets in an order that is always the same."""
    if type(parameters) is not dict or places.sets.isdisjoint(parameters):
        return parameters
    return {
        name: sorted(value, key=encode_key)
        if name in places.sets and isinstance(value, list)
        else value
        for name, value in parameters.items()
    }


def named(places: Places, values: Any) -> Any:
    """Return the parameters of one statement by name, those of one name together.

    As they are where it is not told which goes where.
    """
    names = places.names
    # Asking for the abstract type costs as much as all the rest.
    if type(values) not in _PLAIN and isinstance(values, Mapping):
        if not places.keys or not set(places.keys) <= values.keys():
            return dict(values)
        other = {key: value for key, value in values.items() if key not in places.keys}
        return other | _by_name(names, [values[key] for key in places.keys])
    if places.keys or len(names) != len(values):
        return list(values)
    return _by_name(names, values)


def _by_name(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(names, values, strict=False))
    if len(found) < len(names):
        # An `IN (?, ?)`, or several rows of one statement.
        found = {name: [] for name in found}
        for name, value in zip(names, values, strict=True):
            found[name].append(value)
    return found


def named_rows(places: Places, rows: Sequence[Any] | RowsLookedAt) -> Any:
    """Return the parameters of a statement that is run for each of many rows, by column."""
    rows = known_rows(rows)
    if not rows:
        return []
    if not all(isinstance(row, (tuple, list)) and len(row) == len(rows[0]) for row in rows):
        return [named(places, row) for row in rows]
    names, columns = places.names, [list(column) for column in zip(*rows, strict=True)]
    if places.keys or len(names) != len(columns) or len(set(names)) < len(names):
        return columns
    return dict(zip(names, columns, strict=True))


class RowsLookedAt:
    """Rows of parameters of which the first are known before they are used; they are read once.

    What reading them raises comes where it would have come.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self._source = iter(rows)
        self._error: Exception | None = None
        self.seen: list[Any] = []
        try:
            self.seen.extend(islice(self._source, _MAX_ROWS))
        except Exception as error:  # noqa: BLE001 - the application's, raised again in its place
            self._error = error

    def __iter__(self) -> Iterator[Any]:
        yield from self.seen
        if self._error is not None:
            raise self._error
        yield from self._source

    def __len__(self) -> int:
        return len(self.seen)


def looked_at(rows: Any) -> Any:
    """Return rows of parameters so that they can be told before they are used."""
    return rows if isinstance(rows, (list, tuple)) else RowsLookedAt(rows)


def known_rows(rows: Sequence[Any] | RowsLookedAt) -> Sequence[Any]:
    """Return rows of parameters, all of them.

    Raise ValueError where there are too many to be looked at within a call.
    """
    if len(rows) >= _MAX_ROWS:
        raise ValueError(f"its rows of parameters are {_MAX_ROWS:,} or more")
    return rows.seen if isinstance(rows, RowsLookedAt) else rows


def _key(place: str) -> str:
    if place in _BY_POSITION:
        return ""
    return place[2:-2] if place.startswith("%") else place[1:]


def _inserted(tokens: Sequence[Token]) -> Iterator[tuple[int, str]]:
    """Tell of the places within `INSERT INTO table (columns) VALUES (...), (...)` their columns.

    Or within `... SELECT * FROM UNNEST(...)`, by which Django gives PostgreSQL several rows.
    """
    words = [token.word() for token in tokens]
    values = _beginning_of_values(words)
    if "INTO" not in words or values is None:
        return
    columns = [
        token.name()
        for token in takewhile(lambda each: each.text != ")", tokens[words.index("INTO") + 2 :])
        if token.depth and token.kind in ("word", "quoted")
    ]
    # It may be within a `SELECT ... FROM (VALUES ...)`.
    depth, column = tokens[values].depth, 0
    for index, token in enumerate(tokens[values + 1 :], values + 1):
        if token.depth < depth or (token.depth == depth and token.kind == "word"):
            return
        if token.text == "(" and token.depth == depth:
            column = 0
        elif token.text == "," and token.depth == depth + 1:
            column += 1
        elif token.kind == "place" and column < len(columns):
            yield index, columns[column]


def _beginning_of_values(words: Sequence[str]) -> int | None:
    if "VALUES" in words:
        return words.index("VALUES")
    if "UNNEST" not in words:
        return None
    index = words.index("UNNEST")
    # What is between the two is the `*`, which is no word.
    return index if tuple(words[index - 3 : index]) == ("SELECT", "", "FROM") else None


def _name_before(tokens: Sequence[Token], index: int, last: str) -> str:
    """Return the name that is compared with what has its place here: `last` in `IN (?, ?)`."""
    listed = False
    for before in range(index - 1, max(-1, index - 7), -1):
        token = tokens[before]
        word = token.word()
        if token.kind == "place":
            return last if listed else ""
        if word in _FIRST or (word == "AND" and tokens[before - 2].word() != "BETWEEN"):
            return ""
        if token.text == "," or word == "AND":
            listed = True
        elif token.kind == "quoted" or word not in _NO_COLUMN:
            return "" if listed else token.name()
        elif listed or not (token.kind in ("operator", "word") or token.text == "("):
            return ""
    return ""

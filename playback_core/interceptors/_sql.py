"""What an SQL statement is: whether it reads or writes, which table it is about, and its forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final, NamedTuple

from playback_core.interceptors._dialects import MYSQL, OTHER, Dialect
from playback_core.interceptors._parameters import Places, places_of
from playback_core.interceptors._tokens import Token, joined, tokens_of

_CACHED_LENGTH: Final = 4 * 1024
_LONG_CACHED_LENGTH: Final = 128 * 1024

_READING: Final = frozenset(
    (
        *("SELECT", "VALUES", "SHOW", "DESCRIBE", "DESC", "TABLE", "EXPLAIN"),
        *("DECLARE", "FETCH", "MOVE", "CLOSE"),
    )
)
_CHANGING: Final = frozenset(("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"))
_CHANGING_IF_RUN: Final = _CHANGING | {"CREATE", "REFRESH", "EXECUTE"}
"""What EXPLAIN ANALYZE runs and may change something; `EXECUTE` may be of anything."""

_EFFECTS: Final = frozenset(("PG_NOTIFY", "SETVAL", "DBLINK_EXEC", "GET_LOCK", "RELEASE_LOCK"))
_EFFECTS_OF_LOCKS: Final = ("PG_ADVISORY_", "PG_TRY_ADVISORY_")
"""Functions that a query calls for what they do; `nextval` is not, as what it gives is used."""

_MAIN: Final = frozenset((*_CHANGING, "SELECT", "VALUES", "TABLE"))
_READING_PRAGMAS: Final = frozenset(
    (
        *("TABLE_INFO", "TABLE_XINFO", "TABLE_LIST", "INDEX_INFO", "INDEX_XINFO", "INDEX_LIST"),
        *("FOREIGN_KEY_LIST", "FOREIGN_KEY_CHECK", "INTEGRITY_CHECK", "QUICK_CHECK"),
    )
)
"""Those whose argument, in parentheses, says what is asked for; of others it is what to set."""

_BEFORE_TABLE: Final = {
    "INSERT": "INTO",
    "REPLACE": "INTO",
    "MERGE": "INTO",
    "TRUNCATE": "TABLE",
    "LOCK": "TABLE",
    "SELECT": "FROM",
    "DELETE": "FROM",
    "EXPLAIN": "FROM",
    "DECLARE": "FROM",
}
_OBJECTS: Final = frozenset(
    (
        *("TABLE", "VIEW", "TRIGGER", "SEQUENCE", "SCHEMA", "DATABASE", "FUNCTION", "PROCEDURE"),
        *("TYPE", "EXTENSION", "ROLE", "USER", "INDEX"),
    )
)
_DEFINING: Final = frozenset(("CREATE", "ALTER", "DROP"))
_NO_NAMES: Final = frozenset(
    (
        *("IF", "NOT", "EXISTS", "ONLY", "OR", "IGNORE", "REPLACE", "ROLLBACK", "ABORT", "FAIL"),
        *("LOW_PRIORITY", "CONCURRENTLY", "SAVEPOINT", "TO", "WORK", "TRANSACTION", "DELAYED"),
    )
)
_SAVEPOINTS: Final = frozenset(("SAVEPOINT", "RELEASE", "ROLLBACK"))
_CURSORS: Final = frozenset(("DECLARE", "FETCH", "MOVE", "CLOSE"))
NAME: Final = "\0"
"""What stands in a folded text for the name of a savepoint or cursor."""


class Statement(NamedTuple):
    """An SQL text, told.

    `reads` is true where only its result matters: it is an input. `folded` is the text with its
    whitespace folded and its comments left out, which is no difference. `title` is verb and table.
    `name` is that of the savepoint or cursor it is about, which `folded` does not have: it means
    something to its connection only. `places` are those of its parameters.
    """

    verb: str
    title: str
    reads: bool
    folded: str
    name: str
    places: Places


def statement(text: str, dialect: Dialect = OTHER) -> Statement:
    """Tell a text, which may hold several statements; the first one names it.

    Where settings of the server decide how many there are, all must only read.
    """
    if len(text) <= _CACHED_LENGTH:
        return _of_short_text(text, dialect)
    # Few, since they may be large: the memory they take is bounded either way.
    is_cached = len(text) <= _LONG_CACHED_LENGTH
    return _of_long_text(text, dialect) if is_cached else _told(text, dialect)


def directs(told: Statement) -> bool:
    """Tell whether it decides where other statements of its connection go, or what they may do."""
    return told.verb == "ATTACH" or (told.verb == "SET" and bool(_directing().match(told.folded)))


def used_database(text: str) -> str | None:
    """Return which database a text of MySQL chooses by its last USE, None where there is none."""
    parts = [part for part in _statements(tuple(tokens_of(text, MYSQL))) if _verb(part) == "USE"]
    return _name_behind({"USE"}, parts[-1]) or None if parts else None


def normal_form(text: str, dialect: Dialect = OTHER) -> str:
    """Return what is equal for texts that mean the same: words and numbers in one spelling."""
    if not dialect.is_certain(text):
        return text.strip()
    tokens = [each._replace(text=_normal(each)) for each in tokens_of(text, dialect)]
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    return joined(tokens)


@cache
def _directing() -> re.Pattern[str]:
    names = r"search_path|schema|role|session\s+authorization|session_authorization"
    return re.compile(rf"SET\s+(?:(?:SESSION|LOCAL)\s+)?(?:{names})\b", re.IGNORECASE)


def _told(text: str, dialect: Dialect) -> Statement:
    tokens = tuple(tokens_of(text, dialect))
    parts = list(_statements(tokens))
    first = parts[0] if parts else ()
    verb = _verb(first)
    named = _named(verb, first)
    folded = joined(each._replace(text=NAME) if each is named else each for each in tokens)
    table = _table(verb, first)
    verb = _in_full(verb, first, named)
    return Statement(
        verb=verb,
        title=f"{verb} {table}" if table else verb,
        reads=_all_read(parts)
        and all(
            _all_read([*_statements(tuple(tokens_of(text, reading)))])
            for reading in dialect.readings(text)
        ),
        # As it is where it is not known where a text in quotes ends.
        folded=folded if dialect.is_certain(text) else text.strip(),
        name=named.name() if named else "",
        places=places_of(tokens),
    )


def _all_read(parts: Sequence[Sequence[Token]]) -> bool:
    return bool(parts) and all(_reads(_verb(part), part) for part in parts)


_of_short_text: Final = lru_cache(maxsize=2048)(_told)
_of_long_text: Final = lru_cache(maxsize=32)(_told)


def _normal(token: Token) -> str:
    if token.kind == "word":
        return token.text.upper()
    if token.kind == "number":
        digits = token.text.replace(".", "", 1)
        # A long one is left as it is: to make a number of it takes ever longer.
        if digits.isascii() and digits.isdigit() and len(digits) < 100:
            number = Decimal(token.text)
            return str(int(number)) if number == int(number) else str(number.normalize())
    return "<>" if token.text == "!=" else token.text


def _statements(tokens: Sequence[Token]) -> Iterable[Sequence[Token]]:
    start = 0
    for end, token in enumerate(tokens):
        if token.text == ";" and token.depth == 0:
            if end > start:
                yield tokens[start:end]
            start = end + 1
    if start < len(tokens):
        yield tokens[start:]


def _verb(tokens: Sequence[Token]) -> str:
    first = next((token.word() for token in tokens if token.kind == "word"), "")
    if first != "WITH":
        return first
    return next((token.word() for token in tokens if not token.depth and token.word() in _MAIN), "")


def _in_full(verb: str, tokens: Sequence[Token], named: Token | None) -> str:
    """Return a verb with the word behind it, where that says what the statement does."""
    if verb == "ROLLBACK" and named:
        return "ROLLBACK TO"
    words = [token.word() for token in tokens if token.kind == "word"]
    return "START TRANSACTION" if words[:2] == ["START", "TRANSACTION"] else verb


def _reads(verb: str, tokens: Sequence[Token]) -> bool:
    if verb == "PRAGMA":
        return _pragma_reads(tokens)
    words = [(token.word(), token.depth) for token in tokens]
    if verb not in _READING and not (verb == "COPY" and ("STDOUT", 0) in words):
        return False
    if verb == "EXPLAIN":
        names = {word for word, _ in words}
        return not (names & {"ANALYZE", "ANALYSE"} and names & _CHANGING_IF_RUN)
    # A part of it may change something all the same: `WITH gone AS (DELETE ...) SELECT`.
    if any(_has_effect(word) for word, _ in words):
        return False
    opened = any(
        token.text == "(" and after in _CHANGING
        for token, (after, _) in zip(tokens, words[1:], strict=False)
        if words[0][0] in ("WITH", "COPY")
    )
    return not opened and ("INTO", 0) not in words


def _has_effect(word: str) -> bool:
    return word in _EFFECTS or word.startswith(_EFFECTS_OF_LOCKS)


def _pragma_reads(tokens: Sequence[Token]) -> bool:
    texts = {token.text for token in tokens}
    if "=" in texts:
        return False
    return "(" not in texts or any(token.word() in _READING_PRAGMAS for token in tokens)


def _named(verb: str, tokens: Sequence[Token]) -> Token | None:
    """Return the name of the savepoint or cursor that a statement is about."""
    words = [token.word() for token in tokens]
    if verb == "ROLLBACK" and "TO" not in words:
        return None
    names = [
        token
        for token in tokens[1:]
        if token.kind in ("word", "quoted") and token.word() not in _NO_NAMES
    ]
    if verb in _SAVEPOINTS or verb in ("DECLARE", "CLOSE"):
        return names[0] if names and words[1:] != ["ALL"] else None
    return names[-1] if names and verb in _CURSORS else None


def _table(verb: str, tokens: Sequence[Token]) -> str:
    if verb in _BEFORE_TABLE:
        return _name_behind({_BEFORE_TABLE[verb]}, tokens) or (
            _name_behind({verb}, tokens) if verb not in _READING else ""
        )
    if verb in _DEFINING:
        is_index = any(token.word() == "INDEX" for token in tokens[:3])
        return _name_behind({"ON"} if is_index else _OBJECTS, tokens)
    return _name_behind({verb}, tokens) if verb in ("UPDATE", "CALL", "PRAGMA", "COPY") else ""


def _name_behind(words: Iterable[str], tokens: Sequence[Token]) -> str:
    """Return the first name behind one of some words, of the least depth."""
    found: list[tuple[int, str]] = []
    for index, token in enumerate(tokens):
        if token.word() in words:
            name = _first_name(tokens[index + 1 : index + 8])
            if name:
                found.append((token.depth, name))
    return min(found, key=lambda each: each[0])[1] if found else ""


def _first_name(tokens: Sequence[Token]) -> str:
    name = ""
    for index, token in enumerate(tokens):
        if token.word() in _NO_NAMES and not name:
            continue
        if token.kind not in ("word", "quoted"):
            break
        name = token.name()
        # Of `schema.table` the table.
        if index + 1 >= len(tokens) or tokens[index + 1].text != ".":
            break
        return _first_name(tokens[index + 2 :]) or name
    return name

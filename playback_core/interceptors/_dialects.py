"""Dialects of SQL: where their strings, names and comments end.

It decides which of several statements in one text there are, so whether one of them writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

_PLAIN: Final = r"'(?:[^']++|'')*+'"
_ESCAPING: Final = r"'(?:[^'\\]++|\\.|'')*+'"
_NAME: Final = r'"(?:[^"]++|"")*+"'
_ESCAPING_NAME: Final = r'"(?:[^"\\]++|\\.|"")*+"'
_BACKTICKS: Final = r"`(?:[^`]++|``)*+`"
_BRACKETS: Final = r"\[[^\]]*+\]"
_DOLLARS: Final = r"\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$"
_PREFIX: Final = r"(?:\b(?:[bBnNxX]|[uU]&))?"
# Parts of a string on lines of their own are read as its beginning is.
_ESCAPE_STRING: Final = rf"\b[eE]{_ESCAPING}(?:[^\S\n]*+\n\s*+{_ESCAPING})*"

_BLOCK: Final = r"/\*.*?(?:\*/|\Z)"
_LINE: Final = r"--[^\n]*"
_HINT: Final = r"/\*[+!].*?\*/"


@dataclass(frozen=True, kw_only=True, eq=False)
class Dialect:
    """How a text is divided: patterns of its strings, quoted names, comments and hints.

    `alternatives` are other readings, each of a text that has something in it: by a setting of the
    server, which is not asked for, say. `escaped` are quotes of which it is not known whether they
    end anything. `comment_starts` begin or end a comment wherever they are. `nests` says that
    comments do.
    """

    strings: tuple[str, ...]
    names: tuple[str, ...]
    comments: tuple[str, ...] = (_LINE, _BLOCK)
    hints: tuple[str, ...] = (_HINT,)
    comment_starts: str = r"/\*"
    alternatives: tuple[tuple[str, Dialect], ...] = ()
    escaped: tuple[str, ...] = ()
    nests: bool = False

    def readings(self, text: str) -> tuple[Dialect, ...]:
        """Return the other dialects by which the server may read a text."""
        return tuple(dialect for part, dialect in self.alternatives if part in text)

    def is_certain(self, text: str) -> bool:
        """Tell whether it is known where the strings of a text end."""
        return not any(quote in text for quote in self.escaped)


_POSTGRESQL_STRINGS: Final = (_ESCAPE_STRING, _PREFIX + _PLAIN, _DOLLARS)
# As by `standard_conforming_strings = off`.
_ESCAPING_POSTGRESQL: Final = Dialect(
    strings=(_PREFIX + _ESCAPING, _DOLLARS), names=(_NAME,), nests=True
)
POSTGRESQL: Final = Dialect(
    strings=_POSTGRESQL_STRINGS,
    names=(_NAME,),
    alternatives=(("\\", _ESCAPING_POSTGRESQL),),
    escaped=(r"\'",),
    nests=True,
)

SQLITE: Final = Dialect(strings=(_PREFIX + _PLAIN,), names=(_NAME, _BACKTICKS, _BRACKETS))

_MYSQL: Final = Dialect(
    strings=(_PREFIX + _ESCAPING,),
    names=(_ESCAPING_NAME, _BACKTICKS),
    comments=(r"--(?=[\s\x00-\x1f]|\Z)[^\n]*", r"\#[^\n]*", r"/\*(?!M?!).*?(?:\*/|\Z)"),
    # What is in `/*! ... */` is run, so only its ends are left out.
    hints=(r"/\*\+.*?\*/", r"/\*M?!\d*", r"\*/"),
    comment_starts=r"/\*|\*/|\#",
)
_WITHOUT_ESCAPES: Final = replace(_MYSQL, strings=(_PREFIX + _PLAIN,), names=(_NAME, _BACKTICKS))
_WITH_QUOTED_NAMES: Final = replace(_MYSQL, names=(_NAME, _BACKTICKS))
MYSQL: Final = replace(
    _MYSQL,
    hints=(*_MYSQL.hints[:-1], r"\*/(?!\*)"),
    # As by `NO_BACKSLASH_ESCAPES` and `ANSI_QUOTES` of its `sql_mode`; and in `*/*` the mark of a
    # comment may be the first two or the last two.
    alternatives=(("\\", _WITHOUT_ESCAPES), ("\\", _WITH_QUOTED_NAMES), ("*/*", _MYSQL)),
    escaped=(r"\'", r"\""),
)

_KNOWN: Final = (
    *(POSTGRESQL, _ESCAPING_POSTGRESQL, SQLITE),
    *(MYSQL, _MYSQL, _WITHOUT_ESCAPES, _WITH_QUOTED_NAMES),
)
OTHER: Final = Dialect(
    strings=_POSTGRESQL_STRINGS,
    names=(_NAME, _BACKTICKS, _BRACKETS),
    alternatives=tuple(("", known) for known in _KNOWN),
    escaped=(r"\'", r"\"", "['", "#"),
)
"""Of a database that nobody knows: a text only reads if it does by every dialect."""


@cache
def scan(dialect: Dialect) -> re.Pattern[str]:
    """Return what finds the parts of a text, each a group of its kind.

    Compiled for the first statement, as an application waits for what is imported.
    """
    hints, comments, strings, names = (
        "|".join(parts)
        for parts in (dialect.hints, dialect.comments, dialect.strings, dialect.names)
    )
    return re.compile(
        rf"""(?P<space>\s+)
        |(?P<hint>{hints})
        |(?P<comment>{comments})
        |(?P<string>{strings})
        |(?P<quoted>{names})
        |(?P<place>%\(\w+\)s|%s|\?\d*|(?<![:\w]):\w+|(?<!\w)[@$]\w+)
        |(?P<number>\.?\d[\w.]*)
        |(?P<word>[^\W\d][\w$]*)
        |(?P<mark>[(),;.])
        |(?P<operator>->>?|::|(?:(?!{dialect.comment_starts})[+*/<>=~!\#^&|])+|.)
        """,
        re.VERBOSE | re.DOTALL,
    )

"""Statements as they are told: which are inputs, which outputs, which are neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import partial
from sys import getsizeof
from typing import Any, Final
from weakref import ref

from playback_core.codec import UNCHANGING
from playback_core.interception import Args, Kwargs
from playback_core.interceptors._dialects import OTHER, Dialect
from playback_core.interceptors._parameters import Places, named, named_rows, unordered
from playback_core.interceptors._sql import NAME, Statement, directs, normal_form, statement
from playback_core.library_interception import INPUT, OUTPUT, UNRECORDED, Call, LibraryCalls
from playback_core.playback_session import PlaybackSession
from playback_core.session import Branch, current, current_session, within

_DATABASE: Final = "database"
_MODE: Final = "transaction"
_ENDS: Final = frozenset(("COMMIT", "ROLLBACK", "END", "ABORT"))
_OF_ANY_MODE: Final = _ENDS | {"SET"}
_LEAVING_OPEN: Final = frozenset(
    ("BEGIN", "START TRANSACTION", "SAVEPOINT", "RELEASE", "ROLLBACK TO")
)

_STATEMENT_BYTES: Final = 200

_setting_up: Final[ContextVar[bool]] = ContextVar("playback_setting_up", default=False)


is_set_up: Final = _setting_up.get
"""Tell whether statements are answered with nothing."""


@contextmanager
def setting_up() -> Iterator[None]:
    """Answer the statements of a block with nothing, in a replay: they set a connection up.

    While recording they belong in an inner branch, which records none of them.
    """
    token = _setting_up.set(True)
    try:
        yield
    finally:
        _setting_up.reset(token)


def by_itself() -> AbstractContextManager[None]:
    """Have a block recorded as nothing, and its statements answered by nothing in a replay.

    It is for what a library does with a connection by itself, as the state of a pool has it.
    """
    branch = current()
    session = None if branch is None else branch.session
    if branch is None or not isinstance(session, PlaybackSession):
        return within(None if branch is None else branch.inner)
    return _answered_by_nothing(branch, session)


@contextmanager
def _answered_by_nothing(branch: Branch, session: PlaybackSession) -> Iterator[None]:
    # Sealed all the same, as its driver may not be intercepted.
    apart = Branch(session, branch.path, sealed=session.sandbox is not None)
    with within(apart), setting_up():
        yield


class ToldStatements(LibraryCalls):
    """Statements, told by their text and parameters.

    `many` is for those that are run once for each of many rows of parameters.
    """

    def __init__(self, library: str, dialect: Dialect = OTHER, *, many: bool = False) -> None:
        self._dialect = dialect
        self._many = many
        self._library = library
        self._prefix = f"{library} "
        self._set_up = f"{library} set-up"

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        cursor, text, parameters = self.arguments(*args, **kwargs)
        if not isinstance(text, str):
            return None
        told = statement(text, self.dialect(cursor))
        if is_set_up():
            _note_set_up(told)
            return left_out(self._set_up, told.folded, cursor)
        if not (told.reads or matters(self.connection(cursor), told.verb)):
            return left_out(self._set_up, told.folded, cursor)
        fields: dict[str, Any] = {"sql": text.strip() if told.reads else told.folded}
        if told.name:
            fields["sql"] = with_label(told)
        mode = None if told.reads or told.verb in _OF_ANY_MODE else self.mode(cursor)
        if mode is not None:
            fields[_MODE] = mode
        number = tell_database(fields, self._library, self.address(cursor))
        kind, alias = INPUT if told.reads else OUTPUT, self._prefix + told.title
        # SQLAlchemy ends the transactions of several databases in any order.
        rank = number if told.verb in _ENDS else 0
        branch = current()
        # A replay asks for them at once.
        may_wait = branch is not None and not branch.session.replaying
        lasting = _lasting(parameters) if may_wait and self.may_be_told_later(told) else None
        if lasting is not None:
            values = lasting.values() if isinstance(lasting, dict) else lasting
            size = _STATEMENT_BYTES + len(text) + sum(map(getsizeof, values))
            later = partial(_with_parameters, fields, told.places, lasting)
            return Call(kind, alias, {}, cursor, later, size, rank=rank)
        given = named_rows if self._many else named
        fields = _with_parameters(fields, told.places, self.plain(parameters), given)
        return Call(kind, alias, fields, cursor, rank=rank)

    def arguments(
        self, cursor: Any, query: Any, parameters: Any = None, *rest: Any, **options: Any
    ) -> tuple[Any, str, Any]:
        """Return cursor, text and parameters of a call, by the names the driver has for them."""
        return cursor, query, parameters

    def connection(self, cursor: Any) -> Any:
        """Return what a cursor's transactions are of; it is kept by a weak reference."""
        return getattr(cursor, "connection", cursor)

    def address(self, cursor: Any) -> str | None:
        """Return where the database of a cursor is, None where nobody knows; it has no password."""
        return None

    def dialect(self, cursor: Any) -> Dialect:
        """Return how the database of a cursor reads a text."""
        return self._dialect

    def mode(self, cursor: Any) -> str | None:
        """Tell how transactions of a cursor's connection begin and end; None: as by default.

        What a driver begins by itself is no statement of its own, so that without this a
        connection that is put in autocommit would be no difference.
        """
        return None

    def plain(self, parameters: Any) -> Any:
        """Return parameters without what only the driver knows."""
        return parameters

    def may_be_told_later(self, told: Statement) -> bool:
        """Tell whether parameters that stay as they are need not be told at once."""
        return not self._many

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        text = fields.get("sql")
        kept = {name: value for name, value in fields.items() if name != _DATABASE}
        if not isinstance(text, str):
            return kept
        if "parameters" in kept:
            # Such a list is made of a set more often than not, whose order is chance.
            kept["parameters"] = unordered(
                statement(text, self._dialect).places, kept["parameters"]
            )
        return {**kept, "sql": normal_form(text, self._dialect)}


def _with_parameters(
    fields: dict[str, Any],
    places: Places,
    parameters: Any,
    given: Callable[[Places, Any], Any] = named,
) -> dict[str, Any]:
    # Of what is no collection a driver says so itself.
    if hasattr(parameters, "__len__") and len(parameters) > 0:
        return {**fields, "parameters": given(places, parameters)}
    return fields


def _lasting(parameters: Any) -> tuple[Any, ...] | dict[Any, Any] | None:
    """Return parameters as they are for ever; None: they may change before they are stored."""
    kind = type(parameters)
    if kind is tuple or kind is list:
        return tuple(parameters) if UNCHANGING.issuperset(map(type, parameters)) else None
    if kind is dict:
        is_lasting = UNCHANGING.issuperset(map(type, parameters.values()))
        return parameters.copy() if is_lasting else None
    return () if parameters is None else None


class _OfSession:
    """What is known of the connections of a session.

    `names` has those of savepoints and cursors, `changing` the connections that have sent something
    since their transaction began, `opened` how often each database was opened.
    """

    def __init__(self) -> None:
        self.opened: dict[str, int] = {}
        self.names: dict[str, dict[str, str]] = {}
        self.changing: set[ref[Any]] = set()


def _of_session() -> _OfSession:
    session = current_session()
    if session is None:
        return _OfSession()
    found: _OfSession | None = session.remembered.get(_OfSession)
    return session.remembered.setdefault(_OfSession, _OfSession()) if found is None else found


def attempt(database: str) -> int:
    """Return which attempt to open a database this one is within its session."""
    opened = _of_session().opened
    number = opened[database] = opened.get(database, 0) + 1
    return number


def tell_database(fields: dict[str, Any], library: str, address: str | None) -> int:
    """Tell which database a statement is for: the second that its branch has used, or another.

    Not by its address: a replay may be configured for another one. Where an operation uses one, as
    most do, nothing is told. Return its number, 0 where nobody knows.
    """
    branch = current()
    if address is None or branch is None:
        return 0
    number = branch.session.number_database(branch.path, library, address)
    if number > 1:
        fields[_DATABASE] = number
    return number


def _note_set_up(told: Statement) -> None:
    session = current_session()
    if isinstance(session, PlaybackSession) and directs(told):
        session.note_set_up(told.folded)


def left_out(alias: str, sql: str, cursor: Any) -> Call:
    """Return a statement that is neither recorded nor missed."""
    is_replayed = isinstance(current_session(), PlaybackSession)
    return Call(INPUT if is_replayed else UNRECORDED, alias, {"sql": sql}, cursor)


def matters(connection: Any, verb: str) -> bool:
    """Tell whether an output is one: the end of a transaction that has sent nothing is none.

    Whether there is such a transaction depends on who has used a connection before, and how:
    within a function that is an input itself, say, which a replay does not run.
    """
    reference, changing = ref(connection), _of_session().changing
    if verb not in _ENDS:
        changing.add(reference)
        return True
    if reference not in changing:
        return False
    changing.discard(reference)
    return True


def is_transaction_step(call: Call) -> bool:
    """Tell whether a call does nothing but begin or end a transaction, or a part of one.

    What comes of that is known where it was not recorded. Code that fails otherwise than it did
    then rolls back, and as a miss that would hide why; so would the beginning of a new transaction
    hide what is in it.
    """
    text = str(call.fields.get("sql", ""))
    is_step = statement(text).verb in _ENDS | _LEAVING_OPEN
    return is_step and call.kind is OUTPUT and ";" not in text.rstrip("; ")


def leaves_open(call: Call) -> bool:
    """Tell whether there is a transaction after such a step."""
    return statement(call.fields["sql"]).verb in _LEAVING_OPEN


def forget_changes(connection: Any) -> None:
    """Note that a connection has no transaction now: what it has sent stands, or is gone."""
    _of_session().changing.discard(ref(connection))


def note_failure(call: Call, connection: Any) -> None:
    """Note that a statement has raised: where it was to end a transaction, that goes on."""
    if call.alias.rpartition(" ")[2] in _ENDS:
        _of_session().changing.add(ref(connection))


def _label(kind: str, name: str) -> str:
    """Return what a savepoint or cursor is called by the order they appear in.

    Their own names are made of ids of threads and objects.
    """
    names = _of_session().names.setdefault(kind, {})
    return names.setdefault(name, f"{kind}_{len(names) + 1}")


def with_label(told: Statement) -> str:
    """Return the text of a statement about a savepoint or cursor, which is called by its order."""
    if told.reads:
        return told.folded.replace(NAME, _label("cursor", told.name))
    return f"{told.verb} {_label('savepoint', told.name)}"

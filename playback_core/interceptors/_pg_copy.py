"""COPY by psycopg: what comes out is an input, what goes in an output."""

from __future__ import annotations

import re
from inspect import iscoroutinefunction
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg._tz import get_tzinfo
from psycopg.adapt import Transformer
from psycopg.pq.misc import PGresAttDesc

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Target
from playback_core.interceptors._pg_copied import BlocksAgain, BlocksKept, DataSent
from playback_core.interceptors._pg_hollow import Detached
from playback_core.interceptors._pg_replayed import ReplayedResult, ReplayedTransformer, in_zone
from playback_core.interceptors._pg_statements import (
    Execute,
    Statements,
    driven_generator,
    give,
    kept,
)
from playback_core.library_interception import (
    OUTPUT,
    Call,
    LibraryInterception,
    Missing,
)
from playback_core.replacing import Function
from playback_core.session import Session

_COMES_OUT: Final = re.compile(r"\bTO\s+STDOUT\b", re.IGNORECASE)
_ACTIVE: Final = int(pq.TransactionStatus.ACTIVE)
_IN_TRANSACTION: Final = int(pq.TransactionStatus.INTRANS)
_STATE: Final = "_playback_copy"

_begun: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()
"""By cursor, what a COPY is kept in that has begun, until its `Copy` has it."""


class StartCopy(Execute):
    """The statement of a COPY."""

    def replacement(self, original: Function) -> Function:
        return driven_generator(original, LibraryInterception(str(self), self))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        cursor = call.about
        if cursor.pgresult.status == pq.ExecStatus.COPY_IN:
            _begun[cursor] = DataSent(for_real=True)
            return value, kept(cursor)
        blocks = _begun[cursor] = BlocksKept(session, cursor)
        return value, blocks

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        # While it runs psycopg would ask the server to cancel it.
        transaction = stored["transaction"]
        status = _IN_TRANSACTION if transaction == _ACTIVE else transaction
        give(call.about, stored | {"transaction": stored.get("after", status)})
        # What comes out may be what was deleted: then it is an output all the same.
        comes_out = _COMES_OUT.search(call.fields["sql"])
        _begun[call.about] = BlocksAgain(stored, missing) if comes_out else DataSent(for_real=False)


class MadeCopy(Target):
    """The object by which an application copies."""

    def replacement(self, original: Function) -> Function:
        def init(copy: Any, cursor: Any, **options: Any) -> None:
            original(copy, cursor, **options)
            state = _begun.pop(cursor, None) if _begun else None
            vars(copy)[_STATE] = state
            if state is not None:
                vars(copy.writer)[_STATE] = state
            if isinstance(getattr(cursor, "_tx", None), ReplayedTransformer):
                # What is in C takes only a transformer that is, and would read a connection.
                copy.formatter.transformer = transformer = Transformer(Detached(cursor.adapters))
                transformer.set_pgresult(_columns_only(cursor.pgresult))
                copy.formatter.parse_row = _in_zone_of(cursor, copy.formatter.parse_row)

        return init


def _in_zone_of(cursor: Any, parse: Function) -> Function:
    # Without a connection moments are loaded in UTC.
    zone = get_tzinfo(cursor.connection.pgconn)

    def parse_row(data: Any) -> tuple[Any, ...] | None:
        row = parse(data)
        return None if row is None else tuple(in_zone(each, zone) for each in row)

    return parse_row


def _columns_only(result: ReplayedResult) -> Any:
    """Return a result of libpq itself that has as many columns, of no type, and no rows."""
    # A connection that has failed before it began is enough to make one.
    made = pq.PGconn.connect_start(b"no_such_option=1").make_empty_result(result.status)
    form = int(result.binary_tuples)
    made.set_attributes([PGresAttDesc(b"", 0, 0, form, 0, -1, -1)] * result.nfields)
    return made


class ReadCopy(Target):
    """The generator by which a block is read."""

    def replacement(self, original: Function) -> Function:
        def read(copy: Any) -> Any:
            state = vars(copy).get(_STATE)
            if isinstance(state, BlocksAgain):
                return state.read(copy)
            if state is None:
                return (yield from original(copy))
            try:
                block = yield from original(copy)
            except psycopg.Error:
                state.note_status()
                raise
            state.add(block)
            return block

        return read


class WriteCopy(Target):
    """What a writer is given to send."""

    def replacement(self, original: Function) -> Function:
        if iscoroutinefunction(original):

            async def awaited(writer: Any, data: Any) -> None:
                if _sends(writer, data):
                    await original(writer, data)

            return awaited

        def write(writer: Any, data: Any) -> None:
            if _sends(writer, data):
                original(writer, data)

        return write


def _sends(writer: Any, data: Any) -> bool:
    state = vars(writer).get(_STATE)
    if state is None:
        return True
    state.add(data)
    return bool(state.for_real)


class EndCopy(Statements):
    """The end of a COPY that goes in, by which what was sent is told."""

    def __init__(self, attribute: str) -> None:
        super().__init__(attribute)
        self.module = "psycopg.copy"

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        state = vars(args[0]).get(_STATE)
        if state is None:
            return None
        error = args[1] if len(args) > 1 else kwargs.get("exc")
        state.given_up = None if error is None else type(error).__name__
        alias = f"{self._prefix}COPY data"
        later = state.told
        return Call(OUTPUT, alias, {}, args[0].cursor, fields_later=later, size=state.kept)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, kept(call.about)

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        give(call.about, stored)

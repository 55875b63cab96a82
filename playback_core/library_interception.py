"""Interception of a library's calls: what the library's file has to tell, and the steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from playback_core.codec import Deferred, decode, encode, encode_key, holds_opaque, snapshot
from playback_core.entry import Entry, EntryKind, RankedEntry
from playback_core.errors import InputInterceptionKeyCreationError, TapeRecorderException
from playback_core.interception import (
    Args,
    CallInterception,
    Kwargs,
    Plan,
    given_again,
    may_be_stored,
    pass_by,
)
from playback_core.interception_key import input_key
from playback_core.nearest import what_differs
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import RecordingSession
from playback_core.session import Branch, Session, current, enter
from playback_core.streamed import CONSUMED_LATER

INPUT: Final = EntryKind.INPUT
OUTPUT: Final = EntryKind.OUTPUT
UNRECORDED: Final = None

_KNOWN: Final = "what always comes of it"

Missing = Callable[[str], Exception]
"""Notes that a replay asks an answer for more than was recorded; gives the error to raise."""


@dataclass(slots=True)
class Call(Deferred):
    """One call of a library, told as plain data.

    `kind` is INPUT or OUTPUT. `fields` by name are the key of an input, and what an output sent;
    they are encoded at once. Where there is `fields_later`, it makes them when the recording is
    stored, from about `size` bytes that nobody changes, and in a replay at once: the call is its
    own snapshot then. An output that began before it could be told has its `place` among what a
    replay sends. Outputs that follow each other in an order that is chance have a `rank`, by which
    they are kept. `about` is for whoever told it: it is let go when the call has ended. One
    that is UNRECORDED leaves no entry: what it calls is not intercepted, and a replay gives what
    `answer_missing` says, or runs it.
    """

    kind: EntryKind | None
    alias: str
    fields: dict[str, Any]
    about: Any = None
    fields_later: Callable[[], dict[str, Any]] | None = None
    size: int = 0
    place: Entry | None = None
    rank: int = 0

    def encode(self) -> bytes:
        fields = self.fields if self.fields_later is None else self.fields_later()
        if self.kind is OUTPUT:
            return encode_key({"args": [], "kwargs": fields})
        return encode_key([[], fields])

    def __len__(self) -> int:
        return self.size


class LibraryCalls(ABC):
    """How calls at one place of a library are told, and their results kept and given again.

    Everything but `describe` has a default that fits plain results. What raises while recording
    discards the recording; in a replay it is noted and raised. Where a place only `computes`, a
    call that was not recorded is no miss: it reaches nothing, and runs.
    """

    computes: ClassVar[bool] = False

    @abstractmethod
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        """Tell a call, before it runs; None leaves it alone. `args` has the receiver first."""

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        """Return what the application gets for a result, and what is stored of it.

        The latter may be a `Deferred` that grows while the application uses up what it got; it
        tells the session by `grow`, and leaves out what comes when the session has ended.
        """
        return value, value

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        """Return what is stored of an exception."""
        return error

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        """Return what a replayed call gives for what was stored."""
        return stored

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        """Return what a replayed call raises for what was stored of an exception."""
        return error

    def answer_missing(self, call: Call) -> Outcome | None:
        """Return what a replayed call comes to that was not recorded; None: it is a miss."""
        return None

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields in a form that calls have in common which mean the same."""
        return fields


class LibraryInterception(CallInterception):
    """Records calls at one place of a library, inputs and outputs; a replay answers them."""

    noun = "library call"

    def __init__(self, alias: str, calls: LibraryCalls) -> None:
        super().__init__(alias)
        self._calls = calls
        # The default would only cost.
        is_plain = type(calls).normalised is LibraryCalls.normalised
        self._normalised = None if is_plain else self._normal_form

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        session = branch.session
        if not (branch.intercepting and session.open):
            pass_by(branch)
            return None
        if isinstance(session, PlaybackSession):
            return self._replay(session, branch, args, kwargs)
        call = self._calls.describe(args, kwargs)
        if call is None or not isinstance(session, RecordingSession):
            return None
        if call.kind is UNRECORDED:
            return branch.inner, None
        arguments = call.encode() if call.fields_later is None else call
        step = _Step(call.kind, call.alias, branch.path, arguments)
        step.call = call
        step.rank = call.rank
        if call.kind is OUTPUT:
            session.add(step)
        return branch.inner, step

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        session = branch.session
        if step is None or not isinstance(session, RecordingSession):
            return value
        call, step.call = step.call, None
        given, stored = self._calls.keep(call, value, session)
        call.about = None
        if isinstance(stored, Deferred):
            session.end(step, stored)
            return given
        result = snapshot(stored)
        if not holds_opaque(result) or may_be_stored(session, step.alias, stored):
            session.end(step, result)
        return given

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        session = branch.session
        if step is not None and isinstance(session, RecordingSession):
            call, step.call = step.call, None
            step.failed = True
            session.end(step, encode(self._calls.keep_error(call, error)))
            call.about = None

    def _replay(self, session: PlaybackSession, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        told = self._told(session, args, kwargs)
        if told is None:
            return None
        call, data = told
        if call.kind is UNRECORDED:
            given = self._calls.answer_missing(call)
            return (branch.inner, None) if given is None else (None, given)
        if call.kind is OUTPUT:
            session.capture(branch, call.alias, data, call.place, rank=call.rank)
        entry = session.take(call.kind, call.alias, data, branch.path, self._normalised)
        if entry is not None and entry.result is not None:
            # What answers it belongs to the replay: it may open what it gives.
            outer = current()
            try:
                enter(branch.unsealed())
                return None, self._answered(session, entry, call, data)
            finally:
                enter(outer)
        return self._unrecorded(session, branch, call, data)

    def _unrecorded(
        self, session: PlaybackSession, branch: Branch, call: Call, data: bytes
    ) -> Plan:
        is_output = call.kind is OUTPUT
        known = self._calls.answer_missing(call)
        if known is not None:
            if is_output:
                session.substitute_output(call.alias, _KNOWN)
            return None, known
        if self._calls.computes:
            return branch.computing(), None
        if session.lets_run(call.alias, self.alias):
            if is_output:
                session.substitute_output(call.alias, "allowed alias")
            else:
                session.substitute_input(call.alias, data, "allowed alias")
            # As while recording, what it calls is part of it.
            return branch.unsealed().inner, None
        if is_output:
            raise session.missing_output(call.alias, data, is_declared=False)
        raise session.missing_input(call.alias, data)

    def _told(
        self, session: PlaybackSession, args: Args, kwargs: Kwargs
    ) -> tuple[Call, bytes] | None:
        try:
            call = self._calls.describe(args, kwargs)
            if call is None:
                return None
            if call.fields_later is not None:
                call.fields, call.fields_later = call.fields_later(), None
            data = call.encode()
            if session.redaction is not None:
                is_key = call.kind is INPUT
                data = session.redaction.key(data) if is_key else session.redaction.value(data)
            return call, data
        except TapeRecorderException:
            raise
        except Exception as fault:
            message = f"What {self.alias} was called with cannot be told: {fault!r}"
            session.miss(self.alias, self.alias, message)
            raise InputInterceptionKeyCreationError(message) from fault

    def _answered(self, session: PlaybackSession, entry: Entry, call: Call, data: bytes) -> Outcome:
        def missing(hint: str) -> Exception:
            if entry.kind is OUTPUT:
                hint += what_differs(entry.decoded_arguments(), decode(data))
            return session.miss(entry.alias, _key_of(entry), hint)

        outcome = entry.outcome()
        try:
            if outcome.exception is not None:
                return Outcome(exception=self._calls.answer_error(call, outcome.exception))
            if type(outcome.value) in CONSUMED_LATER:
                answer = partial(self._calls.answer, call, missing=missing)
                return Outcome(given_again(session, entry, outcome.value, answer))
            return Outcome(self._calls.answer(call, outcome.value, missing))
        except TapeRecorderException:
            raise
        except Exception as fault:
            raise missing(f"What was recorded cannot be given again: {fault!r}") from fault

    def _normal_form(self, blob: bytes) -> bytes:
        positional, fields = decode(blob)
        return encode_key([positional, self._calls.normalised(fields)])


class _Step(RankedEntry):
    __slots__ = ("call",)

    call: Call | None


def _key_of(entry: Entry) -> str:
    return input_key(entry.alias, entry.decoded_arguments()) if entry.kind is INPUT else entry.alias

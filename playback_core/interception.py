"""The steps of an interception, written once; drivers run them for sync and async callables.

An interception is asked to `begin` a call that reached a branch. It answers None (run the
original, untouched), `(None, outcome)` (a replay: give the outcome), or `(branch, step)` (run the
original with that branch current, then `finish` or `fail` the step).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol

from playback_core.codec import Deferred, encode, holds_opaque, snapshot
from playback_core.consumption import Args as Args
from playback_core.consumption import Kwargs as Kwargs
from playback_core.consumption import Streaming
from playback_core.entry import Entry, EntryKind
from playback_core.interception_key import input_key
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import RecordingSession
from playback_core.relays import relayed
from playback_core.session import Branch, Session
from playback_core.streamed import AwaitedSnapshot, StreamSnapshot, consumed_again

Prepare = Callable[[Entry, Any, Args, Kwargs], Any]
Plan = tuple[Branch, Any] | tuple[None, Outcome] | None


def _as_it_is(value: Any) -> Any:
    return value


class Interception(Streaming, Protocol):
    """What a driver needs of an interception; `noun` says what it is in log lines."""

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        """Decide what to do with a call."""

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        """Take the value the original returned; return it, or what records it when consumed."""

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        """Take what the original raised; the driver raises it again unless this raises."""


class CallInterception:
    """What inputs and outputs share: how a call that ran for real is recorded when it ends."""

    noun: str

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._prepare: Prepare | None = None

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        session = branch.session
        if not isinstance(session, RecordingSession):
            return value
        result = value if self._prepare is None else self._prepare(step, value, args, kwargs)
        blob = snapshot(result)
        if holds_opaque(blob):
            if result is value:
                relay = relayed(value, self, branch, step, args, kwargs)
                if relay is not None:
                    return relay
            if not may_be_stored(session, step.alias, result):
                return value
        session.end(step, blob)
        return value

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        session = branch.session
        if isinstance(session, RecordingSession):
            step.failed = True
            session.end(step, encode(error))

    def take(self, branch: Branch, step: Entry, outcome: Outcome) -> None:
        """Keep what a call came to that was made elsewhere."""
        session = branch.session
        if isinstance(session, RecordingSession):
            result = outcome_snapshot(outcome)
            if not holds_opaque(result) or may_be_stored(session, step.alias, outcome.value):
                step.failed = failed(outcome)
                session.end(step, result)

    def open_stream(
        self, branch: Branch, step: Any, *, asynchronous: bool
    ) -> StreamSnapshot | None:
        session = branch.session
        if not isinstance(session, RecordingSession):
            return None
        stream = StreamSnapshot(asynchronous=asynchronous)
        session.end(step, stream)
        return stream

    def keep_item(
        self,
        branch: Branch,
        step: Any,
        stream: StreamSnapshot,
        item: Any,
        args: Args,
        kwargs: Kwargs,
    ) -> bool:
        if self._prepare is not None:
            item = self._prepare(step, item, args, kwargs)
        return keep_item(branch.session, self.alias, stream, item)

    def close_stream(
        self,
        branch: Branch,
        step: Any,
        stream: StreamSnapshot | None,
        error: BaseException | None,
        args: Args,
        kwargs: Kwargs,
    ) -> None:
        """Do nothing: the entry has the stream, whose end it has noted."""

    def open_awaited(self, branch: Branch, step: Any) -> None:
        session = branch.session
        if isinstance(session, RecordingSession):
            session.end(step, AwaitedSnapshot())

    def settle(
        self, branch: Branch, step: Any, outcome: Outcome, args: Args, kwargs: Kwargs
    ) -> None:
        snapshot = step.result
        if branch.session.ended:
            branch.session.note_late()
        elif isinstance(snapshot, AwaitedSnapshot):
            if self._prepare is not None and not outcome.is_exception:
                outcome = Outcome(self._prepare(step, outcome.value, args, kwargs))
            branch.session.grow(snapshot.settle(outcome))


def outcome_snapshot(outcome: Outcome) -> bytes | Deferred:
    """Return what an outcome is stored as: of a stream its items, also where it raised."""
    if isinstance(outcome.value, StreamSnapshot):
        return outcome.value
    return encode(outcome.exception) if outcome.is_exception else snapshot(outcome.value)


def failed(outcome: Outcome) -> bool:
    """Tell whether a call itself raised; a stream that did has that as its end."""
    return outcome.is_exception and not isinstance(outcome.value, StreamSnapshot)


def pass_by(branch: Branch) -> None:
    """Let a call run that is not intercepted: within an interception, or after the end.

    After the end of a replay it raises: letting the call run would touch the world.
    """
    if branch.intercepting:
        branch.session.note_late()


def keep_item(session: Session, alias: str, stream: StreamSnapshot, item: Any) -> bool:
    """Keep an item of a stream as it is now; tell whether to go on keeping them."""
    if not session.open:
        session.note_late()
        return False
    blob = snapshot(item)
    if (
        holds_opaque(blob)
        and isinstance(session, RecordingSession)
        and not may_be_stored(session, alias, item)
    ):
        return False
    session.grow(stream.add(blob))
    return True


def given_again(
    session: PlaybackSession, entry: Entry, value: Any, restore: Callable[[Any], Any] = _as_it_is
) -> Any:
    """Return what a replayed call gives for its recorded value; see `consumed_again`."""

    def missing(index: int) -> Exception:
        key = entry.alias
        if entry.kind is EntryKind.INPUT:
            key = input_key(entry.alias, entry.decoded_arguments())
        hint = (
            f"When it was recorded, whoever read this stream left after {index} items, or its"
            " operation ended; now one more was asked for."
        )
        return session.miss(entry.alias, key, hint)

    return consumed_again(value, restore, missing)


def may_be_stored(session: RecordingSession, alias: str, value: Any) -> bool:
    """Tell whether a value that the codec does not know may stand in the recording.

    One that is used up by whoever reads it may not: its items are what was read. The recording
    is discarded then.
    """
    kind = type(value).__name__
    # Of its type: asking a lazy proxy what it is would make it look.
    if issubclass(type(value), (Awaitable, Iterator, AsyncIterator)):
        session.fail(f"A {kind}, which only its reader can use up, was returned by", alias, None)
        return False
    session.warn(f"A {kind} that can be stored only as a stand-in was returned by", alias)
    return True

"""The steps of an interception, written once; drivers run them for sync and async callables.

An interception is asked to `begin` a call that reached a branch. It answers None (run the
original, untouched), `(None, outcome)` (a replay: give the outcome), or `(branch, step)` (run the
original with that branch current, then `finish` or `fail` the step).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol

from playback_core.binding import Binding
from playback_core.codec import encode, holds_opaque, snapshot
from playback_core.entry import Entry
from playback_core.outcome import Outcome
from playback_core.recording_session import RecordingSession
from playback_core.session import Branch

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Prepare = Callable[[Entry, Any, Args, Kwargs], Any]
Plan = tuple[Branch, Any] | tuple[None, Outcome] | None


class Interception(Protocol):
    """What a driver needs of an interception; `noun` says what it is in log lines."""

    alias: str
    noun: str

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        """Decide what to do with a call."""

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> None:
        """Take the value the original returned."""

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        """Take what the original raised; the driver raises it again unless this raises."""


class CallInterception:
    """What inputs and outputs share: how a call that ran for real is recorded when it ends."""

    noun: str

    def __init__(self, alias: str, binding: Binding) -> None:
        self.alias = alias
        self.binding = binding
        self._prepare: Prepare | None = None

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> None:
        session = branch.session
        if isinstance(session, RecordingSession):
            if self._prepare is not None:
                value = self._prepare(step, value, args, kwargs)
            blob = snapshot(value)
            if not holds_opaque(blob) or may_be_stored(session, step.alias, value):
                session.end(step, blob)

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        session = branch.session
        if isinstance(session, RecordingSession):
            step.failed = True
            session.end(step, encode(error))


def pass_by(branch: Branch) -> None:
    """Let a call run that is not intercepted: within an interception, or after the end.

    After the end of a replay it raises: letting the call run would touch the world.
    """
    if branch.intercepting:
        branch.session.note_late()


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

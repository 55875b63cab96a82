"""Replies of MongoDB: kept as they come, each with the command it is for, and given again."""

from __future__ import annotations

from typing import Any, Final

from playback_core.codec import Deferred, encode
from playback_core.interception import Args, CallInterception, Kwargs, Plan, pass_by
from playback_core.interceptors._mongo_messages import reply_of, stored_reply
from playback_core.library_interception import Missing
from playback_core.metadata import NOT_REPLAYABLE
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import RecordingSession
from playback_core.session import Branch, Session

_EXPECTED: Final = "_playback_reply"
"""What a connection has while it waits for a reply."""

_FINE: Final = {"ok": 1.0}


class KeptReply(Deferred):
    """The reply to a command, once it is there: its document, or what waiting for it raised."""

    __slots__ = ("_failure", "_payload", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self._payload = b""
        self._failure = b""

    def take(self, payload: bytes) -> None:
        """Take the document of the reply."""
        self._payload = payload
        self.session.grow(len(payload))

    def fail(self, error: BaseException) -> None:
        """Take what came instead of it."""
        self._failure = encode([None, error])
        self.session.grow(len(self._failure))

    def encode(self) -> bytes:
        if self._failure:
            return self._failure
        return encode([stored_reply(self._payload)] if self._payload else [])

    def __len__(self) -> int:
        return len(self._payload) + len(self._failure)


def expect(connection: Any, session: Session) -> KeptReply:
    """Keep what a connection gets next."""
    reply = KeptReply(session)
    setattr(connection, _EXPECTED, reply)
    return reply


def give(connection: Any, stored: list[Any], missing: Missing) -> None:
    """Let a connection of a replay get what was stored of a reply."""
    if not stored:
        raise missing("When it was recorded, the operation ended before there was a reply.")
    document, *errors = stored
    outcome = Outcome(exception=errors[0]) if errors else Outcome(reply_of(document))
    setattr(connection, _EXPECTED, outcome)


def give_consent(connection: Any) -> None:
    """Let it get the reply to a command that was not recorded: that all is well."""
    setattr(connection, _EXPECTED, Outcome(reply_of(_FINE)))


class ReceivingInterception(CallInterception):
    """Keeps the replies that a connection gets, in the entries of their commands."""

    noun = "reply"

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        session = branch.session
        if not (branch.intercepting and session.open):
            pass_by(branch)
            return None
        expected = args[0].__dict__.pop(_EXPECTED, None)
        if isinstance(session, PlaybackSession):
            if isinstance(expected, Outcome):
                return None, expected
            hint = "It is the reply to no command of the replayed operation."
            raise session.miss(self.alias, self.alias, hint)
        if isinstance(expected, KeptReply) and expected.session is session:
            return branch.inner, expected
        if args[1] is None and isinstance(session, RecordingSession):
            what = "an exhaust cursor of MongoDB was read, whose replies are not kept"
            session.add_metadata({NOT_REPLAYABLE: what})
        return None

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        if branch.session.open:
            step.take(bytes(value.payload_document))
        return value

    def fail(
        self, branch: Branch, step: Any, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        if branch.session.open:
            step.fail(error)

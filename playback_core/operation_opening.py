"""Opens an operation in the form its branch asks for: recorded, a span, replayed."""

from typing import Final

from playback_core.guard import FailingOpen, Guard
from playback_core.interception import pass_by
from playback_core.operation import (
    OpenOperation,
    OperationStart,
)
from playback_core.playback_session import PlaybackSession
from playback_core.recorded_operation import SpanOperation, open_recorded
from playback_core.recording_session import (
    RecordingHost,
    RecordingSession,
)
from playback_core.replayed_operation import ReplayedOperation, ReplayedSpan
from playback_core.session import Branch
from playback_core.shed_operation import UnrecordedSession

OUTSIDE: Final = Branch(UnrecordedSession(Guard()), ())
"""The branch of a call that no session runs around."""


def open_operation(
    host: RecordingHost | None, branch: Branch, start: OperationStart
) -> OpenOperation | None:
    """Begin an operation on a branch; None where it is to run untouched.

    On OUTSIDE it gets a recording of its own, elsewhere it is a span. Recording faults are
    reported to a guard and cost only the recording.
    """
    session = branch.session
    if not (branch.intercepting and session.open):
        pass_by(branch)
        return None
    if isinstance(session, PlaybackSession):
        return ReplayedOperation(session) if session.claim_root() else ReplayedSpan(branch)
    if isinstance(session, RecordingSession):
        with FailingOpen(session, "Beginning span", start.category or "unnamed"):
            return SpanOperation(session, branch, start)
        return None
    return open_recorded(host, start)

"""An operation that is not recorded because the process is short of CPU."""

from collections.abc import Mapping
from typing import Any

from playback_core.exchanged import Exchanged
from playback_core.guard import Guard
from playback_core.operation import ExtractMetadata
from playback_core.outcome import Outcome
from playback_core.recording_session import RecordingHost, RecordingParameters
from playback_core.session import Branch, Session
from playback_core.shedding import SHED


class UnrecordedSession(Session):
    """A session that neither records nor replays."""

    replaying = False

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    @property
    def recording(self) -> None:
        return None

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        self._guard.report(stage, subject, error, "it is not recorded")


class ShedOperation:
    """An operation that runs as an excluded one does: nothing of it or within it is recorded."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._counter = SHED
        session = UnrecordedSession(guard)
        session.open = False
        # One that intercepts nothing: a call within it is left alone a step sooner.
        self.scope = Branch(session, ()).inner

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        """Do nothing: there is no recording to name."""

    def set_request(self, request: Any) -> None:
        """Do nothing: there is no recording to keep it in."""

    def exclude(self) -> None:
        """Count it as what it would have been with CPU to spare."""
        self._counter = "excluded"

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do nothing: there is no recording to add it to."""

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        self._end()

    def answer(self, exchanged: Exchanged) -> None:
        self._end()

    def end(
        self, error: BaseException | None, extract_metadata: ExtractMetadata | None = None
    ) -> None:
        self._end()

    def _end(self) -> None:
        session = self.scope.session
        if not session.ended:
            # What outlives it may begin operations of its own.
            session.ended = True
            self._guard.count(self._counter)


def shed(host: RecordingHost) -> ShedOperation | None:
    """Return an operation that begins outside of any other as shed; None: it is to be recorded."""
    shedding = host.shedding
    return None if shedding is None or shedding.admits() else ShedOperation(host.guard)

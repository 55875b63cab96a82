"""An operation within a replay: the one that is replayed, or a span of it."""

from collections.abc import Mapping
from typing import Any

from playback_core.entry import EntryKind, encoded
from playback_core.errors import TapeRecorderException
from playback_core.exchanged import Exchanged
from playback_core.metadata import OPERATION_OUTPUT_ALIAS
from playback_core.operation import (
    ExtractMetadata,
    operation_output,
)
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import (
    RecordingParameters,
)
from playback_core.session import Branch


class ReplayedOperation:
    """The operation a replay runs; its result is an output of the replay."""

    def __init__(self, session: PlaybackSession) -> None:
        self._session = session
        self.scope = session.operation_branch()

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        """Do nothing: the recording has its category."""

    def set_request(self, request: Any) -> None:
        """Do nothing: the recording has its request."""

    def exclude(self) -> None:
        """Do nothing: what was recorded was selected."""

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do nothing: a replay stores nothing."""

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        self._session.release_root()
        if outcome.exception is not None:
            self._session.note_exception(outcome.exception)
        if not isinstance(outcome.exception, TapeRecorderException):
            data = encoded(operation_output(outcome))
            self._session.capture(self.scope, OPERATION_OUTPUT_ALIAS, data)
            self._session.take(EntryKind.OUTPUT, OPERATION_OUTPUT_ALIAS, None, self.scope.path)

    def answer(self, exchanged: Exchanged) -> None:
        self.close(Outcome(exchanged.response()))

    def end(
        self, error: BaseException | None, extract_metadata: ExtractMetadata | None = None
    ) -> None:
        self._session.release_root()


class ReplayedSpan:
    """A span within a replay: it runs, and is not compared by itself."""

    def __init__(self, branch: Branch) -> None:
        self.scope = branch

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        """Do nothing: a replay stores nothing."""

    def set_request(self, request: Any) -> None:
        """Do nothing: a replay stores nothing."""

    def exclude(self) -> None:
        """Do nothing: what was recorded was selected."""

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do nothing: a replay stores nothing."""

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        """Do nothing: what the span sent is captured where it was sent."""

    def answer(self, exchanged: Exchanged) -> None:
        """Do nothing, as `close`."""

    def end(
        self, error: BaseException | None, extract_metadata: ExtractMetadata | None = None
    ) -> None:
        """Do nothing, as `close`."""

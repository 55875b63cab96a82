"""An open operation in its forms: a recording of its own, a span of an outer one, a replay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from playback_core.codec import Deferred, encode, holds_opaque, snapshot
from playback_core.entry import Entry, EntryKind, encoded
from playback_core.errors import TapeRecorderException
from playback_core.guard import FailingOpen, Guard, take_fault
from playback_core.interception import failed, may_be_stored, outcome_snapshot, pass_by
from playback_core.metadata import OPERATION_OUTPUT_ALIAS, OPERATION_REQUEST, PARENT_ID
from playback_core.outcome import Outcome
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import (
    DEFAULT_PARAMETERS,
    Exchanged,
    ExchangeEntries,
    RecordingHost,
    RecordingParameters,
    RecordingSession,
    as_it_is_now,
    output_data,
)
from playback_core.session import Branch, Session
from playback_core.streamed import StreamSnapshot

ExtractMetadata = Callable[[], Mapping[str, Any]]


@dataclass(kw_only=True, slots=True)
class OperationStart:
    """What is known of an operation when it begins.

    `category` may be None where the framework tells it later (`OpenOperation.name`). `request` is
    plain data from which the operation can be run again, None where there is none.
    """

    category: str | None
    metadata: dict[str, Any] = field(default_factory=dict)
    request: Any = None
    parameters: RecordingParameters = DEFAULT_PARAMETERS


class OpenOperation(Protocol):
    """A running operation: what it runs in, and how it is named and ended."""

    scope: Branch

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        """Give the category, and what depends on it, where it was not known at the start."""

    def set_request(self, request: Any) -> None:
        """Give the request, where it was not known at the start; see OperationStart."""

    def exclude(self) -> None:
        """Drop an operation that turns out, once it has its category, not to be selected."""

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata to the recording."""

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        """Take what the operation came to, once; never raises an Exception."""

    def answer(self, exchanged: Exchanged) -> None:
        """Take the request and what it came to, instead of `set_request` and `close`.

        A recorded operation makes them when it is stored, which the caller need not wait for.
        """

    def end(
        self, error: BaseException | None, extract_metadata: ExtractMetadata | None = None
    ) -> None:
        """End an operation that has no result to compare."""


class RecordedOperation:
    """An operation with a recording of its own."""

    def __init__(
        self, host: RecordingHost, start: OperationStart, parent: RecordingSession | None = None
    ) -> None:
        metadata = start.metadata.copy()
        if parent is not None:
            metadata[PARENT_ID] = parent.recording_id
        self._session = session = RecordingSession(host, start.parameters, metadata)
        self.scope = session.root
        if start.category is not None:
            session.name(start.category)
        if start.request is not None:
            request = encode(start.request)
            session.add(Entry(EntryKind.DATA, OPERATION_REQUEST, (), None, request))

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        with FailingOpen(self._session, "Making the recording of", category):
            self._session.name(category, parameters)

    def set_request(self, request: Any) -> None:
        session = self._session
        if session.open:
            with FailingOpen(session, "Recording the request of", session.category):
                data = snapshot(request)
                session.add(Entry(EntryKind.DATA, OPERATION_REQUEST, (), None, data))

    def exclude(self) -> None:
        self._session.discard("excluded")

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        with FailingOpen(self._session, "Recording the metadata of", self._session.category):
            self._session.add_metadata(as_it_is_now(metadata))

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        session = self._session
        error = outcome.exception
        # What ends by a BaseException (Ctrl-C, cancelled) has no result to compare.
        if session.open and (error is None or isinstance(error, Exception)):
            try:
                data = _operation_output(outcome)
                if not holds_opaque(data) or may_be_stored(
                    session, OPERATION_OUTPUT_ALIAS, outcome.value
                ):
                    session.add(Entry(EntryKind.OUTPUT, OPERATION_OUTPUT_ALIAS, (), data))
            except Exception as fault:  # noqa: BLE001 - the guard
                take_fault(session, "Recording the result of operation", session.category, fault)
        session.finish(error, extract_metadata)

    def answer(self, exchanged: Exchanged) -> None:
        self._session.finish(None, completion=ExchangeEntries(exchanged))

    def end(
        self, error: BaseException | None, extract_metadata: ExtractMetadata | None = None
    ) -> None:
        self._session.finish(error, extract_metadata)


class SpanOperation:
    """An operation within a recorded one; its entries belong to the outer recording."""

    def __init__(self, session: RecordingSession, branch: Branch, start: OperationStart) -> None:
        self._session = session
        self.scope = branch
        self._entry = Entry(
            EntryKind.SPAN, start.category or "unnamed", branch.path, encode(start.request)
        )
        session.add(self._entry)

    def name(self, category: str, parameters: RecordingParameters | None = None) -> None:
        self._entry.alias = category

    def set_request(self, request: Any) -> None:
        with FailingOpen(self._session, "Recording the request of span", self._entry.alias):
            self._entry.arguments = encode(request)

    def exclude(self) -> None:
        """Do nothing: what a span does belongs to the outer recording all the same."""

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do nothing: a span has no metadata of its own."""

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        if not self._session.open:
            self._session.note_late()
            return
        with FailingOpen(self._session, "Recording the result of span", self._entry.alias):
            self._entry.failed = failed(outcome)
            self._entry.result = outcome_snapshot(outcome)

    def answer(self, exchanged: Exchanged) -> None:
        self.set_request(exchanged.request())
        self.close(Outcome(exchanged.response()))

    def end(
        self, error: BaseException | None, extract_metadata: ExtractMetadata | None = None
    ) -> None:
        self.close(Outcome(exception=error))


class ReplayedOperation:
    """The operation a replay runs; its result is an output of the replay."""

    def __init__(self, session: PlaybackSession) -> None:
        self._session = session
        # Its own children, numbered as when it was recorded: the code that calls it, and the loop
        # made for it, may have started some.
        self.scope = Branch(session, ())

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
        if not isinstance(outcome.exception, TapeRecorderException):
            data = encoded(_operation_output(outcome))
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


_guard: Final = Guard()


class _Nowhere(Session):
    replaying = False

    @property
    def recording(self) -> None:
        return None

    def fail(self, stage: str, subject: str, error: BaseException | None) -> None:
        _guard.report(stage, subject, error, "it is not recorded")


OUTSIDE: Final = Branch(_Nowhere(), ())
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


def open_recorded(
    host: RecordingHost | None, start: OperationStart, parent: RecordingSession | None = None
) -> RecordedOperation | None:
    """Begin an operation with a recording of its own; None where it is not to be recorded."""
    if host is None or start.parameters.skipped:
        return None
    try:
        return RecordedOperation(host, start, parent)
    except Exception as fault:  # noqa: BLE001 - the guard
        take_fault(host, "Beginning operation", start.category or "an unnamed operation", fault)
    return None


class _StreamedOutput(Deferred):
    """What the output of an operation is stored as whose result was a stream."""

    def __init__(self, stream: StreamSnapshot, *, raised: bool) -> None:
        self._stream = stream
        self._raised = raised

    def encode(self) -> bytes:
        return encode(_output(self._stream.streamed(), raised=self._raised))

    def __len__(self) -> int:
        # Its items were counted when they came.
        return 0


def _operation_output(outcome: Outcome) -> bytes | Deferred:
    if isinstance(outcome.value, StreamSnapshot):
        return _StreamedOutput(outcome.value, raised=outcome.is_exception)
    return encode(_output(outcome.result, raised=outcome.is_exception))


def _output(result: Any, *, raised: bool) -> dict[str, Any]:
    data = output_data(result)
    if raised:
        # An operation that returns an exception object is not one that raises it.
        data["raised"] = True
    return data

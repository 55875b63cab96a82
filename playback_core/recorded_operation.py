"""An operation that is recorded: with a recording of its own, or as a span of an outer one."""

from collections.abc import Mapping
from typing import Any

from playback_core.codec import encode, holds_opaque, snapshot
from playback_core.entry import Entry, EntryKind
from playback_core.exchanged import Exchanged, ExchangeEntries
from playback_core.guard import FailingOpen, take_fault
from playback_core.interception import failed, may_be_stored, outcome_snapshot
from playback_core.metadata import OPERATION_OUTPUT_ALIAS, OPERATION_REQUEST, PARENT_ID
from playback_core.operation import (
    ExtractMetadata,
    OperationStart,
    operation_output,
)
from playback_core.outcome import Outcome
from playback_core.recording_session import (
    RecordingHost,
    RecordingParameters,
    RecordingSession,
    as_it_is_now,
)
from playback_core.session import Branch


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
        session = self._session
        try:
            session.name(category, parameters)
        except Exception as fault:  # noqa: BLE001 - the guard
            take_fault(session, "Making the recording of", category, fault)

    def set_request(self, request: Any) -> None:
        session = self._session
        if session.open:
            with FailingOpen(session, "Recording the request of", session.category):
                data = snapshot(request)
                session.add(Entry(EntryKind.DATA, OPERATION_REQUEST, (), None, data))

    def exclude(self) -> None:
        self._session.discard("excluded")

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        session = self._session
        try:
            session.add_metadata(as_it_is_now(metadata))
        except Exception as fault:  # noqa: BLE001 - the guard
            take_fault(session, "Recording the metadata of", session.category, fault)

    def close(self, outcome: Outcome, extract_metadata: ExtractMetadata | None = None) -> None:
        session = self._session
        error = outcome.exception
        # What ends by a BaseException (Ctrl-C, cancelled) has no result to compare.
        if session.open and (error is None or isinstance(error, Exception)):
            try:
                data = operation_output(outcome)
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

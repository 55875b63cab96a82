"""OperationInterception: a decorated callable that is an operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from playback_core.binding import Binding
from playback_core.codec import register_type
from playback_core.codec.registry import importable_name
from playback_core.errors import OperationExceptionDuringPlayback, TapeRecorderException
from playback_core.guard import FailingOpen, take_fault
from playback_core.interception import Args, Kwargs, Plan, keep_item
from playback_core.metadata import OPERATION_CLASS, OPERATION_FUNCTION
from playback_core.operation import OpenOperation, OperationStart
from playback_core.operation_opening import OUTSIDE, open_operation
from playback_core.option_checks import check_callable, check_flag, wrong_option
from playback_core.outcome import Outcome
from playback_core.output_interception import OutputInterception, OutputOptions
from playback_core.packing import Redaction
from playback_core.playback_session import PlaybackSession
from playback_core.recorded_operation import open_recorded
from playback_core.recording_session import RecordingHost, RecordingParameters, RecordingSession
from playback_core.relays import relayed
from playback_core.replayed_operation import ReplayedOperation
from playback_core.session import Branch, current
from playback_core.shed_operation import shed
from playback_core.streamed import StreamSnapshot


class OperationHost(Protocol):
    """What an operation needs of the recorder that declared it."""

    recording_enabled: bool

    def recording_host(self) -> RecordingHost | None:
        """Return what recording takes, None (and say so once) where there is no cassette."""

    def parameters_of(self, owner: type | None) -> RecordingParameters:
        """Return the recording parameters of a class."""

    def standing_metadata(self, kind: str) -> Mapping[str, Any]:
        """Return the metadata every recording of a kind carries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationOptions:
    """How an operation is named and what metadata it gets; see TapeRecorder.operation."""

    metadata_extractor: Callable[..., Mapping[str, Any]] | None = None
    category: str | None = None
    separate: bool = False

    def __post_init__(self) -> None:
        category = self.category
        if category is not None and (not isinstance(category, str) or not category):
            raise wrong_option("an operation", "category", category, "a name or None")
        subject = "an operation" if category is None else f"operation {category!r}"
        check_callable(subject, "metadata_extractor", self.metadata_extractor)
        check_flag(subject, "separate", self.separate)


@dataclass(slots=True)
class _Step:
    operation: OpenOperation | None
    outer: tuple[OutputInterception, Branch, Any] | None = None


class OperationInterception:
    """Opens an operation around a decorated callable and closes it with what it came to."""

    noun = "operation"

    def __init__(self, host: OperationHost, options: OperationOptions, binding: Binding) -> None:
        self._host = host
        self._options = options
        self._binding = binding
        target = binding.target
        self._qualname = getattr(target, "__qualname__", type(target).__qualname__)
        self.alias = options.category or self._qualname
        module = getattr(target, "__module__", None)
        # A script is replayed by what imports it.
        self._function = f"{importable_name(module)}:{self._qualname}"

    def gate(self) -> Branch | None:
        """Return the branch to begin on, None where nothing is recorded or replayed."""
        branch = current()
        is_outermost = branch is None or branch.session.ended
        return OUTSIDE if is_outermost and self._host.recording_enabled else branch

    def begin(self, branch: Branch, args: Args, kwargs: Kwargs) -> Plan:
        if not branch.intercepting:
            return None
        host = self._host.recording_host() if branch is OUTSIDE else None
        if host is None:
            return self._begin_on(branch, None, args, kwargs)
        # Outside of a session, it is the recorder that counts a fault.
        try:
            operation = shed(host)
            if operation is not None:
                return operation.scope, _Step(operation)
            return self._begin_on(branch, host, args, kwargs)
        except Exception as fault:  # noqa: BLE001 - the guard
            take_fault(host, "Beginning operation", self.alias, fault)
        return None

    def finish(self, branch: Branch, step: _Step, value: Any, args: Args, kwargs: Kwargs) -> Any:
        relay = relayed(value, self, branch, step, args, kwargs)
        if relay is not None:
            return relay
        self._close(step, Outcome(value), args, kwargs)
        return value

    def fail(
        self, branch: Branch, step: _Step, error: BaseException, args: Args, kwargs: Kwargs
    ) -> None:
        self._close(step, Outcome(exception=error), args, kwargs)

    def open_stream(
        self, branch: Branch, step: _Step, *, asynchronous: bool
    ) -> StreamSnapshot | None:
        return StreamSnapshot(asynchronous=asynchronous)

    def keep_item(
        self,
        branch: Branch,
        step: _Step,
        stream: StreamSnapshot,
        item: Any,
        args: Args,
        kwargs: Kwargs,
    ) -> bool:
        session = branch.session
        if not session.open and step.outer is not None:
            # Its own recording was discarded; to the outer one it is an output all the same.
            session = step.outer[1].session
        # What comes of an operation that was discarded is of no use, and not late.
        return session.open and keep_item(session, self.alias, stream, item)

    def close_stream(
        self,
        branch: Branch,
        step: _Step,
        stream: StreamSnapshot | None,
        error: BaseException | None,
        args: Args,
        kwargs: Kwargs,
    ) -> None:
        if stream is not None:
            self._close(step, Outcome(stream, error), args, kwargs)
            return
        if step.operation is not None:
            step.operation.end(error)
        if step.outer is not None and step.outer[1].session.open:
            output, outer, _ = step.outer
            outer.session.fail("Some of the items were not kept of", output.alias, None)

    def open_awaited(self, branch: Branch, step: _Step) -> None:
        """Do nothing: the operation goes on until it is awaited."""

    def settle(
        self, branch: Branch, step: _Step, outcome: Outcome, args: Args, kwargs: Kwargs
    ) -> None:
        self._close(step, outcome, args, kwargs)

    def _close(self, step: _Step, outcome: Outcome, args: Args, kwargs: Kwargs) -> None:
        if step.operation is not None:
            step.operation.close(outcome, self._extractor(args, kwargs))
        if step.outer is not None:
            output, outer, entry = step.outer
            with FailingOpen(outer.session, "Recording the result of", output.alias):
                output.take(outer, entry, outcome)
        error = outcome.exception
        if (
            isinstance(step.operation, ReplayedOperation)
            and isinstance(error, Exception)
            and not isinstance(error, TapeRecorderException)
        ):
            raise OperationExceptionDuringPlayback(
                f"The replayed operation raised {type(error).__name__}: {error}"
            ) from error

    def _begin_on(
        self, branch: Branch, host: RecordingHost | None, args: Args, kwargs: Kwargs
    ) -> Plan:
        redaction = branch.session.redaction if host is None else host.redaction
        start = self._start(args, kwargs, redaction)
        if self._options.separate and branch is not OUTSIDE:
            return self._begin_separate(branch, start, args, kwargs)
        operation = open_operation(host, branch, start)
        return None if operation is None else (operation.scope, _Step(operation))

    def _begin_separate(
        self, branch: Branch, start: OperationStart, args: Args, kwargs: Kwargs
    ) -> Plan:
        session = branch.session
        if isinstance(session, PlaybackSession) and session.open and session.claim_root():
            replayed = ReplayedOperation(session)
            return replayed.scope, _Step(replayed)
        output = OutputInterception(
            OutputOptions(alias=f"operation: {start.category}"), self._binding
        )
        plan = output.begin(branch, args, kwargs)
        if not isinstance(session, RecordingSession):
            return plan
        inner = open_recorded(self._host.recording_host() or session.host, start, session)
        if plan is None and inner is None:
            return None
        scope = branch.inner if inner is None else inner.scope
        return scope, _Step(inner, None if plan is None else (output, branch, plan[1]))

    def _start(self, args: Args, kwargs: Kwargs, redaction: Redaction | None) -> OperationStart:
        receivers = self._binding.receivers(args)
        owner = None
        if receivers:
            owner = args[0] if isinstance(args[0], type) else type(args[0])
            if "<locals>" in owner.__qualname__:
                register_type(owner)
        sent = args if redaction is None else self._binding.concealed(args, redaction)
        category = self._options.category or (owner.__name__ if owner else self._qualname)
        return OperationStart(
            category=category,
            metadata={
                **self._host.standing_metadata("function"),
                OPERATION_CLASS: owner,
                OPERATION_FUNCTION: self._function,
            },
            request={"args": list(sent[receivers:]), "kwargs": kwargs},
            parameters=self._host.parameters_of(owner),
        )

    def _extractor(self, args: Args, kwargs: Kwargs) -> Callable[[], Mapping[str, Any]] | None:
        extract = self._options.metadata_extractor
        return None if extract is None else lambda: extract(*args, **kwargs)

"""An operation: what is known when it begins, how it is named and ended, its output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from playback_core.codec import Deferred, encode
from playback_core.exchanged import Exchanged, output_data
from playback_core.outcome import Outcome
from playback_core.recording_session import (
    DEFAULT_PARAMETERS,
    RecordingParameters,
)
from playback_core.session import Branch
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


def operation_output(outcome: Outcome) -> bytes | Deferred:
    if isinstance(outcome.value, StreamSnapshot):
        return _StreamedOutput(outcome.value, raised=outcome.is_exception)
    return encode(_output(outcome.result, raised=outcome.is_exception))


def _output(result: Any, *, raised: bool) -> dict[str, Any]:
    data = output_data(result)
    if raised:
        # An operation that returns an exception object is not one that raises it.
        data["raised"] = True
    return data

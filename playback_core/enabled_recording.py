"""EnabledRecording: a block at whose end recording is disabled again."""

from types import TracebackType
from typing import Generic, Protocol, TypeVar


class _Recorder(Protocol):
    def disable_recording(self) -> None: ...


Recorder = TypeVar("Recorder", bound=_Recorder)


class EnabledRecording(Generic[Recorder]):
    """What `enabled_recording()` returns; recording is already on."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __enter__(self) -> Recorder:
        return self._recorder

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._recorder.disable_recording()

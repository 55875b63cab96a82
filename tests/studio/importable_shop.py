"""A shop whose functions another process can import."""

import os
from typing import Any

from playback_core import Output, TapeRecorder
from playback_core.recording import Recording
from playback_core.studio import EqualityStatus

recorder = TapeRecorder()


@recorder.intercept_input("price")
def price(name: str) -> int:
    return len(name)


@recorder.operation(category="order")
def order(name: str) -> dict[str, Any]:
    if name == "broken":
        raise ValueError(name)
    return {"total": price(name), "by": os.getpid() if name == "who" else 0}


def record(*names: str) -> None:
    with recorder.enabled_recording():
        for name in names:
            try:
                order(name)
            except ValueError:
                continue


def order_again(recording: Recording) -> Any:
    return order(*recording.get_data(TapeRecorder.OPERATION_REQUEST)["args"])


def everything(outputs: list[Output]) -> list[Any]:
    return [repr(output.value) for output in outputs]


def same(recorded: Any, replayed: Any, **data: Any) -> EqualityStatus:
    return EqualityStatus.Equal if recorded == replayed else EqualityStatus.Different

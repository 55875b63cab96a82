"""The shop whose recordings the tests of the studio compare, and functions to compare by."""

from typing import Any

from playback_core import InMemoryTapeCassette, Output, Playback, TapeRecorder
from playback_core.studio import EqualityStatus


class Shop:
    """An application whose code a test changes by setting attributes."""

    def __init__(self) -> None:
        self.cassette = InMemoryTapeCassette()
        self.recorder = TapeRecorder(self.cassette)
        self.factor = 2
        self.before_price: Any = lambda: None
        ask, send = self.recorder.intercept_input, self.recorder.intercept_output
        self.price: Any = ask("price")(lambda name: len(name))
        self.stock: Any = ask("stock")(lambda name: 7)
        self.discount: Any = ask("discount", value_when_missing=0)(lambda name: 1)
        self.mail: Any = send("mail")(lambda text: None)
        self.order: Any = self.recorder.operation(category="order")(self._order)

    def _order(self, name: str) -> int:
        self.before_price()
        total: int = self.price(name) * self.factor
        self.mail(f"{name}: {total}")
        return total

    def record(self, *names: str) -> list[str]:
        with self.recorder.enabled_recording():
            for name in names:
                self.order(name)
        return self.cassette.get_all_recording_ids()

    def play(self, recording_id: str) -> Playback:
        return self.recorder.play(
            recording_id,
            lambda recording: self.order(
                *recording.get_data(TapeRecorder.OPERATION_REQUEST)["args"]
            ),
        )


def returned(outputs: list[Output]) -> Any:
    alias = TapeRecorder.OPERATION_OUTPUT_ALIAS
    return next(output.value["args"][0] for output in outputs if alias in output.key)


def same(recorded: Any, replayed: Any) -> EqualityStatus:
    return EqualityStatus.Equal if recorded == replayed else EqualityStatus.Different


def everything(outputs: list[Output]) -> list[Output]:
    return outputs

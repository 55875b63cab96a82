"""Uses the public API as applications do, for mypy alone: it is checked and never run.

A line with an ignore must be an error: under `--strict` an ignore that is not needed is one too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    CapturedArg,
    Entry,
    InMemoryTapeCassette,
    InputInterceptionDataHandler,
    Output,
    Playback,
    Recording,
    RecordingParameters,
    SQLiteTapeCassette,
    TapeRecorder,
    recorder,
    register_type,
)

assert_type(recorder, TapeRecorder)


class Upper(InputInterceptionDataHandler):
    def prepare_input_for_recording(
        self, interception_key: str, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return result.upper()

    def restore_input_from_recording(
        self, recorded_data: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return recorded_data.lower()


def extract(shop: "Shop", amount: int) -> Mapping[str, Any]:
    return {"amount": amount}


@recorder.recording_params(sampling_rate=0.5)
class Shop:
    @recorder.intercept_input("price", capture_args=[CapturedArg(1, "sku")], data_handler=Upper())
    def price(self, sku: str) -> float:
        return 1.0

    @property
    @recorder.intercept_input("name")
    def name(self) -> str:
        return "north"

    @recorder.static_intercept_input("rate", value_when_missing=None)
    @staticmethod
    def rate(currency: str) -> float:
        return 1.0

    @recorder.intercept_output("store")
    async def store(self, amount: int) -> bool:
        return True

    @recorder.operation(metadata_extractor=extract)
    def execute(self, amount: int) -> float:
        return self.price("a") * amount

    @classmethod
    @recorder.class_operation(category="restock", separate=True)
    def restock(cls, amounts: Sequence[int]) -> int:
        return sum(amounts)


@recorder.operation()
async def refresh(key: str, *, force: bool = False) -> list[str]:
    return [key]


@recorder.recording_params(RecordingParameters(skipped=True))
class Quiet(Shop): ...


@register_type
class Local: ...


async def uses() -> None:
    shop = Shop()
    assert_type(shop, Shop)
    assert_type(Local(), Local)
    assert_type(shop.price("a"), float)
    assert_type(shop.name, str)
    assert_type(Shop.rate("EUR"), float)
    assert_type(shop.execute(3), float)
    assert_type(Shop.restock([1]), int)
    assert_type(await shop.store(3), bool)
    assert_type(await refresh("a", force=True), list[str])

    shop.execute("3")  # type: ignore[arg-type]
    shop.execute()  # type: ignore[call-arg]
    await refresh(force=True)  # type: ignore[call-arg]


def replays(cassette: InMemoryTapeCassette) -> None:
    own = TapeRecorder(cassette, random_seed=1)
    with own.enabled_recording() as enabled:
        assert_type(enabled, TapeRecorder)
    with own.start_recording("nightly", {"day": 1}):
        own.record_data("rows", 3)
    assert_type(own.current_recording_id, str | None)
    assert_type(own.counters, dict[str, int])

    recording_id = cassette.get_last_recording_id()
    assert_type(recording_id, str | None)
    own.play(recording_id, lambda recording: None)  # type: ignore[arg-type]
    playback = own.play("shop/1/2", lambda recording: Shop().execute(3))
    assert_type(playback, Playback)
    assert_type(playback.playback_outputs, list[Output])
    assert_type(playback.never_consumed, list[Entry])
    assert_type(playback.original_recording, Recording)
    assert_type(playback.recorded_duration, float | None)


def stores() -> None:
    with SQLiteTapeCassette("playback.db") as cassette:
        assert_type(cassette, SQLiteTapeCassette)
        TapeRecorder(AsyncRecordOnlyTapeCassette(cassette))
    TapeRecorder("playback.db")  # type: ignore[arg-type]
    RecordingParameters(0.5)

"""What patterns match is in no stored recording; what FORBID names keeps a recording out."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    AsyncRecordOnlyTapeCassette,
    InMemoryTapeCassette,
    SQLiteTapeCassette,
    TapeRecorder,
)
from playback_core.codec.redaction import Redactor

TOKEN = "tok_aZ09"
PATTERN = r"shop token=/\btok_\w+/"


class Shop:
    """An operation whose token may come in by one way at a time."""

    def __init__(self, recorder: TapeRecorder) -> None:
        self.recorder = recorder

        @recorder.intercept_input("find")
        def find(query: str) -> dict[str, Any]:
            return {"answer": self.given.get("result", "none"), "query": query}

        @recorder.intercept_input("refuse")
        def refuse() -> None:
            raise LookupError(f"no order of {self.given.get('error', 'nobody')}")

        @recorder.intercept_output("send")
        def send(body: bytes) -> str:
            return self.given.get("sent", "sent")

        @recorder.operation(
            metadata_extractor=lambda *args, **kwargs: {"user": self.given.get("metadata", "")}
        )
        def buy(note: str) -> Any:
            found = find(f"SELECT '{self.given.get('argument', '')}'")
            try:
                refuse()
            except LookupError as error:
                send(f"{error} {found['answer']} {self.given.get('output', '')}".encode())
            recorder.record_data(f"key {self.given.get('alias', '')}", 1)
            return [note, found, self.given.get("returned", "")]

        self._buy = buy
        self.given: dict[str, str] = {}

    def buy(self, **given: str) -> Any:
        self.given = given
        return self._buy(given.get("note", ""))


WAYS = ["argument", "result", "error", "sent", "output", "metadata", "note", "returned"]


def recorder_of(cassette: Any, **redaction: Any) -> TapeRecorder:
    recorder = TapeRecorder(cassette)
    recorder.redaction = Redactor(key=b"key", **redaction)
    recorder.enable_recording()
    return recorder


@pytest.fixture
def cassette() -> InMemoryTapeCassette:
    return InMemoryTapeCassette()


class TestPatterns:
    @pytest.mark.parametrize("way", WAYS)
    def test_a_match_is_nowhere_in_the_stored_bytes(
        self, cassette: InMemoryTapeCassette, way: str
    ) -> None:
        Shop(recorder_of(cassette, patterns=[PATTERN])).buy(**{way: f"a {TOKEN}."})

        (recording_id,) = cassette.get_all_recording_ids()
        packed = cassette.get_recording(recording_id).pack(compressed=False)
        assert TOKEN.encode() not in packed.payload + packed.metadata
        assert b"psd_" in packed.payload + packed.metadata

    @pytest.mark.parametrize("way", WAYS)
    def test_a_replay_finds_its_inputs_and_puts_out_the_same(
        self, cassette: InMemoryTapeCassette, way: str
    ) -> None:
        recorder = recorder_of(cassette, patterns=[PATTERN])
        shop = Shop(recorder)
        given = {way: f"a {TOKEN}."}
        shop.buy(**given)
        (recording_id,) = cassette.get_all_recording_ids()

        playback = recorder.play(recording_id, lambda recording: shop.buy(**given))

        assert playback.missed == playback.substituted == playback.never_consumed == []
        assert playback.playback_outputs == playback.recorded_outputs

    def test_another_secret_is_another_call(self, cassette: InMemoryTapeCassette) -> None:
        recorder = recorder_of(cassette, patterns=[PATTERN])
        shop = Shop(recorder)
        shop.buy(argument=TOKEN)
        (recording_id,) = cassette.get_all_recording_ids()

        with pytest.raises(LookupError):
            recorder.play(recording_id, lambda recording: raising(shop.buy, argument="tok_2"))


def raising(run: Callable[..., Any], **given: str) -> None:
    try:
        run(**given)
    except Exception as error:
        raise LookupError from error


class TestForbid:
    @pytest.fixture(params=["memory", "sqlite", "behind a writer"])
    def storage(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
        if request.param == "memory":
            yield InMemoryTapeCassette()
            return
        stored = SQLiteTapeCassette(tmp_path / "playback.db")
        with stored if request.param == "sqlite" else AsyncRecordOnlyTapeCassette(stored) as used:
            yield used

    @pytest.mark.parametrize("way", [*WAYS, "alias"])
    def test_the_whole_recording_is_refused_counted_and_logged_once_without_the_value(
        self, storage: Any, way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        recorder = recorder_of(storage, forbidden=[PATTERN])
        shop = Shop(recorder)

        for _ in range(3):
            shop.buy(**{way: TOKEN})
        stored = storage.readable()

        assert list(stored.iter_categories()) == []
        writer = getattr(storage, "counters", None)
        assert (recorder.counters.get("forbidden") if writer is None else writer.forbidden) == 3
        assert writer is None or (writer.queued, writer.saved, writer.failed) == (3, 0, 0)
        (record,) = caplog.records
        assert "'shop token'" in record.getMessage()
        assert record.levelno == logging.WARNING
        # A traceback has the value in its frames, and some handlers send those.
        assert record.exc_info is None
        assert TOKEN not in caplog.text
        for path in tmp_path.iterdir():
            assert TOKEN.encode() not in path.read_bytes()

    def test_others_are_stored(self, storage: Any) -> None:
        recorder = recorder_of(storage, forbidden=[PATTERN, lambda text: ["x"] * ("x!" in text)])
        shop = Shop(recorder)

        shop.buy(note="fine")
        shop.buy(note="x!")
        shop.buy(output=TOKEN)
        shop.buy(note="fine too")

        stored = storage.readable()
        (category,) = stored.iter_categories()
        assert len(list(stored.iter_recording_ids(category))) == 2

    def test_each_pattern_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        shop = Shop(recorder_of(InMemoryTapeCassette(), forbidden=["a=/one!/", "b=/two!/"]))

        shop.buy(note="two!")
        shop.buy(note="one!")

        assert ["'b'" in caplog.messages[0], "'a'" in caplog.messages[1]] == [True, True]

    def test_what_the_recorder_itself_notes_is_not_looked_at(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        implementation = sys.implementation.name
        shop = Shop(recorder_of(cassette, forbidden=[f"/{implementation}/"]))

        shop.buy(note="fine")
        shop.buy(note=implementation)

        assert len(cassette.get_all_recording_ids()) == 1

    def test_what_redaction_takes_out_is_not_there_to_be_refused(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        shop = Shop(recorder_of(cassette, patterns=[PATTERN], forbidden=[PATTERN]))

        shop.buy(note=TOKEN)

        assert len(cassette.get_all_recording_ids()) == 1

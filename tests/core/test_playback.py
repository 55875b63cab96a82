import gc
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    Playback,
    Recording,
    SQLiteTapeCassette,
    TapeRecorder,
)
from playback_core.entry import EntryKind
from playback_core.errors import DecodeError, TapeRecorderException

Replay = Callable[[Callable[[], Any]], Playback]


@dataclass
class Parcel:
    weight: int


class UnreadableOutputs(InMemoryTapeCassette):
    """Gives recordings whose outputs are damaged."""

    def get_recording(self, recording_id: str) -> Recording:
        recording = super().get_recording(recording_id)
        for entry in recording.entries:
            if entry.kind is EntryKind.OUTPUT:
                entry.arguments = b"\xc1"
        return recording


def test_outputs_are_what_was_sent_whatever_became_of_it_since(
    recorder: TapeRecorder, replay: Replay
) -> None:
    basket = ["axe"]
    send = recorder.intercept_output("send")(lambda goods: None)

    @recorder.operation()
    def execute() -> list[str]:
        send(basket)
        return basket

    execute()
    playback = replay(execute)
    basket.append("saw")
    playback.original_recording.entries.clear()

    assert [output.value["args"] for output in playback.playback_outputs] == [[["axe"]], [["axe"]]]
    assert playback.playback_outputs == playback.recorded_outputs
    assert [entry.alias for entry in playback.consumed] == [
        "send",
        TapeRecorder.OPERATION_OUTPUT_ALIAS,
    ]


def test_what_a_reader_changes_stays_within_its_playback(
    recorder: TapeRecorder, replay: Replay
) -> None:
    send = recorder.intercept_output("send")(lambda goods: None)

    @recorder.operation()
    def execute() -> None:
        send(["axe"])

    execute()
    changed, untouched = replay(execute), replay(execute)
    for outputs in (changed.playback_outputs, changed.recorded_outputs):
        outputs[0].value["args"][0].append("saw")
        outputs.pop()

    # One playback gives every reader the same lists, as its owner may have changed them.
    assert changed.playback_outputs == changed.recorded_outputs
    assert changed.playback_outputs[0].value["args"] == [["axe", "saw"]]
    assert changed.original_recording.outputs() == untouched.recorded_outputs
    assert untouched.playback_outputs[0].value["args"] == [["axe"]]
    assert len(untouched.playback_outputs) == 2


def test_a_playback_is_read_when_the_cassette_is_closed_and_the_file_gone(tmp_path: Path) -> None:
    path = tmp_path / "recordings.db"
    with SQLiteTapeCassette(path) as cassette:
        recorder = TapeRecorder(cassette)
        read = recorder.intercept_input("read")(lambda key: {"key": key})
        send = recorder.intercept_output("send")(lambda value: True)

        @recorder.operation(category="exchange")
        def execute(*keys: str) -> bool:
            return all(send(read(key)) for key in keys)

        with recorder.enabled_recording():
            execute("a", "b")
        (recording_id,) = cassette.iter_recording_ids("exchange")
        playback = recorder.play(recording_id, lambda recording: execute("a"))
    path.unlink()

    assert [output.value["args"] for output in playback.playback_outputs] == [
        [{"key": "a"}],
        [True],
    ]
    assert [output.value["args"] for output in playback.recorded_outputs] == [
        [{"key": "a"}],
        [{"key": "b"}],
        [True],
    ]
    assert [entry.alias for entry in playback.never_consumed] == ["read", "send"]
    assert playback.original_recording.get_all_keys()


def test_values_of_a_type_that_the_operation_defines_come_back_as_that_type(
    recorder: TapeRecorder, replay: Replay
) -> None:
    @recorder.operation()
    def execute() -> Any:
        @dataclass
        class Label:
            text: str

        return Label("fragile")

    execute()
    gc.collect()
    playback = replay(execute)
    gc.collect()

    for outputs in (playback.recorded_outputs, playback.playback_outputs):
        assert outputs[0].value["args"][0].text == "fragile"


def test_a_call_after_the_end_changes_nothing_but_the_late_ones(
    recorder: TapeRecorder, replay: Replay
) -> None:
    ask, send = recorder.intercept_input, recorder.intercept_output
    read, store = ask("read")(lambda: 1), send("store")(lambda value: None)
    goes_on = threading.Event()
    threads: list[threading.Thread] = []

    def late() -> None:
        goes_on.wait()
        for call in (read, lambda: store(2)):
            with pytest.raises(TapeRecorderException):
                call()

    is_new_code = False

    @recorder.operation()
    def execute() -> None:
        if is_new_code:
            threads.append(threading.Thread(target=late))
            threads[-1].start()
            return
        store(read())

    execute()
    is_new_code = True
    playback = replay(execute)
    goes_on.set()
    threads[0].join()

    # That its thread ran on, and its two calls.
    assert len(playback.late) == 3
    assert [entry.alias for entry in playback.never_consumed] == ["read", "store"]
    assert len(playback.playback_outputs) == 1


@pytest.mark.parametrize("is_read_first", [False, True])
def test_a_playback_can_be_pickled(
    recorder: TapeRecorder, replay: Replay, is_read_first: bool
) -> None:
    send = recorder.intercept_output("send")(lambda parcel: None)

    @recorder.operation()
    def execute() -> None:
        send(Parcel(3))

    execute()
    playback = replay(execute)
    if is_read_first:
        assert playback.playback_outputs
    again = pickle.loads(pickle.dumps(playback))

    assert again.playback_outputs == again.recorded_outputs == playback.playback_outputs
    assert again.playback_outputs[0].value["args"] == [Parcel(3)]
    assert [entry.alias for entry in again.consumed] == [entry.alias for entry in playback.consumed]
    assert again.never_consumed == []


def test_recorded_outputs_that_cannot_be_read_say_so_to_whoever_asks() -> None:
    recorder = TapeRecorder(cassette := UnreadableOutputs())

    @recorder.operation()
    def execute() -> int:
        return 1

    with recorder.enabled_recording():
        execute()
    recording_id = cassette.get_last_recording_id() or ""
    playback = recorder.play(recording_id, lambda recording: execute())

    for _ in range(2):
        with pytest.raises(DecodeError, match="damaged"):
            playback.recorded_outputs  # noqa: B018 - it is decoded when it is read

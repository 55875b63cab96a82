"""Record an operation ten times, replay the last one, compare all of them with the recordings."""

import random
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from playback_core import InMemoryTapeCassette, Output, Playback, Recording, TapeRecorder
from playback_core.studio import (
    ComparatorResult,
    EqualityStatus,
    Equalizer,
    RecordingLookupProperties,
    find_matching_recording_ids,
)

STORE_DOUBLED = "service.store_doubled"

cassette = InMemoryTapeCassette()
recorder = TapeRecorder(cassette)
warehouse: dict[str, int] = {}


class ServiceOperation:
    """Reads a number from the world, doubles it, and stores the result in the world."""

    @recorder.operation()
    def execute(self) -> str:
        return self.store_doubled(self.read_number() * 2)

    @recorder.intercept_input(alias="service.read_number")
    def read_number(self) -> int:
        return random.randint(0, 1000)

    @recorder.intercept_output(alias=STORE_DOUBLED)
    def store_doubled(self, doubled: int) -> str:
        key = uuid.uuid4().hex
        warehouse[key] = doubled
        return key


def execute_again(recording: Recording) -> str:
    """Run the recorded operation on the code as it is now."""
    operation = recording.get_metadata()[TapeRecorder.OPERATION_CLASS]
    return str(operation().execute())


def play(recording_id: str) -> Playback:
    """Replay one recording."""
    return recorder.play(recording_id, execute_again)


def stored_number(outputs: Sequence[Output]) -> Any:
    """Find what the operation stored; the extractor's answer is what gets compared."""
    stored = next(output for output in outputs if STORE_DOUBLED in output.key)
    return stored.value["args"][0]


def same_number(recorded: int, replayed: int) -> ComparatorResult:
    """Compare the stored number of the recording with that of the replay."""
    if recorded == replayed:
        return ComparatorResult(EqualityStatus.Equal, f"both stored {recorded}")
    return ComparatorResult(EqualityStatus.Different, f"stored {recorded}, now {replayed}")


def record(times: int) -> None:
    """Run the operation with recording on."""
    with recorder.enabled_recording():
        for _ in range(times):
            ServiceOperation().execute()


def compare_all() -> list[EqualityStatus]:
    """Replay and compare every recording of the last week, one printed line each."""
    last_week = RecordingLookupProperties(start_date=datetime.now(UTC) - timedelta(days=7))
    recording_ids = find_matching_recording_ids(recorder, ServiceOperation.__name__, last_week)
    statuses = []
    for comparison in Equalizer(recording_ids, play, stored_number, same_number).run_comparison():
        print(f"Recording {comparison.recording_id}: {comparison.comparator_status}")
        statuses.append(comparison.comparator_status.equality_status)
    return statuses


def main() -> int:
    """Return 0 when all ten recordings were compared and are Equal."""
    record(times=10)
    stored_while_recording = dict(warehouse)

    last_id = cassette.get_last_recording_id()
    if last_id is None:
        print("Nothing was recorded.")
        return 1
    playback = play(last_id)
    print(f"The last recording stored {stored_number(playback.recorded_outputs)} then,")
    print(f"and its replay would store {stored_number(playback.playback_outputs)} now.")

    statuses = compare_all()
    if warehouse != stored_while_recording:
        print("A replay wrote to the warehouse: it must never touch the world.")
        return 1
    return 0 if statuses == [EqualityStatus.Equal] * 10 else 1


if __name__ == "__main__":
    sys.exit(main())

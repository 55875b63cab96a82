"""What recordings hold, as tests look at it."""

from pathlib import Path
from typing import Any

from playback_core import Recording, SQLiteTapeCassette, TapeRecorder


def stored_in(path: Path) -> list[Recording]:
    """Return what is stored in a file, category by category, the oldest first."""
    with SQLiteTapeCassette(path, create=False) as tape:
        return [
            tape.get_recording(recording_id)
            for category in tape.iter_categories()
            for recording_id in tape.iter_recording_ids(category)
        ]


def request_of(recording: Recording) -> dict[str, Any]:
    """Return the request that a recording holds."""
    request: dict[str, Any] = recording.get_data(TapeRecorder.OPERATION_REQUEST)
    return request


def output_of(recording: Recording) -> Any:
    """Return what a recorded operation came to."""
    key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    return recording.get_data(key)["args"][0]

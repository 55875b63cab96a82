"""RecordingIdFilter: tells the logs which recording a line belongs to."""

import logging
from typing import Final

from playback_core import TapeRecorder, recorder

NO_RECORDING: Final = "-"


class RecordingIdFilter(logging.Filter):
    """Gives each log record a `playback_recording_id`: that of the request's recording, else `-`.

    Add it to a handler and write `%(playback_recording_id)s` in the handler's format.
    """

    def __init__(self, tape_recorder: TapeRecorder = recorder) -> None:
        super().__init__()
        self._recorder = tape_recorder

    def filter(self, record: logging.LogRecord) -> bool:
        record.playback_recording_id = self._recorder.current_recording_id or NO_RECORDING
        return True

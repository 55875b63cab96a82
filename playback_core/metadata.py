"""The names of the metadata and data the recorder itself stores; users see them on TapeRecorder."""

from typing import Final

DURATION: Final = "_tape_recorder_recording_duration"
RECORDED_AT: Final = "_tape_recorder_recorded_at"
OPERATION_OUTPUT_ALIAS: Final = "_tape_recorder_operation"
OPERATION_CLASS: Final = "_tape_recorder_operation_class"
EXCEPTION_IN_OPERATION: Final = "_tape_recorder_exception_in_operation"
INCOMPLETE_RECORDING: Final = "_tape_recorder_incomplete_recording"

OPERATION_FUNCTION: Final = "_tape_recorder_operation_function"
OPERATION_REQUEST: Final = "_tape_recorder_operation_request"
KIND: Final = "_tape_recorder_kind"
SERVICE: Final = "_tape_recorder_service"
REVISION: Final = "_tape_recorder_revision"
VERSIONS: Final = "_tape_recorder_versions"
NOT_REPLAYABLE: Final = "_tape_recorder_not_replayable"
PARENT_ID: Final = "_tape_recorder_parent_id"
OUTLIVED: Final = "_tape_recorder_outlived"
CLOCK_READS: Final = "_tape_recorder_clock"
RANDOM_READS: Final = "_tape_recorder_random"
DATABASES: Final = "_tape_recorder_databases"

MADE_HERE: Final = frozenset(
    {DURATION, RECORDED_AT, EXCEPTION_IN_OPERATION, INCOMPLETE_RECORDING, KIND, REVISION, VERSIONS}
    | {NOT_REPLAYABLE, PARENT_ID, OUTLIVED}
)
"""Names whose values hold nothing of the application, so that no secret can be in them."""

"""Record an application's operations in production; replay them on changed code; compare."""

from typing import Final

from playback_core.cassettes.asynchronous import AsyncRecordOnlyTapeCassette
from playback_core.cassettes.cached_s3 import CachedReadOnlyS3TapeCassette
from playback_core.cassettes.file_based import FileBasedTapeCassette
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.cassettes.s3 import S3TapeCassette
from playback_core.cassettes.sqlite import SQLiteTapeCassette
from playback_core.codec import Opaque, alias_type, register_type
from playback_core.data_handlers import InputInterceptionDataHandler, OutputInterceptionDataHandler
from playback_core.databases import OtherDatabase
from playback_core.entry import Entry, EntryKind
from playback_core.errors import (
    CassetteClosedError,
    CassetteError,
    CassetteReadOnlyError,
    CassetteUnavailableError,
    CodecError,
    DamagedRecordingError,
    DecodeError,
    EncodeError,
    InputInterceptionKeyCreationError,
    NoSuchRecording,
    OpaqueValueError,
    OperationExceptionDuringPlayback,
    PlaybackError,
    RecordingKeyError,
    SettingsError,
    SideEffectBlocked,
    TapeRecorderException,
)
from playback_core.intercepted_files import (
    InputInterceptionFileDataHandler,
    OutputInterceptionFileDataHandler,
)
from playback_core.interception_key import CapturedArg
from playback_core.outcome import Outcome
from playback_core.packing import PackedRecording
from playback_core.playback import Miss, Playback, Relocation, Substitution
from playback_core.recording import Output, Recording
from playback_core.recording_filter import RecordingFilter
from playback_core.recording_session import RecordingParameters
from playback_core.sandbox_options import SandboxOptions
from playback_core.streamed import Awaited, Streamed
from playback_core.tape_cassette import StoredRecording, TapeCassette
from playback_core.tape_recorder import TapeRecorder

__version__ = "0.1.0"

recorder: Final = TapeRecorder()
"""The process's default recorder: adapters configure it, helper modules decorate with it."""

__all__ = [
    "AsyncRecordOnlyTapeCassette",
    "Awaited",
    "CachedReadOnlyS3TapeCassette",
    "CapturedArg",
    "CassetteClosedError",
    "CassetteError",
    "CassetteReadOnlyError",
    "CassetteUnavailableError",
    "CodecError",
    "DamagedRecordingError",
    "DecodeError",
    "EncodeError",
    "Entry",
    "EntryKind",
    "FileBasedTapeCassette",
    "InMemoryTapeCassette",
    "InputInterceptionDataHandler",
    "InputInterceptionFileDataHandler",
    "InputInterceptionKeyCreationError",
    "Miss",
    "NoSuchRecording",
    "Opaque",
    "OpaqueValueError",
    "OperationExceptionDuringPlayback",
    "OtherDatabase",
    "Outcome",
    "Output",
    "OutputInterceptionDataHandler",
    "OutputInterceptionFileDataHandler",
    "PackedRecording",
    "Playback",
    "PlaybackError",
    "Recording",
    "RecordingFilter",
    "RecordingKeyError",
    "RecordingParameters",
    "Relocation",
    "S3TapeCassette",
    "SQLiteTapeCassette",
    "SandboxOptions",
    "SettingsError",
    "SideEffectBlocked",
    "StoredRecording",
    "Streamed",
    "Substitution",
    "TapeCassette",
    "TapeRecorder",
    "TapeRecorderException",
    "alias_type",
    "recorder",
    "register_type",
]

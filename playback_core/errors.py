"""The exceptions of the bundle; this module owns the whole tree.

PlaybackError
├── TapeRecorderException              the predecessor's root: recording and replaying
│   ├── InputInterceptionKeyCreationError
│   ├── NoSuchRecording
│   ├── OperationExceptionDuringPlayback
│   ├── RecordingKeyError
│   └── SideEffectBlocked
├── CassetteError                      storage: cannot be opened, read or written
│   ├── CassetteClosedError
│   ├── CassetteReadOnlyError (also AssertionError, as in the predecessor)
│   ├── CassetteUnavailableError       no bucket, no access, no credentials, no network
│   ├── DamagedRecordingError          stored bytes that are not what was written
│   └── ForbiddenContentError          a recording holds what FORBID says is not to be stored
├── CodecError                         values <-> bytes
│   ├── DecodeError
│   ├── EncodeError
│   └── OpaqueValueError               a stand-in of an unknown type was used
└── SettingsError (also ValueError)    an option, setting or argument has a wrong value
"""


class PlaybackError(Exception):
    """Base of every error the bundle raises on purpose."""


class TapeRecorderException(PlaybackError):
    """Base of errors in recording and replaying (the predecessor's name)."""


class InputInterceptionKeyCreationError(TapeRecorderException):
    """The key of an input could not be made during a replay."""


class NoSuchRecording(TapeRecorderException):
    """No recording has this id.

    `recording_id` is the id asked for.
    """

    def __init__(self, recording_id: str) -> None:
        super().__init__(
            f"No such recording: {recording_id or 'the id is empty'}. List the stored ones, or"
            " check that the cassette is the one it was recorded to."
        )
        self.recording_id = recording_id

    def __reduce__(self) -> tuple[type["NoSuchRecording"], tuple[str]]:
        return type(self), (self.recording_id,)


class OperationExceptionDuringPlayback(TapeRecorderException):
    """The replayed operation raised; its exception is the cause and an output of the replay."""


class RecordingKeyError(TapeRecorderException):
    """A replayed call, or a key asked for, is not in the recording."""


class SideEffectBlocked(TapeRecorderException):
    """Replayed code tried to reach the world by a call that was not recorded."""


class CassetteError(PlaybackError):
    """A cassette cannot be opened, read or written."""


class CassetteClosedError(CassetteError):
    """A cassette was used after `close()`."""


class CassetteReadOnlyError(CassetteError, AssertionError):
    """A cassette that only reads was asked to write."""


class CassetteUnavailableError(CassetteError):
    """The storage is not there for us, whatever the recording: missing, denied or unreachable."""


class DamagedRecordingError(CassetteError):
    """A stored recording is cut short, corrupt or of an unknown format version."""


class ForbiddenContentError(CassetteError):
    """A recording holds what must not be stored; `pattern` is the name of the rule that says so."""

    def __init__(self, pattern: str) -> None:
        super().__init__(
            f"It holds what FORBID names as {pattern!r}: nothing of it is stored. Record less of"
            " such operations, or let REDACT take the value out."
        )
        self.pattern = pattern

    def __reduce__(self) -> tuple[type["ForbiddenContentError"], tuple[str]]:
        return type(self), (self.pattern,)


class CodecError(PlaybackError):
    """Base of errors between values and bytes."""


class DecodeError(CodecError):
    """Bytes that cannot be decoded within the limits."""


class EncodeError(CodecError):
    """A value over the hard limits of the codec."""


class OpaqueValueError(CodecError):
    """A value of a type that is not available here was used as if it were."""


class SettingsError(PlaybackError, ValueError):
    """An option, setting or argument has a wrong name, type or value."""

"""CurrentRecording: what operations may ask and tell of the recording of their context."""

from typing import Any

from playback_core.codec import encode
from playback_core.entry import Entry, EntryKind
from playback_core.errors import SettingsError
from playback_core.guard import FailingOpen
from playback_core.playback_session import PlaybackSession
from playback_core.recording_session import RecordingSession
from playback_core.session import current, current_session


class CurrentRecording:
    """The recording being made or replayed in the context that asks, whichever recorder's."""

    @property
    def in_recording_mode(self) -> bool:
        """Tell whether the operation of this context is being recorded."""
        return isinstance(current_session(), RecordingSession)

    @property
    def in_playback_mode(self) -> bool:
        """Tell whether the operation of this context is being replayed."""
        return isinstance(current_session(), PlaybackSession)

    @property
    def current_recording_id(self) -> str | None:
        """The id of the recording being made or replayed in this context, else None."""
        session = current_session()
        recording = session.recording if session is not None else None
        return recording.id if recording is not None else None

    def discard_recording(self) -> None:
        """Drop the recording of this context; the operation goes on unrecorded."""
        session = current_session()
        if isinstance(session, RecordingSession):
            session.discard()

    def force_sample_recording(self) -> None:
        """Keep the recording of this context whatever its sampling rate says."""
        session = current_session()
        if isinstance(session, RecordingSession):
            session.force_sample()

    @property
    def is_recording_sample_forced(self) -> bool:
        """Tell whether the recording of this context is kept whatever its sampling rate says."""
        session = current_session()
        return isinstance(session, RecordingSession) and session.forced

    def record_data(self, key: str, value: Any) -> None:
        """Store a value in the recording of this context, if there is one."""
        branch = current()
        session = current_session()
        if branch is not None and isinstance(session, RecordingSession):
            with FailingOpen(session, "Recording the data of key", str(key)):
                if not isinstance(key, str):
                    raise SettingsError(f"the key {key!r} is no text")
                session.add(Entry(EntryKind.DATA, key, branch.path, None, encode(value)))

    def play_data(self, key: str) -> Any:
        """Return the value stored under a key by `record_data`; None while not replaying.

        Repeated calls give the values as recorded. Raise RecordingKeyError where there is none.
        """
        branch = current()
        session = current_session()
        if branch is None or not isinstance(session, PlaybackSession):
            return None
        entry = session.take(EntryKind.DATA, key, None, branch.path)
        if entry is None:
            raise session.miss(key, key, "play_data() asked for it; record_data() stored no more.")
        return entry.decoded_result()

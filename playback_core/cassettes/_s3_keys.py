"""S3Keys: where a cassette's objects are in its bucket."""

from typing import Final
from urllib.parse import unquote

from playback_core.errors import SettingsError
from playback_core.recording import Recording
from playback_core.recording_id import category_prefix, day_of, start_of

_ROOT: Final = "tape_recorder_recordings/"
_LONGEST_KEY: Final = 1024
_KINDS: Final = ("full", "metadata", "index")


class S3Keys:
    """The keys below `tape_recorder_recordings/{key_prefix}`.

    `prefix` is empty or ends in one slash. Raise SettingsError for a key prefix that no text
    is, or that names one of our folders.
    """

    def __init__(self, key_prefix: str) -> None:
        if not isinstance(key_prefix, str) or "\0" in key_prefix or not _is_unicode(key_prefix):
            raise SettingsError(f"key_prefix is {key_prefix!r}; it must be a text.")
        parts = key_prefix.strip("/").split("/")
        if not set(parts).isdisjoint(_KINDS) or (key_prefix.strip("/") and "" in parts):
            raise SettingsError(
                f"key_prefix is {key_prefix!r}; none of its parts may be empty, or one of"
                f" {', '.join(_KINDS)}, which are folders of the cassette."
            )
        self.prefix = f"{'/'.join(parts)}/" if parts != [""] else ""
        self._full, self._metadata, self._index = self.folders

    @property
    def folders(self) -> tuple[str, ...]:
        """What all keys of this cassette begin with; other cassettes may be beside them."""
        return tuple(f"{_ROOT}{self.prefix}{kind}/" for kind in _KINDS)

    def full(self, recording_id: str = "") -> str:
        """Return the key of a whole recording, or the folder of all."""
        return self._full + recording_id

    def metadata(self, recording_id: str = "") -> str:
        """Return the key of a recording's metadata, or the folder of all."""
        return self._metadata + recording_id

    def index(self, day: str = "", name: str = "") -> str:
        """Return the key of an index object, or the folder of a day or of all."""
        return self._index + (f"{day}/" if day else "") + name

    def require_findable(self, recording: Recording) -> None:
        """Raise SettingsError where a recording could not be stored, or not be found again.

        Recordings are found by the keys of their objects, which tell category and start.
        """
        recording_id = recording.id
        tells = start_of(recording_id) == recording.started_at
        if not tells or recording_id_in(recording_id, "") is None:
            raise SettingsError(
                f"Recording {recording_id!r} started on {day_of(recording.started_at)}, and its id"
                " was not made for its category and start; make recordings by"
                " create_new_recording()."
            )
        if len(self.metadata(recording_id).encode()) > _LONGEST_KEY:
            raise SettingsError(
                f"Recording {recording_id!r} would have a longer key than the {_LONGEST_KEY} bytes"
                " that S3 takes; shorten its category or the key_prefix."
            )


def recording_id_in(key: str, folder: str) -> str | None:
    """Return the id in a key below a folder; None for what no cassette wrote."""
    recording_id = key[len(folder) :]
    started_at = start_of(recording_id)
    if started_at is None or category_in(recording_id.split("/")[0]) is None:
        return None
    return recording_id


def day_in(recording_id: str) -> str:
    """Return the day in the id of a recording that is findable."""
    return recording_id.split("/")[1]


def category_in(folder: str) -> str | None:
    """Return the category a folder is of; None for what no cassette wrote."""
    try:
        category = unquote(folder, errors="surrogatepass")
        return category if category_prefix(category) == f"{folder}/" else None
    except UnicodeError:
        return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

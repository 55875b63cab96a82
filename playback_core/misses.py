"""Misses: what a replay had no answer for, and which of it came first."""

from typing import Final, TypeVar

from playback_core.errors import RecordingKeyError, SideEffectBlocked, TapeRecorderException
from playback_core.playback import Miss

Error = TypeVar("Error", bound=TapeRecorderException)


class Misses:
    """The misses of one replay, in the order they came; swallowing an error hides none."""

    def __init__(self) -> None:
        self.noted: Final[list[Miss]] = []
        self._first: TapeRecorderException | None = None

    def note(self, miss: Miss, kind: type[Error]) -> Error:
        """Note a miss and return the error for it, of a kind."""
        self.noted.append(miss)
        if self._first is None:
            # Not the one that is raised: its traceback would keep what it came through.
            self._first = kind(miss.message)
        return kind(miss.message)

    def raise_first(self, error: TapeRecorderException) -> None:
        """Raise the error of the first miss where that of a later one came out of the replay.

        Code that handles an error calls what was not recorded either, a rollback say.
        """
        first = self._first
        is_one = isinstance(error, RecordingKeyError | SideEffectBlocked)
        if first is not None and is_one and str(error) != str(first):
            raise first from error

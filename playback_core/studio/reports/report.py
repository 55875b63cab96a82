"""Report: what every format of output can show."""

from collections.abc import Iterable
from typing import Protocol

from playback_core.studio.comparison import Comparison
from playback_core.studio.summary import Comparisons, RecordingDetail, RecordingRow


class Report(Protocol):
    """Writes the results of the commands to a stream, in one format."""

    def recordings(self, rows: Iterable[RecordingRow]) -> None:
        """Write a list of recordings."""

    def recording(self, detail: RecordingDetail) -> None:
        """Write all there is in a recording."""

    def replay(self, comparison: Comparison) -> None:
        """Write the result of replaying one recording."""

    def comparisons(self, comparisons: Comparisons) -> None:
        """Iterate comparisons, which makes them, and write them."""

    def pruned(self, count: int) -> None:
        """Write how many recordings were removed."""


def printable(text: object) -> str:
    """Return text on one line without control characters, which a recording could smuggle in."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in str(text)
    )

"""Plain text, one line for each thing, for pipes and logs."""

from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from playback_core.codec import describe
from playback_core.studio.comparison import Comparison, EqualityStatus
from playback_core.studio.difference import Diff
from playback_core.studio.reports.report import printable
from playback_core.studio.summary import (
    MAX_VALUE_TEXT,
    ComparisonRow,
    Comparisons,
    EntryRow,
    RecordingDetail,
    RecordingRow,
    missed_of,
)

_STATUS_WIDTH = max(len(status.name) for status in EqualityStatus)


class PlainReport:
    """Writes plain text; a line is written as soon as it is known."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def recordings(self, rows: Iterable[RecordingRow]) -> None:
        for row in rows:
            self._line(
                row.recording_id, row.recorded_at or "-", duration_text(row.duration), row.remarks
            )

    def recording(self, detail: RecordingDetail) -> None:
        self.recordings([detail.row])
        for name, text in detail.metadata.items():
            self._line(f"  {name}:", text)
        for entry in detail.entries:
            self._line(f"  #{entry.number}", entry.kind, entry.alias, *entry_texts(entry))
        for each in detail.family:
            mark = "*" if each.recording_id == detail.row.recording_id else " "
            self._line(f"  {mark} {'  ' * each.depth}{each.recording_id}")

    def replay(self, comparison: Comparison) -> None:
        self._row(ComparisonRow.of("", comparison))
        for output in outputs_of(comparison):
            self._line("  sent", output)
        if comparison.sealed is not None:
            self._line(f"  sealed: {comparison.sealed}")
        for miss in missed_of(comparison):
            self._line("  missed", miss.message)

    def comparisons(self, comparisons: Comparisons) -> None:
        category = None
        for row in comparisons:
            if row.category != category:
                category = row.category
                self._line(f"Category {category}")
            self._row(row)
        self._line(comparisons.counted())

    def pruned(self, count: int) -> None:
        self._line(f"{count} recordings removed")

    def _row(self, row: ComparisonRow) -> None:
        self._line(
            f"{row.status.name:<{_STATUS_WIDTH}}", row.recording_id or "-", row.message or ""
        )
        for line in diff_lines(row):
            self._line(f"    {line}")

    def _line(self, *parts: str) -> None:
        line = "  ".join(printable(part) for part in parts if part)
        encoding = self._out.encoding or "utf-8"
        self._out.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self._out.flush()


def duration_text(seconds: float | None) -> str:
    """Return a duration for people, `-` where there is none."""
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def entry_texts(entry: EntryRow) -> Iterator[str]:
    """Yield what an entry was called with and what came of it."""
    if entry.arguments is not None:
        yield entry.arguments
    if entry.result is not None:
        yield f"{'raised' if entry.raised else '->'} {entry.result}"
    if entry.branch:
        yield f"(branch {entry.branch})"


def diff_lines(row: ComparisonRow) -> list[str]:
    """Return the lines of a diff that say more than the message does."""
    if isinstance(row.diff, Diff):
        lines = row.diff.render().splitlines()
        return [] if lines == [row.message] else lines
    if row.diff is None or row.status is EqualityStatus.Equal:
        return []
    return str(row.diff).splitlines()


def outputs_of(comparison: Comparison) -> list[str]:
    """Return what a replay sent, one text for each output."""
    outputs: Iterable[Any] = getattr(comparison.playback, "playback_outputs", ())
    return [f"{output.key} {describe(output.value, MAX_VALUE_TEXT)}" for output in outputs]

"""Tables and a progress bar, for terminals; needs rich."""

from collections import Counter
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from playback_core.studio.comparison import Comparison, EqualityStatus
from playback_core.studio.reports.plain import diff_lines, duration_text, entry_texts, outputs_of
from playback_core.studio.reports.report import printable
from playback_core.studio.summary import (
    ComparisonRow,
    Comparisons,
    RecordingDetail,
    RecordingRow,
    missed_of,
)

_STYLES = {
    EqualityStatus.Equal: "green",
    EqualityStatus.Fixed: "cyan",
    EqualityStatus.Different: "yellow",
    EqualityStatus.Failed: "red",
    EqualityStatus.EqualizerFailure: "magenta",
}


class RichReport:
    """Writes tables; while comparisons are made, a progress bar."""

    def __init__(self, out: TextIO) -> None:
        self._console = Console(file=out)

    def recordings(self, rows: Iterable[RecordingRow]) -> None:
        table = _table("Recording", "Recorded at (UTC)", "Duration", "Remarks")
        for row in rows:
            _add(
                table,
                row.recording_id,
                row.recorded_at or "-",
                duration_text(row.duration),
                row.remarks,
            )
        self._console.print(table)

    def recording(self, detail: RecordingDetail) -> None:
        self.recordings([detail.row])
        metadata = _table("Metadata", "Value")
        for name, text in detail.metadata.items():
            _add(metadata, name, text)
        self._console.print(metadata)
        entries = _table("#", "Kind", "Alias", "At", "Call")
        for entry in detail.entries:
            call = "  ".join(entry_texts(entry))
            _add(entries, str(entry.number), entry.kind, entry.alias, duration_text(entry.at), call)
        self._console.print(entries)
        if detail.family:
            family = _table("", "Sent from one another")
            for each in detail.family:
                mark = "*" if each.recording_id == detail.row.recording_id else ""
                _add(family, mark, f"{'  ' * each.depth}{each.recording_id}")
            self._console.print(family)

    def replay(self, comparison: Comparison) -> None:
        self._row(ComparisonRow.of("", comparison))
        outputs = _table("Sent by the replay")
        for output in outputs_of(comparison):
            _add(outputs, output)
        self._console.print(outputs)
        if comparison.sealed is not None:
            self._console.print(Text(f"sealed: {comparison.sealed}"))
        for miss in missed_of(comparison):
            self._console.print(Text(f"missed  {printable(miss.message)}"))

    def comparisons(self, comparisons: Comparisons) -> None:
        by_category: dict[str, Counter[EqualityStatus]] = {
            category: Counter() for category in comparisons.categories
        }
        with self._progress() as progress:
            task = progress.add_task("comparing", total=comparisons.total)
            for row in comparisons:
                by_category[row.category][row.status] += 1
                if row.status is not EqualityStatus.Equal:
                    self._row(row)
                progress.update(task, advance=1, description=printable(row.category))
        self._console.print(_counts_table(by_category))
        self._console.print(Text(comparisons.counted()))

    def pruned(self, count: int) -> None:
        self._console.print(Text(f"{count} recordings removed"))

    def _progress(self) -> Progress:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
        )
        return Progress(*columns, console=self._console, transient=True)

    def _row(self, row: ComparisonRow) -> None:
        line = Text(f"{row.status.name} ", style=_STYLES[row.status])
        line.append(printable(row.recording_id or row.category), style="bold")
        line.append(f"  {printable(row.message or '')}", style="default")
        self._console.print(line)
        for text in diff_lines(row):
            self._console.print(Text(f"    {printable(text)}"))


def _table(*columns: str) -> Table:
    table = Table(show_lines=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    # Text, not str: what was recorded must not be read as markup.
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _counts_table(by_category: dict[str, Counter[EqualityStatus]]) -> Table:
    table = _table("Category", *(status.name for status in EqualityStatus))
    for category, counts in by_category.items():
        _add(table, category, *(str(counts[status] or "") for status in EqualityStatus))
    return table

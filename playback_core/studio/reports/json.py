"""JSON, one document for each command, for programs."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TextIO

from playback_core.codec import describe
from playback_core.studio.comparison import Comparison, EqualityStatus
from playback_core.studio.difference import Diff
from playback_core.studio.summary import (
    MAX_VALUE_TEXT,
    ComparisonRow,
    Comparisons,
    RecordingDetail,
    RecordingRow,
    missed_of,
)


class JsonReport:
    """Writes one JSON document, once all of it is known; ASCII only."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def recordings(self, rows: Iterable[RecordingRow]) -> None:
        self._write({"recordings": [asdict(row) for row in rows]})

    def recording(self, detail: RecordingDetail) -> None:
        self._write(
            {
                **asdict(detail.row),
                "metadata": detail.metadata,
                "entries": [asdict(entry) for entry in detail.entries],
                "family": [asdict(each) for each in detail.family],
            }
        )

    def replay(self, comparison: Comparison) -> None:
        playback = comparison.playback
        outputs: Iterable[Any] = getattr(playback, "playback_outputs", ())
        self._write(
            {
                **_row(ComparisonRow.of("", comparison)),
                "recorded_duration": getattr(playback, "recorded_duration", None),
                "playback_duration": getattr(playback, "playback_duration", None),
                "outputs": [
                    {"key": o.key, "value": describe(o.value, MAX_VALUE_TEXT)} for o in outputs
                ],
                "missed": [asdict(miss) for miss in missed_of(comparison)],
            }
        )

    def comparisons(self, comparisons: Comparisons) -> None:
        categories: dict[str, list[dict[str, Any]]] = {
            category: [] for category in comparisons.categories
        }
        for row in comparisons:
            categories[row.category].append(_row(row))
        counts = {status.name: comparisons.counts[status] for status in EqualityStatus}
        self._write(
            {
                "categories": categories,
                "counts": counts,
                "total": comparisons.total,
                "left_out": {
                    category: {"incomplete": found.incomplete, "beyond_limit": found.is_cut}
                    for category, found in comparisons.selections.items()
                    if found.incomplete or found.is_cut
                },
                "interrupted": comparisons.interrupted,
            }
        )

    def pruned(self, count: int) -> None:
        self._write({"removed": count})

    def _write(self, document: dict[str, Any]) -> None:
        self._out.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
        self._out.flush()


def _row(row: ComparisonRow) -> dict[str, Any]:
    return {
        "recording_id": row.recording_id,
        "status": row.status.name,
        "message": row.message,
        "sealed": row.sealed,
        "diff": _diff(row.diff),
    }


def _diff(diff: Any) -> Any:
    if isinstance(diff, Diff):
        return diff.as_data()
    if diff is None or isinstance(diff, str):
        return diff
    try:
        json.dumps(diff, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return describe(diff, MAX_VALUE_TEXT)
    return diff

"""What the commands say of recordings: `playback compare --json`, read and held to be Equal."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from examples.live_demo.visitors import Traffic

# The exit codes of the comparison after which there are verdicts to read.
ALL_EQUAL, DIFFERENCES, REPLAY_FAILURES = 0, 1, 3


class DemoFailed(Exception):
    """The demo did not find what it should."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison says of one recording.

    `differences` are those that count; they have a `path`, and as text or None what was `recorded`
    and is `replayed` there.
    """

    recording_id: str
    status: str
    message: str
    differences: Sequence[Mapping[str, str | None]]
    sealed: str

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """Read one verdict of the JSON document."""
        message, diff = fields["message"] or "", fields["diff"]
        listed = diff if isinstance(diff, list) else []
        differences = [each for each in listed if each.get("kind") != "ignored"]
        recording_id, status = str(fields["recording_id"]), fields["status"]
        return cls(recording_id, status, message, differences, str(fields["sealed"]))

    def __str__(self) -> str:
        lines = [f"{self.recording_id} is {self.status}."]
        if not self.differences:
            lines.append(f"  {self.message}")
        for difference in self.differences:
            lines.append(f"  {difference['path']}")
            lines.append(f"    - {difference['recorded']}")
            lines.append(f"    + {difference['replayed']}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The outcome of one `playback compare --json`."""

    exit_code: int
    verdicts: list[Verdict]

    @classmethod
    def parse(cls, exit_code: int, document: str) -> Self:
        """Read the printed JSON document."""
        categories = json.loads(document)["categories"].values()
        return cls(exit_code, [Verdict.parse(each) for verdicts in categories for each in verdicts])

    def counts(self) -> str:
        """Say how many verdicts of each status there are."""
        by_status = Counter(verdict.status for verdict in self.verdicts).most_common()
        return ", ".join(f"{count} {status}" for status, count in by_status) or "nothing"

    @property
    def sealed(self) -> str:
        """How tight the replays were sealed."""
        return "/".join(sorted({verdict.sealed for verdict in self.verdicts}))

    def not_equal(self) -> list[Verdict]:
        """Return the verdicts that are not Equal."""
        return [verdict for verdict in self.verdicts if verdict.status != "Equal"]


def check_same_code(comparisons: Comparisons, traffic: Traffic) -> None:
    """Raise `DemoFailed` unless every request of the traffic was replayed and is Equal."""
    recorded = sorted(str(exchange.recording_id) for exchange in traffic.exchanges)
    compared = sorted(verdict.recording_id for verdict in comparisons.verdicts)
    if recorded != compared:
        missing = len(set(recorded) - set(compared))
        raise DemoFailed(
            f"{len(recorded)} requests were recorded, but {len(compared)} compared;"
            f" {missing} of the recordings are missing."
        )
    for verdict in comparisons.not_equal():
        raise DemoFailed(f"Nothing has changed, and yet {verdict}")
    check_exit_code(comparisons, ALL_EQUAL)


def check_exit_code(comparisons: Comparisons, expected: int) -> None:
    """Raise `DemoFailed` unless the comparison ended with a code."""
    if comparisons.exit_code != expected:
        raise DemoFailed(f"The comparison ended with code {comparisons.exit_code}, not {expected}.")

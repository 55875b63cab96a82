"""What reports show: rows and details as plain dataclasses, made of recordings and comparisons."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from playback_core import metadata as names
from playback_core.codec import describe
from playback_core.entry import Entry, EntryKind
from playback_core.playback import Miss
from playback_core.recording import Recording
from playback_core.recording_id import category_of
from playback_core.studio.clock_rule import CLOCK_RULE
from playback_core.studio.comparison import Comparison, EqualityStatus
from playback_core.studio.difference import Diff
from playback_core.studio.lookup import Selection, left_out_note
from playback_core.studio.presence import REDACTED_RULE, presence_note
from playback_core.studio.redacted_value import REDACTED_VALUE_RULE

MAX_VALUE_TEXT: Final = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingRow:
    """One line on a stored recording.

    `recorded_at` is UTC as stored, `duration` seconds; `damaged` says why it can't be read.
    """

    recording_id: str
    category: str
    recorded_at: str | None = None
    duration: float | None = None
    kind: str | None = None
    raised: bool = False
    incomplete: bool = False
    not_replayable: str | None = None
    damaged: str | None = None

    @classmethod
    def of(cls, recording_id: str, metadata: Mapping[str, Any]) -> Self:
        """Make a row of a recording's metadata, whatever types a foreign file has put there."""
        duration = metadata.get(names.DURATION)
        return cls(
            recording_id=recording_id,
            category=category_of(recording_id),
            recorded_at=_text_or_none(metadata.get(names.RECORDED_AT)),
            duration=float(duration) if isinstance(duration, (int, float)) else None,
            kind=_text_or_none(metadata.get(names.KIND)),
            raised=metadata.get(names.EXCEPTION_IN_OPERATION) is True,
            incomplete=metadata.get(names.INCOMPLETE_RECORDING) is True,
            not_replayable=_text_or_none(metadata.get(names.NOT_REPLAYABLE)),
        )

    @property
    def remarks(self) -> str:
        """What is out of the ordinary, in words."""
        remarks = [
            "raised" if self.raised else "",
            "incomplete" if self.incomplete else "",
            f"not replayable: {self.not_replayable}" if self.not_replayable else "",
            f"damaged: {self.damaged}" if self.damaged else "",
        ]
        return ", ".join(filter(None, remarks))


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryRow:
    """One entry of a recording; `at` is seconds from its start, the values are texts."""

    number: int
    kind: str
    alias: str
    at: float
    branch: str
    arguments: str | None
    result: str | None
    raised: bool

    @classmethod
    def of(cls, number: int, entry: Entry) -> Self:
        """Make a row of an entry, decoding its values."""
        return cls(
            number=number,
            kind=entry.kind.name.lower(),
            alias=entry.alias,
            at=entry.at / 1e6,
            branch="/".join(map(str, entry.branch)),
            arguments=_arguments(entry),
            result=None if entry.result is None else _value_text(entry.decoded_result()),
            raised=entry.failed,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FamilyRow:
    """A recording in the tree of those that were sent from one another; `depth` is 0 at its top."""

    depth: int
    recording_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingDetail:
    """All there is in a recording, values as texts; `family` is the tree it is in, or empty."""

    row: RecordingRow
    metadata: dict[str, str]
    entries: list[EntryRow]
    family: list[FamilyRow] = field(default_factory=list)

    @classmethod
    def of(cls, recording: Recording, family: Sequence[FamilyRow] = ()) -> Self:
        """Make the detail of a recording, decoding its values."""
        metadata = recording.get_metadata()
        return cls(
            row=RecordingRow.of(recording.id, metadata),
            metadata={str(name): _value_text(value) for name, value in metadata.items()},
            entries=[EntryRow.of(n, entry) for n, entry in enumerate(recording.entries, start=1)],
            family=list(family),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRow:
    """One line on a comparison; `diff` is a `Diff`, or whatever a user's comparator gave."""

    category: str
    recording_id: str | None
    status: EqualityStatus
    message: str | None
    diff: Any = None
    sealed: str | None = None

    @classmethod
    def of(cls, category: str, comparison: Comparison) -> Self:
        """Make a row of a comparison, without its playback and results."""
        result = comparison.comparator_status
        return cls(
            category=category,
            recording_id=comparison.recording_id,
            status=result.equality_status,
            message=result.message,
            diff=result.diff,
            sealed=comparison.sealed,
        )


class Comparisons:
    """Comparisons of several categories as rows, made while they are iterated, once.

    `total` is how many recordings there are to compare, `selections` by category how they were
    found. `counts` grows with the iteration, and `sealed`, how many replays were sealed in which
    way. `interrupted` tells that a KeyboardInterrupt ended it early.
    """

    def __init__(
        self,
        by_category: Mapping[str, Iterator[Comparison]],
        total: int,
        selections: Mapping[str, Selection] | None = None,
    ) -> None:
        self.categories = list(by_category)
        self.total = total
        self.selections = dict(selections or {})
        self.counts: Counter[EqualityStatus] = Counter()
        self.sealed: Counter[str] = Counter()
        self.interrupted = False
        self._is_comparing = False
        self._only_present = 0
        self._now = 0
        self._computed = 0
        self._by_category = by_category

    def __iter__(self) -> Iterator[ComparisonRow]:
        for category, comparisons in self._by_category.items():
            while (comparison := self._next(comparisons)) is not None:
                row = ComparisonRow.of(category, comparison)
                self.counts[row.status] += 1
                if row.sealed is not None:
                    self.sealed[row.sealed] += 1
                self._only_present += _taken_out(row.diff, REDACTED_RULE)
                self._now += _taken_out(row.diff, CLOCK_RULE)
                self._computed += _taken_out(row.diff, REDACTED_VALUE_RULE)
                yield row

    def interrupt(self) -> None:
        """End the iteration, for a signal handler: a comparison being made by KeyboardInterrupt.

        Between two comparisons what is being written is finished first, unless called again.
        """
        raises = self._is_comparing or self.interrupted
        self.interrupted = True
        if raises:
            raise KeyboardInterrupt

    def counted(self) -> str:
        """Say how many comparisons of each status there were, and what they did not compare."""
        compared = self.counts.total()
        if self.interrupted:
            beginning = f"Interrupted: {compared} of {self.total} compared"
        elif compared:
            beginning = f"{compared} compared"
        else:
            return f"Nothing verified: no recording was compared{left_out_note(self.selections)}."
        counts = ", ".join(f"{self.counts[s]} {s.name}" for s in EqualityStatus if self.counts[s])
        notes = [
            f"; {presence_note(self._only_present)}" if self._only_present else "",
            f"; taken as now by the rule {CLOCK_RULE}: {self._now}" if self._now else "",
            f"; not verified as {REDACTED_VALUE_RULE}s: {self._computed}" if self._computed else "",
            self._sealed_note(),
            left_out_note(self.selections),
        ]
        return f"{beginning}: {counts or 'nothing verified'}{''.join(notes)}"

    def _sealed_note(self) -> str:
        if not self.sealed:
            return ""
        kinds = [f"{kind} ({count})" for kind, count in self.sealed.items()]
        return f"; sealed: {next(iter(self.sealed)) if len(kinds) == 1 else ', '.join(kinds)}"

    def _next(self, comparisons: Iterator[Comparison]) -> Comparison | None:
        if self.interrupted:
            return None
        self._is_comparing = True
        try:
            comparison = next(comparisons, None)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self._is_comparing = False
        # Replayed code that swallows the exception has not run as it was recorded.
        return None if self.interrupted else comparison


def missed_of(comparison: Comparison) -> list[Miss]:
    """Return the calls of a replay that were not recorded, also those the application swallowed."""
    return list(getattr(comparison.playback, "missed", ()))


def _taken_out(diff: Any, rule: str) -> int:
    return diff.ignored_by_rule()[rule] if isinstance(diff, Diff) else 0


def _arguments(entry: Entry) -> str | None:
    if entry.arguments is None:
        return None
    arguments = entry.decoded_arguments()
    if entry.kind is EntryKind.INPUT and isinstance(arguments, list) and len(arguments) == 2:
        arguments = {"args": arguments[0], "kwargs": arguments[1]}
    return _value_text(arguments)


def _value_text(value: Any) -> str:
    return describe(value, MAX_VALUE_TEXT)


def _text_or_none(value: Any) -> str | None:
    return value if value is None or type(value) is str else _value_text(value)

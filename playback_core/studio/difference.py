"""Difference and Diff: what differs between two values, as data of a bounded size."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from playback_core.codec import describe

MAX_DIFFERENCES: Final = 50
_MAX_TEXT: Final = 200
_CONTEXT: Final = 40
_IN_SUMMARY: Final = 3
_MAX_SUMMARY_TEXT: Final = 60


class DifferenceKind(StrEnum):
    """In which way the replayed value is not the recorded one."""

    CHANGED = "changed"
    TYPE = "type"
    MISSING = "missing"
    EXTRA = "extra"
    MOVED = "moved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where recording and replay differ.

    `recorded` and `replayed` are texts of the values, cut at about 200 characters, None where
    there is no value. `rule` names why an ignored difference does not count.
    """

    path: str
    recorded: str | None
    replayed: str | None
    kind: DifferenceKind
    rule: str | None = None

    @property
    def counts(self) -> bool:
        """Whether no rule or declared policy takes it out."""
        return self.kind is not DifferenceKind.IGNORED

    def __str__(self) -> str:
        return self._line(_MAX_TEXT + len("…#0123456789ab"))

    def brief(self) -> str:
        """Return the line with its values cut short."""
        return self._line(_MAX_SUMMARY_TEXT)

    def _line(self, width: int) -> str:
        recorded, replayed = _shortened(self.recorded, width), _shortened(self.replayed, width)
        match self.kind:
            case DifferenceKind.MISSING:
                return f"{self.path}: missing, was {recorded}"
            case DifferenceKind.EXTRA:
                return f"{self.path}: not recorded, now {replayed}"
            case DifferenceKind.MOVED:
                return f"{self.path}: moved from {recorded} to {replayed}"
            case DifferenceKind.IGNORED:
                return f"{self.path}: {_transition(recorded, replayed)}ignored ({self.rule})"
        return f"{self.path}: {recorded} -> {replayed}"


@dataclass(frozen=True, slots=True)
class Diff:
    """The differences of one comparison: a bounded number that count, and as many that do not.

    `cut` tells that more of those that count may be there, `more_by_rule` how many more of the
    others there are.
    """

    differences: tuple[Difference, ...] = ()
    cut: bool = False
    more_by_rule: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, differences: Iterable[Difference], limit: int = MAX_DIFFERENCES) -> Self:
        """Collect at most `limit` differences of each sort; stop where one too many counts."""
        kept: list[Difference] = []
        more: Counter[str] = Counter()
        found = ignored = 0
        for difference in differences:
            if difference.counts:
                if found == limit:
                    return cls(tuple(kept), True, more)
                found += 1
            elif ignored == limit:
                more[difference.rule or ""] += 1
                continue
            else:
                ignored += 1
            kept.append(difference)
        return cls(tuple(kept), False, more)

    @property
    def found(self) -> tuple[Difference, ...]:
        """The differences that count."""
        return tuple(d for d in self.differences if d.counts)

    @property
    def ignored(self) -> tuple[Difference, ...]:
        """The differences that a rule or a declared policy takes out."""
        return tuple(d for d in self.differences if not d.counts)

    @property
    def more_ignored(self) -> int:
        """How many ignored differences there are beside those listed."""
        return sum(self.more_by_rule.values())

    def ignored_by_rule(self) -> Counter[str]:
        """Return how many differences each rule takes out, listed or not."""
        return Counter(d.rule or "" for d in self.ignored) + Counter(self.more_by_rule)

    def joined(self, other: "Diff") -> "Diff":
        """Return the differences of both."""
        return Diff(
            self.differences + other.differences,
            self.cut or other.cut,
            Counter(self.more_by_rule) + Counter(other.more_by_rule),
        )

    def summary(self) -> str:
        """Return one line with the first differences that count and how many more there are."""
        found = self.found
        parts = [difference.brief() for difference in found[:_IN_SUMMARY]]
        more = len(found) - len(parts)
        if more or self.cut:
            parts.append(f"and {'at least ' if self.cut else ''}{max(more, 1)} more")
        return "; ".join(parts)

    def render(self) -> str:
        """Return readable text, one line for each difference."""
        lines = [str(difference) for difference in self.differences]
        if self.cut:
            lines.append("… there are more differences than are listed")
        if self.more_ignored:
            lines.append(f"… {self.more_ignored} more are ignored")
        return "\n".join(lines)

    def as_data(self) -> list[dict[str, Any]]:
        """Return plain dictionaries for a JSON report."""
        return [
            {
                "path": difference.path,
                "kind": difference.kind.value,
                "recorded": difference.recorded,
                "replayed": difference.replayed,
                **({"rule": difference.rule} if difference.rule is not None else {}),
            }
            for difference in self.differences
        ]


def changed(path: str, recorded: Any, replayed: Any) -> Difference:
    """Return the difference of two values that are not the same; types are named if they differ."""
    if type(recorded) is not type(replayed):
        return Difference(path, _typed(recorded), _typed(replayed), DifferenceKind.TYPE)
    if type(recorded) in (str, bytes):
        recorded, replayed = _around_first_difference(recorded, replayed)
    return Difference(path, text_of(recorded), text_of(replayed), DifferenceKind.CHANGED)


def missing(path: str, recorded: Any) -> Difference:
    """Return the difference of a recorded value that the replay has not."""
    return Difference(path, text_of(recorded), None, DifferenceKind.MISSING)


def extra(path: str, replayed: Any) -> Difference:
    """Return the difference of a replayed value that the recording has not."""
    return Difference(path, None, text_of(replayed), DifferenceKind.EXTRA)


def ignored(
    path: str, rule: str, recorded: str | None = None, replayed: str | None = None
) -> Difference:
    """Return a difference that does not count; the values are given as texts."""
    return Difference(path, recorded, replayed, DifferenceKind.IGNORED, rule)


def taken_out(difference: Difference, rule: str) -> Difference:
    """Return a difference as one that a rule takes out."""
    return ignored(difference.path, rule, difference.recorded, difference.replayed)


def text_of(value: Any) -> str:
    """Return a value as text of a bounded length."""
    return describe(value, _MAX_TEXT)


def _typed(value: Any) -> str:
    return f"{text_of(value)} ({type(value).__qualname__})"


def _around_first_difference(recorded: Any, replayed: Any) -> tuple[Any, Any]:
    if max(len(recorded), len(replayed)) <= _MAX_TEXT // 2:
        return recorded, replayed
    shorter = min(len(recorded), len(replayed))
    first = next((i for i in range(shorter) if recorded[i] != replayed[i]), shorter)
    return _excerpt(recorded, first), _excerpt(replayed, first)


def _excerpt(text: Any, position: int) -> Any:
    mark = "…" if isinstance(text, str) else b"..."
    start, end = max(0, position - _CONTEXT), position + _CONTEXT
    before, after = mark if start else mark[:0], mark if end < len(text) else mark[:0]
    return before + text[start:end] + after


def _shortened(text: str | None, width: int) -> str | None:
    return text if text is None or len(text) <= width else text[: width - 1] + "…"


def _transition(recorded: str | None, replayed: str | None) -> str:
    if recorded is None and replayed is None:
        return ""
    return f"{recorded or 'absent'} -> {replayed or 'absent'}, "

"""The rule `redacted value`: what was computed with redacted values cannot be verified.

Replayed code has a pseudonym where recorded code had the secret. What it makes of that (a digest, a
part, a text around it) is another value, and nobody can tell whether the right one. It is found by
replaying again with other pseudonyms: what differs then depends on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from playback_core.studio.comparison import ComparatorResult, EqualityStatus, sealed_of
from playback_core.studio.difference import Diff, Difference, taken_out
from playback_core.varied import gives_pseudonyms, varied_replays

REDACTED_VALUE_RULE: Final = "redacted value"
"""The rule of values that were computed with pseudonyms."""

_MAX_NAMED: Final = 3

CompareAgain = Callable[[], Any]
"""Replays once more; gives the diff between the replays, None where they cannot be compared."""


def without_redacted_values(
    result: ComparatorResult, playback: Any, compare_again: CompareAgain
) -> ComparatorResult:
    """Return a verdict in which the differences that depend on pseudonyms do not count.

    Where no other difference is left there is no verdict: it is an EqualizerFailure. Replays
    again only where there are differences and pseudonyms, and where nothing real is reached.
    """
    diff = result.diff
    if not (isinstance(diff, Diff) and diff.found) or diff.cut or not _may_depend(playback):
        return result
    with varied_replays():
        depending = _places(compare_again())
    if not any(_depends(difference, depending) for difference in diff.found):
        return result
    # What differs from one replay to the next whatever the pseudonyms is no news of them.
    depending -= _places(compare_again())
    return _judged(result, diff, depending)


def _may_depend(playback: Any) -> bool:
    evidence = getattr(playback, "evidence", None)
    is_sealed = sealed_of(playback) not in (None, "off")
    return is_sealed and evidence is not None and gives_pseudonyms(evidence.entries)


def _places(diff: Any) -> set[str]:
    if not isinstance(diff, Diff) or diff.cut:
        return set()
    return {difference.path for difference in diff.found}


def _depends(difference: Difference, depending: set[str]) -> bool:
    return difference.counts and difference.path in depending


def _judged(result: ComparatorResult, diff: Diff, depending: set[str]) -> ComparatorResult:
    differences = tuple(
        taken_out(each, REDACTED_VALUE_RULE) if _depends(each, depending) else each
        for each in diff.differences
    )
    judged = replace(diff, differences=differences)
    places = [each.path for each in differences if each.rule == REDACTED_VALUE_RULE]
    if not places:
        return result
    named = ", ".join([*islice(places, _MAX_NAMED), *(["…"] if len(places) > _MAX_NAMED else [])])
    note = f"{len(places)} {REDACTED_VALUE_RULE}(s) ({named})"
    if not judged.found:
        message = f"not verified: {note}; it was computed with what is redacted in the recording"
        return replace(
            result, equality_status=EqualityStatus.EqualizerFailure, message=message, diff=judged
        )
    summary = judged.summary() if result.message == diff.summary() else result.message
    return replace(result, message=f"{summary} [not verified: {note}]", diff=judged)

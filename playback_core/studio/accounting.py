"""What a Playback says against a verdict, and which departures from the recording it lists."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from playback_core.entry import Entry, EntryKind
from playback_core.intercepted_files import is_stored_file
from playback_core.interception_key import input_key
from playback_core.metadata import NOT_REPLAYABLE, OPERATION_OUTPUT_ALIAS
from playback_core.studio.difference import MAX_DIFFERENCES, Diff, Difference, ignored, text_of
from playback_core.studio.presence import REDACTED_RULE, presence_note

FILE_RULE: Final = "the content of the file was not recorded"
MADE_UP_RULE: Final = "random numbers made up"
"""The rule of what replayed code has drawn beyond what was recorded."""

OTHER_DATABASE_RULE: Final = "another database"
"""The rule of a database that the replay used in the place of the recorded one."""

SET_UP_RULE: Final = "set up before, not compared"
"""The rule of what a connection was told beside the operation, on which its statements depend."""

_MAX_NAMED: Final = 3


def objection(playback: Any) -> str | None:
    """Return why a replay cannot be given a verdict, or None where it can.

    `playback` may be an object of a player's own, with or without the account a Playback keeps.
    """
    recording = getattr(playback, "original_recording", None)
    reason = recording.get_metadata().get(NOT_REPLAYABLE) if recording is not None else None
    if reason:
        return f"not verified: {reason}"
    missed = list(getattr(playback, "missed", ()))
    if missed:
        more = f" ({len(missed) - 1} more calls were not recorded)" if len(missed) > 1 else ""
        return f"{missed[0].message}{more}"
    if not playback.recorded_outputs and not playback.playback_outputs:
        return "nothing verified: neither the recording nor the replay has an output to compare"
    if _has_result(playback.recorded_outputs) and not _has_result(playback.playback_outputs):
        return "nothing verified: the replay did not run the recorded operation to its end"
    return None


def _has_result(outputs: Iterable[Any]) -> bool:
    beginning = f"output: {OPERATION_OUTPUT_ALIAS} #"
    return any(getattr(output, "key", "").startswith(beginning) for output in outputs)


def departures(playback: Any, *, with_outputs: bool) -> Diff:
    """Return what a replay did otherwise than recorded without that being a failure.

    `with_outputs` lists outputs that were not sent again, too; leave it out where they count.
    """
    return Diff.of(_departures(playback, with_outputs), MAX_DIFFERENCES)


def summary_of_ignored(diff: Diff) -> str:
    """Return one line that counts the ignored differences by rule and names the first of each."""
    by_rule = diff.ignored_by_rule()
    return "; ".join(_counted(diff, rule, count) for rule, count in by_rule.items())


def _counted(diff: Diff, rule: str, count: int) -> str:
    if rule == REDACTED_RULE:
        return presence_note(count)
    return f"{rule}: {_names(diff, rule, count)}"


def _names(diff: Diff, rule: str, count: int) -> str:
    paths = [difference.path for difference in diff.ignored if difference.rule == rule]
    named = [*islice(dict.fromkeys(paths), _MAX_NAMED)]
    more = count > len(paths) or len(set(paths)) > _MAX_NAMED
    return f"{count} ({', '.join([*named, *(['…'] if more else [])])})"


def _departures(playback: Any, with_outputs: bool) -> Iterator[Difference]:
    for substitution in getattr(playback, "substituted", ()):
        rule = f"substituted by {substitution.policy}"
        yield ignored(substitution.alias, rule, replayed=substitution.key)
    yield from _relocations(getattr(playback, "repeated", ()))
    yield from _relocations(getattr(playback, "moved", ()))
    yield from _databases(playback)
    for source, count in getattr(playback, "made_up", {}).items():
        yield ignored(source, MADE_UP_RULE, replayed=f"{count} drawn beyond the recorded ones")
    for entry in getattr(playback, "never_consumed", ()):
        is_listed = with_outputs or entry.kind is not EntryKind.OUTPUT
        if is_listed and entry.alias != OPERATION_OUTPUT_ALIAS:
            yield ignored(entry.alias, "recorded, never asked for", recorded=_call(entry))
    for key, sent in playback.recorded_outputs:
        if is_stored_file(sent) and "not_recorded" in sent:
            yield ignored(key, FILE_RULE, recorded=sent["not_recorded"])
    for call in getattr(playback, "late", ()):
        yield ignored("late call", "made after the operation had ended", replayed=call)
    for alias in getattr(playback, "outside", ()):
        yield ignored(alias, "ran for real, called from outside the replayed operation")


def _databases(playback: Any) -> Iterator[Difference]:
    for other in getattr(playback, "other_databases", ()):
        path = f"{other.library} database"
        yield ignored(path, OTHER_DATABASE_RULE, other.recorded, other.replayed)
    for statement in getattr(playback, "set_up", ()):
        yield ignored(statement, SET_UP_RULE)


def _relocations(relocations: Iterable[Any]) -> Iterator[Difference]:
    for relocation in relocations:
        yield ignored(relocation.alias, relocation.how)


def _call(entry: Entry) -> str:
    arguments = entry.decoded_arguments()
    if entry.kind is EntryKind.INPUT:
        return input_key(entry.alias, arguments)
    return f"output: {entry.alias} {text_of(arguments)}"

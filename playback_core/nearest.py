"""Names the recorded call that comes nearest to one that was missed, and what differs."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from playback_core.codec import describe
from playback_core.entry import Entry, EntryKind
from playback_core.metadata import OPERATION_OUTPUT_ALIAS


def nearest_call(entries: Iterable[Entry], alias: str, arguments: Any) -> str:
    """Return a sentence on the nearest recorded input: its arguments, and the fields that differ.

    `arguments` is the missed call's `[args, kwargs]`.
    """
    inputs = [entry for entry in entries if entry.kind is EntryKind.INPUT]
    same_alias = [entry for entry in inputs if entry.alias == alias]
    if not same_alias:
        return _nearest_alias(inputs, alias)
    differences = [
        (list(_differences(entry.decoded_arguments(), arguments)), entry) for entry in same_alias
    ]
    fields, entry = min(differences, key=lambda pair: len(pair[0]))
    args, kwargs = entry.decoded_arguments()
    recorded = f"args={describe(args, 300)}, kwargs={describe(kwargs, 300)}"
    if not fields:
        return (
            f"It was recorded {len(same_alias)} time(s) with other outcomes, and all of them"
            " are consumed."
        )
    return f"The nearest recorded call has {recorded}; what differs: {'; '.join(fields[:5])}."


def nearest_output(entries: Iterable[Entry], alias: str, number: int) -> str:
    """Return a sentence on the recorded outputs of an alias, of which this is a number too many."""
    outputs = [entry for entry in entries if entry.kind is EntryKind.OUTPUT]
    recorded = sum(1 for entry in outputs if entry.alias == alias)
    if not recorded:
        return _nearest_alias(outputs, alias)
    return f"{recorded} call(s) of this output are recorded and this is number {number}."


def what_differs(recorded: dict[str, Any], sent: dict[str, Any]) -> str:
    """Return a sentence on the fields in which an output differs from the recorded one, if any."""
    fields = list(_in_mapping("kwargs", recorded["kwargs"], sent["kwargs"]))
    return f" What differs: {'; '.join(fields[:5])}." if fields else ""


def _nearest_alias(entries: Iterable[Entry], alias: str) -> str:
    aliases = {entry.alias for entry in entries} - {OPERATION_OUTPUT_ALIAS}
    if not aliases:
        return "The recording has no such calls."
    close = get_close_matches(alias, aliases, n=1, cutoff=0.5)
    named = close[0] if close else None
    if named:
        return f"No call of this alias was recorded; the nearest recorded alias is {named!r}."
    return f"No call of this alias was recorded; recorded are {', '.join(sorted(aliases)[:10])}."


def _differences(recorded: Any, replayed: Any) -> Iterator[str]:
    yield from _in_sequence("args", recorded[0], replayed[0])
    yield from _in_mapping("kwargs", recorded[1], replayed[1])


def _in_sequence(path: str, recorded: list[Any], replayed: list[Any]) -> Iterator[str]:
    for index in range(max(len(recorded), len(replayed))):
        here = f"{path}[{index}]"
        if index >= len(recorded):
            yield f"{here} was not passed, is {describe(replayed[index], 100)}"
        elif index >= len(replayed):
            yield f"{here} was {describe(recorded[index], 100)}, is not passed"
        else:
            yield from _in_value(here, recorded[index], replayed[index])


def _in_mapping(path: str, recorded: dict[Any, Any], replayed: dict[Any, Any]) -> Iterator[str]:
    for name in sorted({*recorded, *replayed}, key=str):
        here = f"{path}[{name!r}]"
        if name not in recorded:
            yield f"{here} was not passed, is {describe(replayed[name], 100)}"
        elif name not in replayed:
            yield f"{here} was {describe(recorded[name], 100)}, is not passed"
        else:
            yield from _in_value(here, recorded[name], replayed[name])


def _in_value(path: str, recorded: Any, replayed: Any) -> Iterator[str]:
    if type(recorded) is type(replayed) is dict:
        yield from _in_mapping(path, recorded, replayed)
    elif type(recorded) is type(replayed) and isinstance(recorded, (list, tuple)):
        yield from _in_sequence(path, list(recorded), list(replayed))
    elif describe(recorded) != describe(replayed):
        yield f"{path} was {describe(recorded, 100)}, is {describe(replayed, 100)}"

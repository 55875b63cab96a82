"""Recordings as JSON lines, for grep, jq and data frames."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playback_core import metadata as names
from playback_core.codec import json_form
from playback_core.commands.commands import stored_categories
from playback_core.commands.options import ExportOptions
from playback_core.entry import Entry, EntryKind
from playback_core.errors import CodecError, DamagedRecordingError, NoSuchRecording
from playback_core.recording import Recording
from playback_core.tape_cassette import TapeCassette


@dataclass(frozen=True, slots=True)
class ExportedRecording:
    """One recording as JSON data, or why it cannot be read."""

    recording_id: str
    document: dict[str, Any] | None
    damage: str | None = None


def export_recordings(
    cassette: TapeCassette, options: ExportOptions
) -> Iterator[ExportedRecording]:
    """Yield each recording as JSON data, category by category, the oldest first.

    docs/format.md describes the data. A recording that can't be read is one with `damage`. Raise
    NoSuchRecording for a named id, SettingsError for a category, that is not stored.
    """
    for recording_id in options.recording_ids:
        cassette.get_recording_metadata(recording_id)
    for recording_id in _recording_ids(cassette, options):
        try:
            document = recording_document(cassette.get_recording(recording_id))
        except NoSuchRecording:
            continue  # pruned meanwhile
        except (DamagedRecordingError, CodecError) as error:
            yield ExportedRecording(recording_id, None, str(error))
        else:
            yield ExportedRecording(recording_id, document)


def recording_document(recording: Recording) -> dict[str, Any]:
    """Return a recording as JSON data."""
    metadata = recording.get_metadata()
    return {
        "recording_id": recording.id,
        "category": recording.category,
        "recorded_at": json_form(metadata.get(names.RECORDED_AT)),
        "metadata": {str(name): json_form(value) for name, value in metadata.items()},
        "entries": [_entry_document(entry) for entry in recording.entries],
    }


def json_line(document: dict[str, Any], *, ascii_only: bool = False) -> str:
    """Return a document as one line without control characters, which a recording could smuggle in.

    Other text is left as it is, so that it can be searched for, unless it has to be ASCII. Halves
    of surrogate pairs, for which JSON parsers refuse a whole file, become a text such as `\\ud800`.
    """
    line = json.dumps(document, ensure_ascii=False, allow_nan=False)
    if line.isprintable() and (line.isascii() or not ascii_only):
        return line
    return "".join(
        char if char.isprintable() and (char.isascii() or not ascii_only) else _escape(char)
        for char in line
    )


def _escape(char: str) -> str:
    escape = json.dumps(char)[1:-1]
    return f"\\{escape}" if "\ud800" <= char <= "\udfff" else escape


def _recording_ids(cassette: TapeCassette, options: ExportOptions) -> Iterator[str]:
    if options.recording_ids:
        yield from dict.fromkeys(options.recording_ids)
        return
    lookup = options.lookup()
    for category in stored_categories(cassette, options.categories):
        yield from cassette.iter_recording_ids(
            category, lookup.start_date, lookup.end_date, lookup.metadata
        )


def _entry_document(entry: Entry) -> dict[str, Any]:
    document = {
        "kind": entry.kind.name.lower(),
        "alias": entry.alias,
        "branch": "/".join(map(str, entry.branch)),
        "at_us": entry.at,
    }
    if entry.arguments is not None:
        document |= _sent(entry)
    if entry.result is not None:
        result = json_form(entry.decoded_result())
        document["exception" if entry.failed else "value"] = result
    return document


def _sent(entry: Entry) -> dict[str, Any]:
    sent = entry.decoded_arguments()
    if entry.kind is EntryKind.INPUT and isinstance(sent, list) and len(sent) == 2:
        sent = {"args": sent[0], "kwargs": sent[1]}
    # What a data handler or an adapter made of a call has a form of its own.
    if isinstance(sent, dict) and {"args", "kwargs"} <= sent.keys() <= {"args", "kwargs", "raised"}:
        return {name: json_form(value) for name, value in sent.items()}
    return {"sent": json_form(sent)}

"""The recordings that one belongs with: what has sent it, and what it has sent, as a tree."""

from collections.abc import Iterator
from typing import Final

from playback_core.errors import CodecError, DamagedRecordingError, NoSuchRecording, SettingsError
from playback_core.metadata import PARENT_ID
from playback_core.studio.summary import FamilyRow
from playback_core.tape_cassette import TapeCassette

MOST_SHOWN: Final = 50
_HIGHEST: Final = 20


def family_of(cassette: TapeCassette, recording_id: str) -> list[FamilyRow]:
    """Return a recording's tree from the first ancestor that is stored, each above what it sent.

    It is empty for one that has neither a parent nor children, and ends after MOST_SHOWN.
    """
    try:
        categories = list(cassette.iter_categories())
    except SettingsError:
        return []  # this cassette cannot tell
    rows: list[FamilyRow] = []
    waiting = [FamilyRow(depth=0, recording_id=_first_of(cassette, recording_id))]
    while waiting and len(rows) < MOST_SHOWN:
        row = waiting.pop()
        rows.append(row)
        children = sorted(_children_of(cassette, categories, row.recording_id), reverse=True)
        waiting += [FamilyRow(depth=row.depth + 1, recording_id=each) for each in children]
    return rows if len(rows) > 1 else []


def _first_of(cassette: TapeCassette, recording_id: str) -> str:
    first = recording_id
    for _ in range(_HIGHEST):
        try:
            parent = cassette.get_recording_metadata(first).get(PARENT_ID)
            if not isinstance(parent, str):
                return first
            cassette.get_recording_metadata(parent)
        except (NoSuchRecording, DamagedRecordingError, CodecError):
            return first
        first = parent
    return first


def _children_of(cassette: TapeCassette, categories: list[str], recording_id: str) -> Iterator[str]:
    for category in categories:
        yield from cassette.iter_recording_ids(category, metadata={PARENT_ID: recording_id})

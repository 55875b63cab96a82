"""A varied replay: given other pseudonyms, so that what is computed with them differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from playback_core.codec import Deferred, decode, encode_key
from playback_core.codec.redaction import KEY_PART, PSEUDONYM
from playback_core.entry import Entry, EntryKind, encoded
from playback_core.errors import TapeRecorderException
from playback_core.recording import Recording
from playback_core.sandbox_options import SEALED, SandboxOptions

_PSEUDONYM: Final = re.compile(PSEUDONYM.encode())
_OTHER_DIGITS: Final = bytes.maketrans(b"0123456789abcdef", b"fedcba9876543210")

_is_varied: Final[ContextVar[bool]] = ContextVar("playback_varied", default=False)


@contextmanager
def varied_replays() -> Iterator[None]:
    """Have what is replayed within a block be given other pseudonyms than were recorded."""
    token = _is_varied.set(True)
    try:
        yield
    finally:
        _is_varied.reset(token)


def as_replayed(recording: Recording, sandbox: SandboxOptions | None) -> Recording:
    """Return the recording that a replay of this context works on.

    Raise TapeRecorderException where a varied one may reach the world: it is one replay too many.
    """
    if not _is_varied.get():
        return recording
    if sandbox != SEALED:
        raise TapeRecorderException(
            f"Recording {recording.id} is not replayed with other pseudonyms: the sandbox lets it"
            " reach out."
        )
    return _with_other_pseudonyms(recording)


def gives_pseudonyms(entries: Iterable[Entry]) -> bool:
    """Tell whether an operation was given pseudonyms, in its request or by a call."""
    return any(b"psd_" in blob and _PSEUDONYM.search(blob) for blob in _given(entries))


def _given(entries: Iterable[Entry]) -> Iterator[bytes]:
    return (encoded(entry.result) for entry in entries if entry.result is not None)


def _with_other_pseudonyms(recording: Recording) -> Recording:
    # Not those that stand for what the application itself has: it will have it again.
    given = {found for blob in _given(recording.entries) for found in _PSEUDONYM.findall(blob)}

    def other(match: re.Match[bytes]) -> bytes:
        pseudonym = match.group()
        if pseudonym not in given:
            return pseudonym
        # Of the same key and length, so that it is taken for one, and blobs stay what they are.
        end = KEY_PART.stop
        return pseudonym[:end] + pseudonym[end:].translate(_OTHER_DIGITS)

    def varied(blob: bytes | Deferred | None) -> bytes | None:
        return None if blob is None else _PSEUDONYM.sub(other, encoded(blob))

    entries = [
        Entry(
            entry.kind,
            entry.alias,
            entry.branch,
            _in_order(entry, varied(entry.arguments)),
            varied(entry.result),
            entry.failed,
            entry.at,
        )
        for entry in recording.entries
    ]
    twin = Recording(
        recording.id,
        started_at=recording.started_at,
        entries=entries,
        metadata=recording.get_metadata(),
    )
    twin.close()
    return twin


def _in_order(entry: Entry, arguments: bytes | None) -> bytes | None:
    # The canonical order of a key is that of the pseudonyms in it.
    if arguments is None or entry.kind is not EntryKind.INPUT or arguments == entry.arguments:
        return arguments
    return encode_key(decode(arguments))

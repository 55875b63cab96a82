"""Exchanged: a request and its answer, and the entries that are made of them when it is stored."""

from typing import Any, Protocol

from playback_core.codec import encode_plain
from playback_core.entry import EntryKind, RedactedEntry
from playback_core.metadata import OPERATION_OUTPUT_ALIAS, OPERATION_REQUEST


def output_data(result: Any) -> dict[str, Any]:
    """Return what the output of an operation is stored as."""
    return {"args": [result], "kwargs": {}}


class Exchanged(Protocol):
    """A request and the answer to it: plain data, made when it is asked for.

    That is: exact JSON-like types and bytes (no bytearray), made from what nobody changes.
    """

    @property
    def size(self) -> int:
        """About how many bytes are kept to make it."""

    def request(self) -> Any:
        """Return the request, from which the operation can be run again."""

    def response(self) -> Any:
        """Return what the operation came to."""

    @property
    def redacted_by(self) -> object:
        """What would find no secret in request and response any more; None if something might."""


class ExchangeEntries:
    """The last entries of a recorded exchange, made when it is stored."""

    def __init__(self, exchanged: Exchanged) -> None:
        self._exchanged = exchanged
        self.size = exchanged.size

    def entries(self) -> list[RedactedEntry]:
        exchanged = self._exchanged
        request = encode_plain(exchanged.request())
        response = encode_plain(output_data(exchanged.response()))
        entries = [
            RedactedEntry(EntryKind.DATA, OPERATION_REQUEST, (), None, request),
            RedactedEntry(EntryKind.OUTPUT, OPERATION_OUTPUT_ALIAS, (), response),
        ]
        redacted_by = exchanged.redacted_by
        for entry in entries:
            entry.redacted_by = redacted_by
        return entries

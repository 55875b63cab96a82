"""Recording: one operation's stored entries and metadata."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import time_ns
from typing import Any, NamedTuple, Protocol

from playback_core.codec import UNCHANGING, decode, encode
from playback_core.entry import ENTRY_BYTES, Entry, EntryKind
from playback_core.errors import (
    CodecError,
    DamagedRecordingError,
    DecodeError,
    EncodeError,
    RecordingKeyError,
    SettingsError,
)
from playback_core.interception_key import input_key, output_key, span_key
from playback_core.metadata import MADE_HERE
from playback_core.packing import (
    PackedRecording,
    Redaction,
    pack_entries,
    unpack_entries,
    unreadable,
)
from playback_core.recording_id import category_of, new_recording_id


class Completion(Protocol):
    """What makes the last entries of a recording when it is stored, from what nobody changes."""

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""

    def entries(self) -> Iterable[Entry]:
        """Return the entries."""


class Output(NamedTuple):
    """One captured output: its key (`output: {alias} #{n}.output`) and what was sent."""

    key: str
    value: Any


class Recording:
    """One operation's entries, in order, with its metadata.

    A recording is written by one operation, closed when it is saved or aborted, and read back
    from a cassette. Values come out decoded afresh at every call. `origin` is how the error of one
    that is damaged begins: a cassette sets it to name the file.
    """

    def __init__(
        self,
        recording_id: str,
        *,
        started_at: int,
        entries: list[Entry] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.id = recording_id
        self.started_at = started_at
        self._entries: list[Entry] = [] if entries is None else entries
        self._completion: Completion | None = None
        self._size = 0
        self.redaction: Redaction | None = None
        self.origin = ""
        self._metadata: dict[str, Any] = {} if metadata is None else metadata
        self._closed = False

    @classmethod
    def new(cls, category: str) -> "Recording":
        """Make an empty recording of a category, starting now; an empty one is a SettingsError."""
        started_at = time_ns()
        return cls(new_recording_id(category, started_at), started_at=started_at)

    @property
    def entries(self) -> list[Entry]:
        """The entries in order; the last ones may be made when they are first asked for."""
        if self._completion is not None:
            self._entries += self._completion.entries()
            self._completion = None
        return self._entries

    @property
    def size(self) -> int:
        """About how many bytes a recording that was not stored yet takes in memory."""
        completion = self._completion
        return self._size if completion is None else self._size + completion.size

    @property
    def category(self) -> str:
        """The category the recording is looked up by."""
        return category_of(self.id)

    def set_data(self, key: str, value: Any) -> None:
        """Store a value under a text key of one's own; raise SettingsError once closed."""
        self._require_open()
        if not isinstance(key, str):
            raise SettingsError(f"The key of data is {key!r}; it must be a text.")
        data = encode(value)
        self.entries.append(Entry(EntryKind.DATA, key, (), None, data))
        self._size += ENTRY_BYTES + len(data)

    def get_data(self, key: str) -> Any:
        """Return what is stored under a key, decoded afresh.

        An input gives `{'value': ...}` or `{'exception': ...}`, the last one of a repeated key; an
        output `{'args': [...], 'kwargs': {...}}` or what its data handler made. Raise
        RecordingKeyError where there is no such key, DamagedRecordingError where it can't be read.
        """
        found: Callable[[], Any] | None = None
        with self._reading():
            for name, value in self._views():
                if name == key:
                    found = value
            if found is not None:
                return found()
        raise RecordingKeyError(
            f"Recording {self.id} has no key {key!r}; get_all_keys() lists those it has."
        )

    def get_all_keys(self) -> list[str]:
        """Return the unique keys in the order they first came."""
        with self._reading():
            return list(dict.fromkeys(name for name, _ in self._views()))

    def outputs(self) -> list[Output]:
        """Return the outputs, decoded, in stored order; raise DamagedRecordingError."""
        with self._reading():
            return outputs_of(self.entries)

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Merge metadata into the recording's; raise SettingsError once closed."""
        self._require_open()
        self._metadata.update(metadata)

    def get_metadata(self) -> dict[str, Any]:
        """Return the metadata as a dictionary of the caller's own."""
        return dict(self._metadata)

    def end(self, entries: list[Entry], size: int, completion: Completion | None = None) -> None:
        """Give all entries at once, of `size` bytes in memory; raise SettingsError once closed."""
        self._require_open()
        self._entries, self._size, self._completion = entries, size, completion

    def close(self) -> None:
        """Refuse further writes."""
        self._closed = True

    def __setitem__(self, key: str, value: Any) -> None:
        self.set_data(key, value)

    def __getitem__(self, key: str) -> Any:
        return self.get_data(key)

    def __repr__(self) -> str:
        return f"<Recording {self.id} entries={len(self.entries)}>"

    def pack(self, *, compressed: bool = True) -> PackedRecording:
        """Return the stored form; the format is in docs/format.md.

        Redaction changes the recording's own metadata too, so that it is as it is stored. Raise
        EncodeError where it is over the limits that `unpack` reads within, and
        ForbiddenContentError where its redaction says that it must not be stored.
        """
        redaction = self.redaction
        try:
            metadata = encode(self._metadata)
            if redaction is not None:
                if not (self._is_flat() and redaction.leaves(self._metadata)):
                    shown = redaction.value(metadata)
                    if shown is not metadata:
                        metadata, self._metadata = shown, decode(shown)
                redaction.check(self._texts_of_the_application())
            payload = pack_entries(tuple(self.entries), redaction, framed=compressed)
        except EncodeError as error:
            raise EncodeError(f"Recording {self.id} cannot be stored: {error}") from error
        return PackedRecording(self.id, self.started_at, metadata, payload, framed=compressed)

    def _is_flat(self) -> bool:
        # Of most operations it is, and its names then are all the names there are.
        return all(
            type(value) in UNCHANGING or name in MADE_HERE for name, value in self._metadata.items()
        )

    def _texts_of_the_application(self) -> Iterator[bytes]:
        # A revision has forty digits, among which a short pattern finds anything.
        yield encode(self.category)
        yield encode({k: v for k, v in self._metadata.items() if k not in MADE_HERE})

    @classmethod
    def unpack(cls, packed: PackedRecording) -> "Recording":
        """Rebuild a recording; raise DamagedRecordingError where it cannot be."""
        try:
            entries = unpack_entries(packed.payload, framed=packed.framed)
            metadata = decode(packed.metadata)
        except (DamagedRecordingError, CodecError) as error:
            raise unreadable(packed.id, error) from error
        if not isinstance(metadata, dict):
            raise DamagedRecordingError(f"Recording {packed.id} has no metadata; delete it.")
        recording = cls(packed.id, started_at=packed.started_at, entries=entries, metadata=metadata)
        recording.close()
        return recording

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except DecodeError as error:
            told = unreadable(self.id, error)
            raise DamagedRecordingError(f"{self.origin}{told}") from error

    def _views(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        numbers: dict[tuple[EntryKind, str], int] = {}
        for entry in self.entries:
            if entry.kind is EntryKind.INPUT:
                yield input_key(entry.alias, _pair(entry)), _input_view(entry)
            elif entry.kind is EntryKind.DATA:
                yield entry.alias, entry.decoded_result
            else:
                number = numbers[entry.kind, entry.alias] = (
                    numbers.get((entry.kind, entry.alias), 0) + 1
                )
                name = output_key if entry.kind is EntryKind.OUTPUT else span_key
                yield name(entry.alias, number, "output"), entry.decoded_arguments
                if entry.result is not None:
                    yield name(entry.alias, number, "result"), _input_view(entry)

    def _require_open(self) -> None:
        if self._closed:
            raise SettingsError(f"Recording {self.id} is closed; nothing can be added to it.")


def outputs_of(entries: Iterable[Entry]) -> list[Output]:
    """Return the outputs among some entries, decoded and numbered in their order."""
    numbers: Counter[str] = Counter()
    found = []
    for entry in entries:
        if entry.kind is EntryKind.OUTPUT:
            numbers[entry.alias] += 1
            key = output_key(entry.alias, numbers[entry.alias], "output")
            found.append(Output(key, entry.decoded_arguments()))
    return found


def _pair(entry: Entry) -> list[Any]:
    arguments = entry.decoded_arguments()
    if type(arguments) is not list or len(arguments) != 2:
        raise DecodeError(f"The arguments of the input {entry.alias!r} are none: it is damaged.")
    return arguments


def _input_view(entry: Entry) -> Callable[[], dict[str, Any]]:
    return lambda: {"exception" if entry.failed else "value": entry.decoded_result()}

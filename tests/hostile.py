"""Hostile and damaged recordings, for the tests of every cassette: what to plant, what must hold.

A cassette brings a Planter, which puts raw bytes where a recording was stored.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import Any

import ormsgpack
from botocore.exceptions import ClientError
from ormsgpack import Ext

from playback_core import (
    FileBasedTapeCassette,
    InMemoryTapeCassette,
    S3TapeCassette,
    SQLiteTapeCassette,
    TapeCassette,
    TapeRecorder,
)
from playback_core.cassettes._recording_file import file_content, read_recording_file
from playback_core.cassettes._s3_objects import (
    pack_full,
    pack_metadata,
    unpack_full,
)
from playback_core.codec import compress
from playback_core.codec.frames import zstd
from playback_core.commands import ListOptions, list_recordings
from playback_core.entry import EntryKind
from playback_core.errors import PlaybackError
from playback_core.packing import PackedRecording
from playback_core.studio import DefaultTuner, EqualityStatus, PlaybackStudio

CATEGORY = "tests.hostile.buy"
MEGABYTE = 1024 * 1024


class Planter(ABC):
    """Stores recordings in a cassette and overwrites what is stored of one.

    `place` is what an error has to name beside the id. `stores_frames` says whether payloads are
    stored in compressed frames.
    """

    place: str
    stores_frames = True

    @abstractmethod
    def opened(self) -> TapeCassette:
        """Return the cassette, freshly opened where it can be."""

    @abstractmethod
    def plant(
        self, recording_id: str, *, metadata: bytes | None = None, payload: bytes | None = None
    ) -> None:
        """Overwrite encoded metadata, or the payload as it is before it is framed."""

    def plant_frame(self, recording_id: str, frame: bytes) -> None:
        """Overwrite the frame of a payload, as it is stored."""
        raise NotImplementedError(f"{type(self).__name__} stores no frames")


class InMemoryPlanter(Planter):
    place = ""
    stores_frames = False

    def __init__(self, directory: Path) -> None:
        self._cassette = InMemoryTapeCassette()

    def opened(self) -> TapeCassette:
        return self._cassette

    def plant(
        self, recording_id: str, *, metadata: bytes | None = None, payload: bytes | None = None
    ) -> None:
        stored = self._cassette._recordings
        packed = stored[recording_id]
        put = object.__setattr__
        if metadata is not None:
            put(packed, "metadata", metadata)
        if payload is not None:
            put(packed, "payload", payload)


class SQLitePlanter(Planter):
    def __init__(self, directory: Path) -> None:
        self.path = directory / "playback.db"
        self.place = str(self.path)
        self._cassette = SQLiteTapeCassette(self.path)

    def opened(self) -> TapeCassette:
        # Another one: each keeps the block it read last.
        self._cassette.close()
        self._cassette = SQLiteTapeCassette(self.path)
        return self._cassette

    def plant(
        self, recording_id: str, *, metadata: bytes | None = None, payload: bytes | None = None
    ) -> None:
        if metadata is not None:
            self._execute("UPDATE recordings SET metadata = ? WHERE id = ?", metadata, recording_id)
        if payload is not None:
            self.plant_frame(recording_id, compress(payload))
            self._execute(
                "UPDATE recordings SET start = 0, length = ? WHERE id = ?",
                len(payload),
                recording_id,
            )

    def plant_frame(self, recording_id: str, frame: bytes) -> None:
        self._execute(
            "UPDATE payloads SET payload = ? WHERE block ="
            " (SELECT block FROM recordings WHERE id = ?)",
            frame,
            recording_id,
        )

    def _execute(self, statement: str, *values: Any) -> None:
        with self._cassette._database.writing() as connection:
            connection.execute(statement, values)


class PackedPlanter(Planter):
    """A Planter for a cassette that keeps each recording apart, whole and packed."""

    @abstractmethod
    def read(self, recording_id: str) -> PackedRecording:
        """Return what is stored of a recording."""

    @abstractmethod
    def write(self, packed: PackedRecording) -> None:
        """Store a recording in place of what is there."""

    def plant(
        self, recording_id: str, *, metadata: bytes | None = None, payload: bytes | None = None
    ) -> None:
        if metadata is not None:
            self.write(replace(self.read(recording_id), metadata=metadata))
        if payload is not None:
            self.plant_frame(recording_id, compress(payload))

    def plant_frame(self, recording_id: str, frame: bytes) -> None:
        self.write(replace(self.read(recording_id), payload=frame))


class FilePlanter(PackedPlanter):
    def __init__(self, directory: Path) -> None:
        self.place = str(directory)
        self._cassette = FileBasedTapeCassette(directory)

    def opened(self) -> TapeCassette:
        return self._cassette

    def read(self, recording_id: str) -> PackedRecording:
        return read_recording_file(self._cassette._path_of(recording_id))

    def write(self, packed: PackedRecording) -> None:
        path = self._cassette._path_of(packed.id)
        path.write_bytes(file_content(packed))
        path.with_name(".index").unlink(missing_ok=True)


class S3Planter(PackedPlanter):
    """A bucket in memory: what is read of an object is the same over HTTP."""

    place = "'hostile'"

    def __init__(self, directory: Path) -> None:
        self._bucket = Bucket()
        self._cassette = S3TapeCassette("hostile", read_only=False, client=self._bucket)

    def opened(self) -> TapeCassette:
        return self._cassette

    def read(self, recording_id: str) -> PackedRecording:
        return unpack_full(recording_id, self._bucket.objects[self._full(recording_id)])

    def write(self, packed: PackedRecording) -> None:
        self._bucket.put_object(Key=self._full(packed.id), Body=pack_full(packed))
        key = self._cassette._keys.metadata(packed.id)
        self._bucket.put_object(Key=key, Body=pack_metadata(packed))

    def _full(self, recording_id: str) -> str:
        return self._cassette._keys.full(recording_id)


class Bucket:
    """What a client does with the objects of one bucket, without a service."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": BytesIO(self.objects[Key])}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:
        self.objects[Key] = Body
        return {"ETag": md5(Body).hexdigest()}

    def list_objects_v2(
        self, *, Prefix: str, StartAfter: str = "", Delimiter: str = "", **_: Any
    ) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        if Delimiter:
            ends = {key[: key.index(Delimiter, len(Prefix)) + 1] for key in keys}
            return {"CommonPrefixes": [{"Prefix": end} for end in sorted(ends)]}
        tags = [md5(self.objects[key]).hexdigest() for key in keys]
        return {
            "Contents": [{"Key": key, "ETag": tag} for key, tag in zip(keys, tags, strict=True)]
        }

    def delete_objects(self, *, Delete: dict[str, Any], **_: Any) -> dict[str, Any]:
        for item in Delete["Objects"]:
            self.objects.pop(item["Key"], None)
        return {}

    def close(self) -> None:
        """Do nothing."""


PLANTERS: list[type[Planter]] = [InMemoryPlanter, SQLitePlanter, FilePlanter, S3Planter]


recorder = TapeRecorder()


@recorder.intercept_input("find")
def find(number: int, *, tags: set[str]) -> dict[str, Any]:
    return {"number": number, "tags": tags, "error": LookupError("gone"), "path": (1.5, None)}


@recorder.intercept_output("send")
def send(order: dict[str, Any]) -> None:
    pass


@recorder.operation(category=CATEGORY, metadata_extractor=lambda number: {"user": 1})
def buy(number: int) -> list[Any]:
    found = find(number, tags={"a", "b"})
    send(found)
    recorder.record_data("note", "x" * 200)
    return [number, found["path"]]


def recorded(planter: Planter) -> list[str]:
    """Record three operations, each stored by itself, and return their ids."""
    recorder.tape_cassette = planter.opened()
    with recorder.enabled_recording():
        for number in range(3):
            buy(number)
    return list(planter.opened().iter_recording_ids(CATEGORY))


def read_whole(cassette: TapeCassette, recording_id: str) -> str | None:
    """Read all there is in a recording; return the error there was."""
    try:
        cassette.get_recording_metadata(recording_id)
        recording = cassette.get_recording(recording_id)
        for key in recording.get_all_keys():
            repr(recording.get_data(key))
        recording.outputs()
    except PlaybackError as error:
        return str(error)
    return None


def is_loadable(cassette: TapeCassette, recording_id: str) -> bool:
    """Tell whether a recording can be read, though perhaps not each value in it."""
    try:
        cassette.get_recording(recording_id)
    except PlaybackError:
        return False
    return True


def check_that_the_others_are_not_touched(planter: Planter, ids: list[str]) -> None:
    """Assert that what was planted for the second is named if wrong, and stops nothing else."""
    first, planted, last = ids
    cassette = planter.opened()
    assert {first, last} <= set(cassette.iter_recording_ids(CATEGORY))
    assert {first, last} <= set(cassette.iter_recording_ids(CATEGORY, metadata={"user": 1}))
    assert len(list(cassette.iter_recordings_metadata(CATEGORY))) in (2, 3)
    rows = {row.recording_id: row for row in list_recordings(cassette, ListOptions(limit=10))}
    assert rows[first].damaged is rows[last].damaged is None

    told = read_whole(cassette, planted)
    if told is not None:
        assert planted in told
        assert planter.place in told

    recorder.tape_cassette = cassette
    compared = PlaybackStudio(None, DefaultTuner(), recorder, recording_ids=ids).play()
    verdicts = {
        each.recording_id: each.comparator_status
        for comparisons in compared.values()
        for each in comparisons
    }
    assert set(verdicts) == set(ids)
    assert verdicts[first].equality_status is verdicts[last].equality_status is EqualityStatus.Equal
    if not is_loadable(cassette, planted):
        assert verdicts[planted].equality_status is EqualityStatus.EqualizerFailure
        assert planted in str(verdicts[planted].message)


def columns(*results: bytes, arguments: bytes | None = None) -> bytes:
    """Return a payload of data entries with these results."""
    count = len(results)
    kind = EntryKind.DATA if arguments is None else EntryKind.INPUT
    return ormsgpack.packb(
        [
            *(1, ["a"], [[]], bytes([kind] * count), bytes(count)),
            *([0] * count, [0] * count, [0] * count, [arguments] * count, list(results)),
        ]
    )


def typed(body: Any) -> bytes:
    """Return an encoded value in the tree form."""
    return b"\xc1\x00" + ormsgpack.packb(body)


def instance(path: str, code: int = 83) -> bytes:
    """Return an encoded instance of a class that is named by its path."""
    header = path if code != 70 else [path, "Exception", False]
    return typed(Ext(code, ormsgpack.packb([header, {"command": "ls"}, None, {}, None, {}])))


def code_bearing_values(module: str) -> dict[str, bytes]:
    """Return encoded values that name what must not be imported or called, in `module` or not."""
    return {
        "instance": instance(f"{module}.Thing"),
        "exception": instance(f"{module}.Thing", 70),
        "class": typed(Ext(50, f"{module}.Thing".encode())),
        "function": typed(Ext(51, f"{module}.run".encode())),
        "enum": typed(Ext(52, ormsgpack.packb([f"{module}.Thing", "A", None]))),
        "default factory": typed(
            Ext(37, ormsgpack.packb([None, Ext(51, f"{module}.run".encode()), {}]))
        ),
        "Popen": instance("subprocess.Popen"),
        "system": typed(Ext(51, b"os.system")),
        "reduce": ormsgpack.packb({"py/object": f"{module}.Thing", "py/reduce": [f"{module}.run"]}),
        "reduce call": ormsgpack.packb({"__reduce__": [f"{module}.run", ["ls"]]}),
        "pickle": ormsgpack.packb(b"c" + f"{module}\nrun\n(tR.".encode()),
    }


def _array(count: int, part: bytes) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + part * count


def _millions_of_entries() -> bytes:
    count = 4_000_000
    return ormsgpack.packb(
        [1, ["a"], [[]], bytes([3]) * count, bytes(count), *[[0] * count] * 5],
    )


def _chain() -> bytes:
    links = [[30, None, Ext(1, (n + 1).to_bytes(4, "little"))] for n in range(110_000)]
    return ormsgpack.packb([Ext(1, bytes(4)), *links, [30, None]])


BOMBS: dict[str, Callable[[], bytes]] = {
    "columns of nothing": lambda: _array(60 * MEGABYTE, b"\xc0"),
    "columns of lists": lambda: _array(20 * MEGABYTE, b"\x90"),
    "nested columns": lambda: b"\x91" * (60 * MEGABYTE),
    "a column of lists": lambda: b"\x9a\x01" + _array(8 * MEGABYTE, b"\x90") + b"\x90" * 8,
    "millions of entries": _millions_of_entries,
    "a length of four gigabytes": lambda: b"\x9a\x01\xdd\xff\xff\xff\xff",
    "a value of nothing": lambda: columns(_array(6_000_000, b"\xc0")),
    "a value of lists": lambda: columns(_array(6_000_000, b"\x91\x00")),
    "a nested value": lambda: columns(b"\x91" * MEGABYTE + b"\xc0"),
    "a nested typed value": lambda: columns(b"\xc1\x00" + b"\x91" * MEGABYTE + b"\xc0"),
    "a chain": lambda: columns(b"\xc1\x02" + _chain()),
    "a text of four gigabytes": lambda: columns(b"\xdb\xff\xff\xff\xff"),
}
"""Small payloads that ask for much memory, time or depth, as they are unframed; made when used."""

FRAME_HEADER = b"PB\x01\x01"


@cache
def _large() -> bytes:
    return zstd.compress(bytes(600 * MEGABYTE), 1)


def _small() -> bytes:
    return zstd.compress(bytes(1000), 1)


def _streamed() -> bytes:
    stream = zstd.ZstdCompressor(level=1)
    return b"".join(stream.compress(bytes(MEGABYTE)) for _ in range(1024)) + stream.flush()


def _lying() -> bytes:
    raw = bytearray(_large())
    # Magic number, descriptor, then the size: of eight bytes here, of two for a small frame.
    raw[5:13] = (1000).to_bytes(8, "little")
    return bytes(raw)


FRAME_BOMBS: dict[str, Callable[[], bytes]] = {
    "says its size": lambda: FRAME_HEADER + _large(),
    "does not say its size": lambda: FRAME_HEADER + _streamed(),
    "lies about its size": lambda: FRAME_HEADER + _lying(),
    "is followed by another": lambda: FRAME_HEADER + _small() + _large(),
    "is of an unknown method": lambda: b"PB\x01\x07" + _small(),
    "is of an unknown version": lambda: b"PB\x09\x01" + _small(),
    "is empty": lambda: b"",
    "is a header": lambda: FRAME_HEADER,
}
"""Frames that unpack to much, or say something else than they unpack to; made when used."""


def damaged_payloads() -> dict[str, bytes]:
    """Return payloads that no writer wrote."""
    whole = columns(b"\x01")
    parts = ormsgpack.unpackb(whole)

    def with_part(position: int, value: Any) -> bytes:
        return ormsgpack.packb([*parts[:position], value, *parts[position + 1 :]])

    return {
        "empty": b"",
        "cut": whole[:-2],
        "no array": ormsgpack.packb({"a": 1}),
        "another version": with_part(0, 2),
        "too few columns": ormsgpack.packb(parts[:-1]),
        "an alias that is no text": with_part(1, [1]),
        "an unknown kind": with_part(3, b"\x63"),
        "an alias out of reach": with_part(5, [7]),
        "a branch out of reach": with_part(6, [7]),
        "a time that is text": with_part(7, ["soon"]),
        "columns of different lengths": with_part(7, [0, 0]),
        "a result that is a number": with_part(9, [5]),
        "an empty result": with_part(9, [b""]),
        "arguments that are none": columns(b"\x01", arguments=b"\xc0"),
        "a value of an unknown kind": columns(typed(Ext(99, b""))),
        "a value cut short": columns(b"\xc1\x00\x92\x01"),
    }


DAMAGED_METADATA = {
    "empty": b"",
    "no mapping": b"\x91\x01",
    "cut": b"\x82\xa1a",
    "an unused byte": b"\xc1",
    "nested": b"\x81\xa1a" + b"\x91" * 100_000,
    "a length of four gigabytes": b"\xdf\xff\xff\xff\xff",
}

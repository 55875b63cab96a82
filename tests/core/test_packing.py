"""Packing: what a recording's payload holds, and that no secret is in it."""

from typing import Any, NamedTuple

import pytest

from playback_core import Recording
from playback_core.codec import Deferred, encode, encode_key, snapshot
from playback_core.codec.redaction import Redactor
from playback_core.entry import Entry, EntryKind
from playback_core.errors import EncodeError
from playback_core.packing import pack_entries, unpack_entries

SECRET = "hunter2-hunter2"
LONG_NAME = "a_secret_whose_name_goes_on_and_on_until_its_length_reads_as_a_letter"


class CountingRedactor(Redactor):
    """Counts the values it was asked to redact."""

    asked = 0

    def value(self, blob: bytes) -> bytes:
        self.asked += 1
        return super().value(blob)

    def key(self, blob: bytes) -> bytes:
        self.asked += 1
        return super().key(blob)


class Login(NamedTuple):
    user: str
    password: str


@pytest.fixture
def redactor() -> CountingRedactor:
    return CountingRedactor(key=b"key", fields=["password", "secret", LONG_NAME])


def recording_of(redactor: Redactor, *results: Any, arguments: Any = ()) -> Recording:
    recording = Recording.new("Operation")
    recording.redaction = redactor
    key = encode_key([list(arguments), {}])
    for result in results:
        recording.entries.append(Entry(EntryKind.INPUT, "read", (), key, snapshot(result)))
    return recording


@pytest.mark.parametrize(
    "secret",
    [
        {"password": SECRET},
        {"PassWord": SECRET},
        [[{"secret": SECRET}]],
        {LONG_NAME: SECRET},
        {LONG_NAME.title(): SECRET},
        {"a": ({"password": SECRET},)},
        Login("ann", SECRET),
        [Login("ann", SECRET)],
    ],
)
def test_a_secret_is_found_among_values_without_one(
    redactor: CountingRedactor, secret: Any
) -> None:
    for values in ([secret, 1], [1, {"a": 1}, secret], [{"a": (1,)}, secret, "text"]):
        packed = recording_of(redactor, *values).pack(compressed=False)
        assert SECRET.encode() not in packed.payload
        assert redactor.pseudonym(SECRET).encode() in packed.payload


def test_a_secret_among_arguments_is_found(redactor: CountingRedactor) -> None:
    recording = recording_of(redactor, 1, arguments=[{"password": SECRET}])
    assert SECRET.encode() not in recording.pack(compressed=False).payload


def test_data_under_a_secret_name_is_hidden_whatever_it_is(redactor: CountingRedactor) -> None:
    recording = Recording.new("Operation")
    recording.redaction = redactor
    recording.set_data("Password", SECRET)
    assert SECRET.encode() not in recording.pack(compressed=False).payload


def test_where_nothing_may_be_secret_no_value_is_looked_at_by_itself(
    redactor: CountingRedactor,
) -> None:
    recording = recording_of(
        redactor,
        {"has_secret_key": True, "note": "the password, please"},
        "password",
        ("a", 1),
        None,
        # Too large to be searched for nothing; it has no fields.
        "password" * 10_000,
    )
    assert isinstance(recording.entries[-1].result, Deferred)
    recording.pack(compressed=False)
    assert redactor.asked == 0


def test_redaction_leaves_the_other_entries_as_they_are(redactor: CountingRedactor) -> None:
    values = [{"b": 1, "a": [1.5, None]}, {"password": SECRET}, "x" * 20_000]
    entries = Recording.unpack(recording_of(redactor, *values).pack()).entries
    assert [entry.result for entry in entries[::2]] == [encode(values[0]), encode(values[2])]


def test_more_entries_than_can_be_read_are_not_stored() -> None:
    entry = Entry(EntryKind.DATA, "key", (), None, b"\x01")

    assert len(unpack_entries(pack_entries((entry,) * 390_000, None, framed=True), framed=True))
    with pytest.raises(EncodeError, match="410,000 entries are too many to be read back"):
        pack_entries((entry,) * 410_000, None, framed=True)

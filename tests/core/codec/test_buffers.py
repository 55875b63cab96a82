"""Binary among natively encoded values: no bytearray comes back as bytes, wherever it hides."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec import decode, encode, encode_key

# Text whose UTF-8 has the bytes that begin binaries and floats, and floats full of them.
LATIN = st.text(st.sampled_from("aä\u0104\u0141\u0144\u0152\u01f4\u02d0\u02d1"), max_size=40)
TREACHEROUS = st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack(">d", raw)[0])
BINARY = st.binary(max_size=300)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    TREACHEROUS.filter(lambda number: number == number),
    LATIN,
    BINARY,
    BINARY.map(bytearray),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(LATIN, inner, max_size=6),
    max_leaves=40,
)


def with_types(value):
    if isinstance(value, list):
        return [with_types(part) for part in value]
    if isinstance(value, dict):
        return {name: with_types(part) for name, part in value.items()}
    return type(value), value


@given(VALUES)
def test_bytes_and_bytearray_stay_what_they_were(value):
    assert with_types(decode(encode(value))) == with_types(value)


@given(VALUES)
def test_a_key_tells_bytes_from_bytearray(value):
    assert with_types(decode(encode_key(value))) == with_types(value)


@pytest.mark.parametrize("size", [0, 1, 31, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize("before", [[], [0.1], [1e300, -2.5], ["ÄÖ"], [2**40], [[-1]] * 40])
def test_a_bytearray_is_found_behind_numbers_and_text(size, before):
    value = [*before, {"key": bytearray(size)}]
    assert with_types(decode(encode(value))) == with_types(value)


def test_a_memoryview_is_not_taken_for_bytes():
    assert type(decode(encode([b"x"]))[0]) is bytes
    assert type(decode(encode([memoryview(b"x")]))[0]) is not bytes


def test_a_large_value_of_floats_keeps_a_bytearray_at_its_end():
    value = [[index / 7, index / 11] for index in range(5_000)] + [bytearray(b"end")]
    assert with_types(decode(encode(value))) == with_types(value)

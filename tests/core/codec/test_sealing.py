"""Bytes that are sealed under a key, and given back under the same one only."""

from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec.sealing import Seal

keys = st.binary(min_size=1, max_size=80)


@given(keys, st.binary(max_size=300))
def test_what_is_sealed_is_given_back(key: bytes, plain: bytes) -> None:
    assert Seal(key).unseal(Seal(key).seal(plain)) == plain


@given(keys, keys, st.binary(min_size=1, max_size=80))
def test_another_key_gives_nothing(key: bytes, other: bytes, plain: bytes) -> None:
    given_back = Seal(other).unseal(Seal(key).seal(plain))

    assert given_back == (plain if other == key else None)


@given(st.binary(min_size=1, max_size=80), st.data())
def test_a_changed_byte_gives_nothing(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(Seal(b"key").seal(plain))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))

    assert Seal(b"key").unseal(bytes(sealed)) is None


@given(st.binary(max_size=15))
def test_what_is_shorter_than_a_tag_gives_nothing(sealed: bytes) -> None:
    assert Seal(b"key").unseal(sealed) is None


@given(st.binary(min_size=8, max_size=200))
def test_nothing_of_it_is_to_be_seen(plain: bytes) -> None:
    sealed = Seal(b"key").seal(plain)

    assert len(sealed) == len(plain) + 16
    assert plain not in sealed


def test_the_same_bytes_are_sealed_the_same_and_others_otherwise() -> None:
    sealed = Seal(b"key").seal(bytes(64))

    assert sealed == Seal(b"key").seal(bytes(64))
    assert sealed[16:] != Seal(b"key").seal(bytes(63) + b"\1")[16:]
